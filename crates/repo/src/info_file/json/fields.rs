//! Values that the format writes as strings: texts, owners, modes and checksums.

use super::read::JsonReader;
use crate::error::{Error, Result};

impl JsonReader<'_> {
    /// The next string, which must be UTF-8.
    pub fn read_text(&mut self) -> Result<String> {
        let bytes = self.read_string()?.into_owned();
        String::from_utf8(bytes).map_err(|error| {
            Error::json(format!(
                "'{}' is not valid UTF-8",
                String::from_utf8_lossy(error.as_bytes())
            ))
        })
    }

    /// The next value is `false` (no such owner, `None`) or a string.
    pub fn read_owner(&mut self) -> Result<Option<String>> {
        if matches!(self.peek()?, b't' | b'f') {
            return if self.read_bool()? {
                Err(Error::format("owner bool must be false"))
            } else {
                Ok(None)
            };
        }
        self.read_text().map(Some)
    }

    /// A mode: octal digits in a string.
    pub fn read_mode(&mut self) -> Result<u32> {
        let text = self.read_string()?;
        let octal = !text.is_empty()
            && text.len() <= 6
            && text.iter().all(|byte| (b'0'..=b'7').contains(byte));
        if !octal {
            return Err(Error::format(format!(
                "invalid mode '{}'",
                String::from_utf8_lossy(&text)
            )));
        }
        let mode = text
            .iter()
            .fold(0, |mode, byte| mode * 8 + u32::from(byte - b'0'));
        if mode > 0o7777 {
            return Err(Error::format(format!("mode '{mode:04o}' is out of range")));
        }
        Ok(mode)
    }

    /// A SHA-1: 40 hexadecimal digits in a string.
    pub fn read_sha1(&mut self) -> Result<[u8; 20]> {
        let text = self.read_string()?;
        parse_sha1(&text).ok_or_else(|| {
            Error::format(format!(
                "invalid checksum '{}'",
                String::from_utf8_lossy(&text)
            ))
        })
    }
}

/// Parses 40 hexadecimal digits.
#[must_use]
pub fn parse_sha1(text: &[u8]) -> Option<[u8; 20]> {
    if text.len() != 40 {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let mut sha1 = [0; 20];
    for (byte, pair) in sha1.iter_mut().zip(text.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(sha1)
}
