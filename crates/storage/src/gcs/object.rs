//! What the service tells of an object, in lists and answers to uploads.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crc_fast::CrcAlgorithm::Crc32Iscsi;
use serde_json::Value;

use crate::http::Answer;
use crate::object::store::Facts;

/// The checksum of content that the service keeps of every object (CRC-32C). Those of parts make that of the whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Checksum(u32);

impl Checksum {
    pub(super) fn of(bytes: &[u8]) -> Self {
        Self::new(crc_fast::checksum(Crc32Iscsi, bytes))
    }

    fn new(value: u64) -> Self {
        Self(u32::try_from(value).expect("a checksum of 32 bits"))
    }

    /// That of these bytes with more behind them, `length` of them.
    pub(super) fn and(self, more: Self, length: u64) -> Self {
        Self::new(crc_fast::checksum_combine(
            Crc32Iscsi,
            self.0.into(),
            more.0.into(),
            length,
        ))
    }

    /// As the service writes it.
    pub(super) fn text(self) -> String {
        STANDARD.encode(self.0.to_be_bytes())
    }
}

/// A number that the service writes as text, or as a number.
pub(super) fn number(value: Option<&Value>) -> Option<u64> {
    match value? {
        Value::String(text) => text.parse().ok(),
        other => other.as_u64(),
    }
}

/// Size and time of an object.
pub(super) fn facts(object: &Value) -> Result<Facts, String> {
    Ok(Facts {
        size: number(object.get("size")).ok_or("an object has no size")?,
        modified: seconds(object.get("updated")).ok_or("an object has no time of change")?,
    })
}

/// Seconds since 1970 of a time as the service writes it.
pub(super) fn seconds(value: Option<&Value>) -> Option<i64> {
    let time = value?.as_str()?.parse::<jiff::Timestamp>().ok()?;
    Some(time.as_second())
}

/// What is asked for of an object that was stored.
pub(super) const STORED: &str = "crc32c,generation,size";

/// Compares what was stored with what was sent; the error says how they differ.
pub(super) fn check(answer: &Answer, size: u64, checksum: Checksum) -> Result<(), String> {
    let stored: Value = serde_json::from_slice(&answer.body)
        .map_err(|error| format!("the server's answer to an upload cannot be read: {error}"))?;
    let known = number(stored.get("size")).ok_or("the server does not tell what it stored")?;
    if known != size {
        return Err(format!(
            "the server stored {known} bytes in place of {size}"
        ));
    }
    match stored.get("crc32c").and_then(Value::as_str) {
        Some(known) if known == checksum.text() => Ok(()),
        Some(known) => Err(format!(
            "the server stored content with checksum {known} in place of {}",
            checksum.text()
        )),
        None => Err("the server does not tell the checksum of what it stored".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_crc_32c_in_base64_and_parts_make_the_whole() {
        // The check value of CRC-32C is e3069283.
        assert_eq!(Checksum::of(b"123456789").text(), "4waSgw==");
        assert_eq!(Checksum::default(), Checksum::of(b""));
        let both = Checksum::of(b"1234").and(Checksum::of(b"56789"), 5);
        assert_eq!(both, Checksum::of(b"123456789"));
        assert_eq!(Checksum::default().and(both, 9), both);
    }
}
