//! Info files and manifests: parse, and parse → write → parse.

use std::io::BufRead;

use pgkeep_repo::info_file::json::{JsonReader, validate, write_string};
use pgkeep_repo::{ArchiveInfo, BackupInfo, Error, Manifest};

type Parsed<T> = std::result::Result<T, Error>;

/// `archive.info`
pub fn archive_info(data: &[u8]) {
    info_file(data, ArchiveInfo::parse, |info, out| {
        info.write(out, &info.version)
    });
}

/// `backup.info`
pub fn backup_info(data: &[u8]) {
    info_file(data, BackupInfo::parse, |info, out| {
        info.write(out, &info.version)
    });
}

/// `backup.manifest`
pub fn manifest(data: &[u8]) {
    info_file(
        data,
        |input| {
            let manifest = Manifest::parse(input)?;
            // Whatever they say, the checks must not fall over it.
            let _ = (manifest.validate(false), manifest.validate(true));
            Ok(manifest)
        },
        |manifest, out| manifest.write(out, &manifest.version),
    );
}

/// What is written of a parsed file must parse, and be written the same way again.
fn info_file<T>(
    data: &[u8],
    parse: impl Fn(&mut dyn BufRead) -> Parsed<T>,
    write: impl Fn(&T, &mut Vec<u8>) -> Parsed<()>,
) {
    let Some(value) = parse_with_true_checksum(data, &parse) else {
        return;
    };
    let mut first = Vec::new();
    if write(&value, &mut first).is_err() {
        return;
    }
    let again = parse(&mut &first[..]);
    let again = again.unwrap_or_else(|error| {
        panic!(
            "what was written does not parse: {error}\n{}",
            shown(&first)
        )
    });
    let mut second = Vec::new();
    write(&again, &mut second).expect("what was written once can be written again");
    assert_eq!(
        shown(&first),
        shown(&second),
        "a round trip changes the file"
    );
}

/// Parses; when nothing but the checksum is wrong, with the right one. No fuzzer finds a SHA-1 by itself.
pub(super) fn parse_with_true_checksum<T>(
    data: &[u8],
    parse: &impl Fn(&mut dyn BufRead) -> Parsed<T>,
) -> Option<T> {
    let error = match parse(&mut &data[..]) {
        Ok(value) => return Some(value),
        Err(error) => error.to_string(),
    };
    let actual = error
        .split("invalid checksum, actual '")
        .nth(1)?
        .get(..40)?
        .to_owned();
    // The last one counts, and a checksum is not part of the sum.
    let mut mended = data.to_vec();
    mended.extend_from_slice(format!("\n[backrest]\nbackrest-checksum=\"{actual}\"\n").as_bytes());
    parse(&mut &mended[..]).ok()
}

fn shown(text: &[u8]) -> String {
    String::from_utf8_lossy(text).into_owned()
}

/// The JSON dialect of info files.
pub fn info_json(data: &[u8]) {
    let valid = validate(data).is_ok();
    let mut reader = JsonReader::new(data);
    let skipped = reader.skip().and_then(|()| reader.end()).is_ok();
    assert_eq!(valid, skipped, "validate and skip disagree");
    let _ = JsonReader::new(data).read_bool();
    let _ = JsonReader::new(data).read_u32();
    let _ = JsonReader::new(data).read_i64();
    let _ = JsonReader::new(data).read_mode();
    let _ = JsonReader::new(data).read_sha1();
    let _ = JsonReader::new(data).read_owner();
    if let Ok(text) = JsonReader::new(data).read_string() {
        let mut written = Vec::new();
        write_string(&mut written, &text);
        let again = JsonReader::new(&written)
            .read_string()
            .expect("a written string is a string")
            .into_owned();
        assert_eq!(*text, again, "a string changes when it is written");
    }
    let mut written = Vec::new();
    write_string(&mut written, data);
    if let Ok(again) = JsonReader::new(&written).read_string() {
        assert_eq!(data, &*again, "a string changes when it is written");
    }
}
