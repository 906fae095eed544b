//! Reads or skips values of the dialect, one after the other.

use std::borrow::Cow;

use crate::error::{Error, Result};

/// Values nest two levels in real files; this keeps hostile input off the stack.
const MAX_DEPTH: usize = 64;

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
    pub(super) fn peek(&mut self) -> Result<u8> {
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
