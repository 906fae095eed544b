//! Reads an info file line by line and verifies its checksum (`docs/format/info-files.md`).
//!
//! Nothing but the current line is held. Entries are handed on before the checksum at the end could be verified, so a
//! caller must throw its result away when [`read`] fails.

use std::io::BufRead;

use secrecy::SecretString;

use super::checksum::InfoChecksum;
use super::json::{self, JsonReader};
use crate::error::{Error, ErrorType, Result};

/// No line of a real file comes near this; a stream without line ends must not fill the memory.
const MAX_LINE: usize = 64 << 20;

/// What to make of a file of a later format.
pub(crate) const NEWER_FORMAT: &str =
    "pgkeep reads and writes format 5; format 6 is marked by its authors as not for production.";

/// What every info file says about itself.
#[derive(Debug, Default)]
pub struct InfoHeader {
    /// Version of the program that wrote the file; any string.
    pub version: String,
    /// Passphrase of the files that depend on this one; `None`: they are not encrypted.
    pub cipher_pass: Option<SecretString>,
}

/// Takes section, key and raw JSON text of one entry.
pub type EachEntry<'a> = &'a mut dyn FnMut(&[u8], &[u8], &[u8]) -> Result<()>;

/// Reads a whole info file and calls `each(section, key, value)` for every entry outside `[backrest]` and `[cipher]`;
/// `value` is the raw JSON text.
///
/// Fails with [`ErrorType::Format`] for a broken line or another format number, [`ErrorType::JsonFormat`] for a value of
/// the wrong type, [`ErrorType::Checksum`] when the checksum is missing or wrong.
pub fn read(input: &mut dyn BufRead, each: EachEntry<'_>) -> Result<InfoHeader> {
    let mut header = InfoHeader::default();
    let mut checksum = InfoChecksum::new();
    let mut expected = None;
    let mut section: Vec<u8> = Vec::new();
    let mut line: Vec<u8> = Vec::new();
    let mut number = 0usize;
    while read_line(input, &mut line)? {
        number += 1;
        if line.is_empty() {
            continue;
        }
        if line[0] == b'[' && line.len() > 1 && line[line.len() - 1] == b']' {
            section.clear();
            section.extend_from_slice(&line[1..line.len() - 1]);
            if section.is_empty() {
                return Err(Error::format(format!(
                    "invalid empty section at line {number}: []"
                )));
            }
            continue;
        }
        if section.is_empty() {
            return Err(Error::format(format!(
                "key/value found outside of section at line {number}: {}",
                shown(&line)
            )));
        }
        let secret = section == b"cipher";
        let (key, value) = split(&line, number, secret)?;
        let is_checksum = section == b"backrest" && key == b"backrest-checksum";
        if !is_checksum {
            checksum.add(&section, key, value);
        }
        let mut json = JsonReader::new(value);
        match (section.as_slice(), key) {
            (b"backrest", b"backrest-format") => {
                let format = json.read_u64()?;
                if format != super::FORMAT {
                    let error = Error::format(format!(
                        "expected format {} but found {format}",
                        super::FORMAT
                    ));
                    return Err(if format > super::FORMAT {
                        error.with_hint(NEWER_FORMAT)
                    } else {
                        error
                    });
                }
            }
            (b"backrest", b"backrest-version") => header.version = json.read_text()?,
            (b"backrest", b"backrest-checksum") => expected = Some(json.read_text()?),
            (b"cipher", b"cipher-pass") => {
                header.cipher_pass = Some(SecretString::from(json.read_text()?))
            }
            (b"backrest" | b"cipher", _) => {}
            _ => each(&section, key, value)?,
        }
    }
    let actual = checksum.finish();
    match expected {
        None => Err(Error::new(
            ErrorType::Checksum,
            format!("invalid checksum, actual '{actual}' but no checksum found"),
        )),
        Some(expected) if expected != actual => Err(Error::new(
            ErrorType::Checksum,
            format!("invalid checksum, actual '{actual}' but expected '{expected}'"),
        )),
        Some(_) => Ok(header),
    }
}

/// Reads one line without its end; `false` at the end of the file.
fn read_line(input: &mut dyn BufRead, line: &mut Vec<u8>) -> Result<bool> {
    line.clear();
    let mut any = false;
    loop {
        let buffer = input.fill_buf()?;
        if buffer.is_empty() {
            return Ok(any);
        }
        any = true;
        let end = buffer.iter().position(|&byte| byte == b'\n');
        line.extend_from_slice(&buffer[..end.unwrap_or(buffer.len())]);
        let used = end.map_or(buffer.len(), |end| end + 1);
        input.consume(used);
        if end.is_some() {
            return Ok(true);
        }
        if line.len() > MAX_LINE {
            return Err(Error::format("line is too long"));
        }
    }
}

/// Splits at the first `=` whose right side is JSON: keys are file names and may hold `=` themselves.
fn split(line: &[u8], number: usize, secret: bool) -> Result<(&[u8], &[u8])> {
    let show = || {
        if secret {
            "<redacted>".to_owned()
        } else {
            shown(line)
        }
    };
    let mut from = 0;
    let mut reason = None;
    while let Some(at) = line[from..].iter().position(|&byte| byte == b'=') {
        let equal = from + at;
        let value = &line[equal + 1..];
        match json::validate(value) {
            Ok(()) if equal == 0 => {
                return Err(Error::format(format!(
                    "key is zero-length at line {number}: {}",
                    show()
                )));
            }
            Ok(()) => return Ok((&line[..equal], value)),
            Err(error) => reason = Some(error),
        }
        from = equal + 1;
    }
    match reason {
        None => Err(Error::format(format!(
            "missing '=' in key/value at line {number}: {}",
            show()
        ))),
        Some(_) if secret => Err(Error::format(format!(
            "invalid JSON value at line {number}"
        ))),
        Some(reason) => Err(Error::format(format!(
            "invalid JSON value at line {number} '{}': {}",
            show(),
            reason.message
        ))),
    }
}

/// A line as it may appear in a message: broken files are often binary and long.
fn shown(line: &[u8]) -> String {
    String::from_utf8_lossy(&line[..line.len().min(1024)]).into_owned()
}
