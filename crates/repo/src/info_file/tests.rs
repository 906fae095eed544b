use std::io::Write as _;

use proptest::strategy::Strategy as _;

use pgkeep_storage::{ErrorKind, Operation};
use secrecy::ExposeSecret;

use super::json::{self, JsonReader};
use super::*;
use crate::error::{Error, ErrorType};

/// Spec A.1: a complete `archive.info`.
pub(crate) const ARCHIVE_INFO: &str = "[backrest]\nbackrest-format=5\nbackrest-version=\"2.60.0dev\"\n\n[db]\ndb-id=1\n\
     db-system-id=7711582491497792841\ndb-version=\"15\"\n\n[db:history]\n\
     1={\"db-id\":7711582491497792841,\"db-version\":\"15\"}\n\n[backrest]\n\
     backrest-checksum=\"0c4b4e7edf09fabf09923587ac43f176da19ed66\"\n";

type Entries = Vec<(Vec<u8>, Vec<u8>, Vec<u8>)>;

fn entries(text: &[u8]) -> crate::Result<Entries> {
    let mut entries = Vec::new();
    read(&mut &text[..], &mut |section, key, value| {
        entries.push((section.to_vec(), key.to_vec(), value.to_vec()));
        Ok(())
    })?;
    Ok(entries)
}

fn kind(text: &str) -> ErrorType {
    entries(text.as_bytes()).unwrap_err().kind
}

/// A file with one entry and a right checksum.
fn file(section: &'static str, key: &[u8], value: &[u8]) -> Vec<u8> {
    let mut writer = InfoWriter::new(Vec::new(), "x", None).unwrap();
    writer
        .value(section, key, |out| out.extend_from_slice(value))
        .unwrap();
    writer.finish().unwrap()
}

#[test]
fn the_checksum_of_the_specification_is_found_right() {
    let entries = entries(ARCHIVE_INFO.as_bytes()).unwrap();
    assert_eq!(entries.len(), 4);
    assert_eq!(entries[3].1, b"1");
}

#[test]
fn a_changed_byte_breaks_the_checksum() {
    assert_eq!(
        kind(&ARCHIVE_INFO.replace("db-id=1\n", "db-id=2\n")),
        ErrorType::Checksum
    );
    assert_eq!(
        kind(&ARCHIVE_INFO.replace("0c4b", "0c4c")),
        ErrorType::Checksum
    );
    assert_eq!(
        kind(ARCHIVE_INFO.split("\n\n[backrest]").next().unwrap()),
        ErrorType::Checksum
    );
}

#[test]
fn broken_lines_are_format_errors() {
    assert_eq!(kind("a=1\n"), ErrorType::Format);
    assert_eq!(kind("[]\n"), ErrorType::Format);
    assert_eq!(kind("[a]\nno equal sign\n"), ErrorType::Format);
    assert_eq!(kind("[a]\n=1\n"), ErrorType::Format);
    assert_eq!(kind("[a]\nkey=[1\n"), ErrorType::Format);
    assert_eq!(kind("[a]\nkey={\"a\":1,}\n"), ErrorType::Format);
    assert_eq!(
        kind(&ARCHIVE_INFO.replace("format=5", "format=6")),
        ErrorType::Format
    );
    assert_eq!(
        kind(&ARCHIVE_INFO.replace("format=5", "format=\"5\"")),
        ErrorType::JsonFormat
    );
}

#[test]
fn a_broken_cipher_line_is_not_shown() {
    let error = entries(b"[cipher]\ncipher-pass=\"sesame\n").unwrap_err();
    assert_eq!(error.kind, ErrorType::Format);
    assert!(!error.text().contains("sesame"), "{error}");
}

#[test]
fn keys_may_hold_equal_signs() {
    for key in [
        &b"a=b"[..],
        b"a=1",
        b"a=\"x\"",
        b"=",
        b"==",
        b"a={}",
        b"[x",
        b"sp ace",
        b"\xff\xfe=\"",
        b"#c",
    ] {
        let found = entries(&file("target:file", key, b"{\"size\":1}")).unwrap();
        assert_eq!(
            found,
            [(
                b"target:file".to_vec(),
                key.to_vec(),
                b"{\"size\":1}".to_vec()
            )]
        );
    }
}

#[test]
fn a_name_with_a_line_end_is_refused_on_write() {
    let mut writer = InfoWriter::new(Vec::new(), "x", None).unwrap();
    assert_eq!(
        writer.u64("a", b"x\ny", 1).unwrap_err().kind,
        ErrorType::Format
    );
}

#[test]
fn the_cipher_section_takes_its_place_among_the_others() {
    let pass = secrecy::SecretString::from("secret \"x\"");
    let mut writer = InfoWriter::new(Vec::new(), "x", Some(&pass)).unwrap();
    writer.bool("backup", b"a", true).unwrap();
    writer.u64("db", b"b", 1).unwrap();
    let text = writer.finish().unwrap();
    let sections: Vec<_> = std::str::from_utf8(&text)
        .unwrap()
        .lines()
        .filter(|line| line.starts_with('['))
        .collect();
    assert_eq!(
        sections,
        ["[backrest]", "[backup]", "[cipher]", "[db]", "[backrest]"]
    );
    let header = read(&mut &text[..], &mut |_, _, _| Ok(())).unwrap();
    assert_eq!(header.cipher_pass.unwrap().expose_secret(), "secret \"x\"");
    assert_eq!(header.version, "x");
}

#[test]
fn strings_are_escaped_as_pgbackrest_does() {
    let mut out = Vec::new();
    json::write_string(&mut out, b"a\"\\\n\r\t\x08\x0c/\x1f\xff\xc3\xa9");
    assert_eq!(out, b"\"a\\\"\\\\\\n\\r\\t\\b\\f/\x1f\xff\xc3\xa9\"");
    assert_eq!(
        JsonReader::new(&out).read_string().unwrap().as_ref(),
        b"a\"\\\n\r\t\x08\x0c/\x1f\xff\xc3\xa9"
    );
}

#[test]
fn escapes_of_other_writers_are_read() {
    assert_eq!(
        JsonReader::new(br#""\/\u001f\u00e9""#)
            .read_string()
            .unwrap()
            .as_ref(),
        b"/\x1f\xe9"
    );
    assert!(json::validate(br#""x\u0041""#).is_ok());
    assert!(JsonReader::new(br#""\u0100""#).read_string().is_err());
    assert!(JsonReader::new(br#""\u+0ff""#).read_string().is_err());
    assert!(JsonReader::new(br#""\x""#).read_string().is_err());
    assert!(JsonReader::new(br#""\u00"#).read_string().is_err());
}

#[test]
fn numbers_have_the_range_of_their_field() {
    assert_eq!(
        JsonReader::new(b"18446744073709551615").read_u64().unwrap(),
        u64::MAX
    );
    assert!(JsonReader::new(b"18446744073709551616").read_u64().is_err());
    assert!(JsonReader::new(b"4294967296").read_u32().is_err());
    assert_eq!(
        JsonReader::new(b"-9223372036854775808").read_i64().unwrap(),
        i64::MIN
    );
    assert!(JsonReader::new(b"9223372036854775808").read_i64().is_err());
    assert!(JsonReader::new(b"-1").read_u64().is_err());
    assert!(json::validate(b"1.5").is_err());
    assert!(json::validate(b"-").is_err());
}

#[test]
fn hostile_nesting_is_an_error() {
    assert_eq!(
        json::validate(&vec![b'['; 100_000]).unwrap_err().kind,
        ErrorType::JsonFormat
    );
    assert_eq!(
        json::validate(&b"{\"a\":".repeat(100_000))
            .unwrap_err()
            .kind,
        ErrorType::JsonFormat
    );
}

#[test]
fn prefixes_of_a_file_never_panic() {
    for length in 0..ARCHIVE_INFO.len() - 1 {
        assert!(entries(&ARCHIVE_INFO.as_bytes()[..length]).is_err());
    }
}

#[test]
fn errors_of_readers_keep_their_class() {
    let storage = pgkeep_storage::Error::new(ErrorKind::Denied, Operation::Read, "/x", "no");
    let error = Error::from(std::io::Error::other(storage));
    assert_eq!(error.kind.name(), "FileReadError");
    let mut sink = Vec::new();
    sink.write_all(b"x").unwrap();
    assert_eq!(
        Error::from(std::io::Error::other("odd")).kind.name(),
        "FileReadError"
    );
}

proptest::proptest! {
    #[test]
    fn any_line_is_read_or_refused(text in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
        let mut all = b"[s]\n".to_vec();
        all.extend_from_slice(&text);
        let _ = entries(&all);
        let _ = json::validate(&text);
        let _ = JsonReader::new(&text).read_string();
    }

    #[test]
    fn any_key_and_string_survive(
        key in proptest::collection::vec(proptest::prelude::any::<u8>().prop_filter("no line end", |b| *b != b'\n'), 1..40),
        text in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..40),
    ) {
        use proptest::prelude::*;
        let mut value = b"{\"destination\":".to_vec();
        json::write_string(&mut value, &text);
        value.push(b'}');
        let found = entries(&file("target:link", &key, &value)).unwrap();
        prop_assert_eq!(&found[0].1, &key);
        prop_assert_eq!(&found[0].2, &value);
    }
}
