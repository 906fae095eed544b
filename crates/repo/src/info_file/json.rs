//! JSON as pgBackRest writes and reads it: strings are bytes, numbers are decimal integers (`docs/format/info-files.md`).
//!
//! The writer never writes `\u` (readers of old versions stumble over it) and never a space. The reader takes what pgBackRest
//! takes: white space, `\/`, `\u00XX`, unknown keys. It does not depend on the order of keys. Bad input is an error, however
//! deep or long.

use std::borrow::Cow;

use crate::error::{Error, Result};

/// Values nest two levels in real files; this keeps hostile input off the stack.
const MAX_DEPTH: usize = 64;

/// Appends `text` as a JSON string.
pub fn write_string(out: &mut Vec<u8>, text: &[u8]) {
    out.push(b'"');
    let mut plain = 0;
    for (at, byte) in text.iter().enumerate() {
        let escape = match byte {
            b'"' => b'"',
            b'\\' => b'\\',
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            0x08 => b'b',
            0x0c => b'f',
            _ => continue,
        };
        out.extend_from_slice(&text[plain..at]);
        out.extend_from_slice(&[b'\\', escape]);
        plain = at + 1;
    }
    out.extend_from_slice(&text[plain..]);
    out.push(b'"');
}

/// Appends a decimal number.
pub fn write_u64(out: &mut Vec<u8>, mut value: u64) {
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// Appends a decimal number with its sign.
pub fn write_i64(out: &mut Vec<u8>, value: i64) {
    if value < 0 {
        out.push(b'-');
    }
    write_u64(out, value.unsigned_abs());
}

/// Appends bytes as a string of lower-case hexadecimal digits.
pub fn write_hex(out: &mut Vec<u8>, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.push(b'"');
    for byte in bytes {
        out.push(DIGITS[usize::from(byte >> 4)]);
        out.push(DIGITS[usize::from(byte & 15)]);
    }
    out.push(b'"');
}

/// Writes one object; the caller gives keys in ascending order, as readers of pgBackRest require.
#[derive(Debug)]
pub struct ObjectWriter<'a> {
    out: &'a mut Vec<u8>,
    last: &'static str,
}

impl<'a> ObjectWriter<'a> {
    /// Appends the opening brace.
    pub fn begin(out: &'a mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, last: "" }
    }

    /// Appends the key; the value is then appended to what is returned.
    pub fn key(&mut self, key: &'static str) -> &mut Vec<u8> {
        debug_assert!(
            self.last < key,
            "'{key}' after '{}': keys of the format are ascending",
            self.last
        );
        if !self.last.is_empty() {
            self.out.push(b',');
        }
        self.last = key;
        self.out.push(b'"');
        self.out.extend_from_slice(key.as_bytes());
        self.out.extend_from_slice(b"\":");
        self.out
    }

    pub fn string(&mut self, key: &'static str, value: impl AsRef<[u8]>) {
        write_string(self.key(key), value.as_ref());
    }

    pub fn u64(&mut self, key: &'static str, value: u64) {
        write_u64(self.key(key), value);
    }

    pub fn bool(&mut self, key: &'static str, value: bool) {
        self.key(key).extend_from_slice(bool_text(value));
    }

    /// Appends the closing brace.
    pub fn end(self) {
        self.out.push(b'}');
    }
}

/// `true` or `false`.
#[must_use]
pub fn bool_text(value: bool) -> &'static [u8] {
    if value { b"true" } else { b"false" }
}

/// Whether `text` is exactly one JSON value: this is how the `=` of an INI line is found.
pub fn validate(text: &[u8]) -> Result<()> {
    let mut reader = JsonReader::new(text);
    reader.skip()?;
    reader.end()
}

/// Reads values one after the other from a text.
#[derive(Debug)]
pub struct JsonReader<'a> {
    text: &'a [u8],
    at: usize,
    /// An object or array was just opened: no comma is due.
    fresh: bool,
}

impl<'a> JsonReader<'a> {
    #[must_use]
    pub fn new(text: &'a [u8]) -> Self {
        Self {
            text,
            at: 0,
            fresh: false,
        }
    }

    fn error(&self, what: &str) -> Error {
        let rest = &self.text[self.at.min(self.text.len())..];
        let shown = String::from_utf8_lossy(&rest[..rest.len().min(256)]);
        Error::json(format!("{what} at: {shown}"))
    }

    fn white_space(&mut self) {
        while matches!(self.text.get(self.at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// The next byte that is no white space.
    fn peek(&mut self) -> Result<u8> {
        self.white_space();
        self.text
            .get(self.at)
            .copied()
            .ok_or_else(|| Error::json("expected data"))
    }

    fn expect(&mut self, byte: u8) -> Result<()> {
        if self.peek()? == byte {
            self.at += 1;
            Ok(())
        } else {
            Err(self.error(&format!("expected {}", char::from(byte))))
        }
    }

    /// Nothing but white space may follow.
    pub fn end(&mut self) -> Result<()> {
        self.white_space();
        if self.at == self.text.len() {
            Ok(())
        } else {
            Err(self.error("characters after JSON"))
        }
    }

    /// Enters an object; then [`Self::next_key`].
    pub fn begin_object(&mut self) -> Result<()> {
        self.expect(b'{')?;
        self.fresh = true;
        Ok(())
    }

    /// The next key of the object, whose value is to be read next; `None` leaves the object.
    pub fn next_key(&mut self) -> Result<Option<&'a [u8]>> {
        if !self.next_item(b'}')? {
            return Ok(None);
        }
        self.expect(b'"')?;
        let start = self.at;
        while let Some(byte) = self.text.get(self.at) {
            match byte {
                b'"' => {
                    let key = &self.text[start..self.at];
                    self.at += 1;
                    self.expect(b':')?;
                    return Ok(Some(key));
                }
                b'\\' => return Err(self.error("escape character not allowed in key")),
                _ => self.at += 1,
            }
        }
        Err(Error::json("expected '\"' but found null delimiter"))
    }

    /// Enters an array; then [`Self::next_element`].
    pub fn begin_array(&mut self) -> Result<()> {
        self.expect(b'[')?;
        self.fresh = true;
        Ok(())
    }

    /// Whether an element follows; `false` leaves the array.
    pub fn next_element(&mut self) -> Result<bool> {
        self.next_item(b']')
    }

    /// Whether the next value is an array.
    pub fn at_array(&mut self) -> Result<bool> {
        Ok(self.peek()? == b'[')
    }

    fn next_item(&mut self, close: u8) -> Result<bool> {
        let fresh = std::mem::take(&mut self.fresh);
        match self.peek()? {
            byte if byte == close => {
                self.at += 1;
                return Ok(false);
            }
            b',' if !fresh => self.at += 1,
            _ if fresh => {}
            _ => return Err(self.error("missing comma")),
        }
        Ok(true)
    }

    fn literal(&mut self, literal: &[u8]) -> bool {
        let found = self.text[self.at..].starts_with(literal);
        if found {
            self.at += literal.len();
        }
        found
    }

    pub fn read_bool(&mut self) -> Result<bool> {
        self.white_space();
        if self.literal(b"true") {
            Ok(true)
        } else if self.literal(b"false") {
            Ok(false)
        } else {
            Err(self.error("expected boolean"))
        }
    }

    /// Takes `null` if it is next.
    pub fn read_null(&mut self) -> bool {
        self.white_space();
        self.literal(b"null")
    }

    /// Sign and magnitude of the next number.
    fn read_number(&mut self) -> Result<(bool, u64)> {
        let negative = self.peek()? == b'-';
        if negative {
            self.at += 1;
        }
        let start = self.at;
        let mut value = 0u64;
        while let Some(digit @ b'0'..=b'9') = self.text.get(self.at) {
            value = value
                .checked_mul(10)
                .and_then(|value| value.checked_add(u64::from(digit - b'0')))
                .ok_or_else(|| self.error("invalid number"))?;
            self.at += 1;
        }
        if self.at == start {
            return Err(self.error("no digits found"));
        }
        Ok((negative, value))
    }

    pub fn read_u64(&mut self) -> Result<u64> {
        match self.read_number()? {
            (false, value) | (true, value @ 0) => Ok(value),
            (true, value) => Err(Error::json(format!("-{value} is out of range for uint64"))),
        }
    }

    pub fn read_u32(&mut self) -> Result<u32> {
        let value = self.read_u64()?;
        u32::try_from(value).map_err(|_| Error::json(format!("{value} is out of range for uint")))
    }

    pub fn read_i64(&mut self) -> Result<i64> {
        let (negative, value) = self.read_number()?;
        let signed = if negative {
            0i64.checked_sub_unsigned(value)
        } else {
            i64::try_from(value).ok()
        };
        signed.ok_or_else(|| {
            Error::json(format!(
                "{}{value} is out of range for int64",
                if negative { "-" } else { "" }
            ))
        })
    }

    /// The next string, unescaped.
    pub fn read_string(&mut self) -> Result<Cow<'a, [u8]>> {
        self.expect(b'"')?;
        let start = self.at;
        let mut owned: Option<Vec<u8>> = None;
        while let Some(&byte) = self.text.get(self.at) {
            match byte {
                b'"' => {
                    let plain = &self.text[start..self.at];
                    self.at += 1;
                    return Ok(owned.map_or(Cow::Borrowed(plain), Cow::Owned));
                }
                b'\\' => {
                    let out = owned.get_or_insert_with(|| self.text[start..self.at].to_vec());
                    self.at += 1;
                    let byte = match self.text.get(self.at) {
                        Some(b'n') => b'\n',
                        Some(b'r') => b'\r',
                        Some(b't') => b'\t',
                        Some(b'b') => 0x08,
                        Some(b'f') => 0x0c,
                        Some(byte @ (b'"' | b'\\' | b'/')) => *byte,
                        Some(b'u') => {
                            let byte = self
                                .text
                                .get(self.at + 1..self.at + 5)
                                .and_then(latin1_escape);
                            self.at += 4;
                            match byte {
                                Some(byte) => byte,
                                None => return Err(self.error("unable to decode")),
                            }
                        }
                        _ => return Err(self.error("invalid escape character")),
                    };
                    out.push(byte);
                    self.at += 1;
                }
                _ => {
                    if let Some(out) = &mut owned {
                        out.push(byte);
                    }
                    self.at += 1;
                }
            }
        }
        Err(Error::json("expected '\"' but found null delimiter"))
    }

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

    /// Skips the next value.
    pub fn skip(&mut self) -> Result<()> {
        self.skip_nested(0)
    }

    fn skip_nested(&mut self, depth: usize) -> Result<()> {
        if depth > MAX_DEPTH {
            return Err(Error::json("value is nested too deep"));
        }
        match self.peek()? {
            b'{' => {
                self.begin_object()?;
                while self.next_key()?.is_some() {
                    self.skip_nested(depth + 1)?;
                }
                Ok(())
            }
            b'[' => {
                self.begin_array()?;
                while self.next_element()? {
                    self.skip_nested(depth + 1)?;
                }
                Ok(())
            }
            b'"' => self.skip_string(),
            b't' | b'f' => self.read_bool().map(|_| ()),
            b'n' if self.read_null() => Ok(()),
            b'-' | b'0'..=b'9' => self.read_number().map(|_| ()),
            _ => Err(self.error("invalid type")),
        }
    }

    fn skip_string(&mut self) -> Result<()> {
        self.at += 1;
        while let Some(byte) = self.text.get(self.at) {
            match byte {
                b'"' => {
                    self.at += 1;
                    return Ok(());
                }
                b'\\' => match self.text.get(self.at + 1) {
                    Some(b'"' | b'\\' | b'/' | b'n' | b'r' | b't' | b'b' | b'f') => self.at += 2,
                    Some(b'u') if self.text.get(self.at + 2..self.at + 6).is_some_and(is_hex) => {
                        self.at += 6
                    }
                    _ => return Err(self.error("invalid escape character")),
                },
                _ => self.at += 1,
            }
        }
        Err(Error::json("expected '\"' but found null delimiter"))
    }
}

fn is_hex(digits: &[u8]) -> bool {
    digits.iter().all(u8::is_ascii_hexdigit)
}

/// The byte of `\u00XX`; pgBackRest knows no code points from 256 on.
fn latin1_escape(digits: &[u8]) -> Option<u8> {
    let text = digits.is_ascii().then_some(digits)?;
    if !is_hex(text) {
        return None;
    }
    u16::from_str_radix(std::str::from_utf8(text).ok()?, 16)
        .ok()?
        .try_into()
        .ok()
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
