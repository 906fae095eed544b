//! What a certificate says: whose it is, who signed it, until when. Nothing here is verified.
//!
//! pgBackRest's guide makes certificates with `openssl x509 -req`, which until OpenSSL 3.4 gives them version 1: no extensions,
//! so no alternative names. rustls does not read that version, and has no use for common names. Hence this reader.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::der::{
    BIT_STRING, BOOLEAN, Element, Elements, GENERALIZED_TIME, INTEGER, OBJECT_ID, OCTET_STRING,
    SEQUENCE, SET, UTC_TIME,
};

const COMMON_NAME: [u8; 3] = [0x55, 0x04, 0x03];
const ALTERNATIVE_NAMES: [u8; 3] = [0x55, 0x1d, 0x11];
const BASIC_CONSTRAINTS: [u8; 3] = [0x55, 0x1d, 0x13];

/// `[0]`, the version.
const VERSION: u8 = 0xa0;
/// `[3]`, the extensions.
const EXTENSIONS: u8 = 0xa3;

/// A name that a certificate is for, besides its common name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AlternativeName<'a> {
    Dns(&'a [u8]),
    Address(&'a [u8]),
    Uri(&'a [u8]),
    Other,
}

/// The parts of a certificate that matter here.
#[derive(Debug, Clone)]
pub(super) struct Certificate<'a> {
    /// 1 or 3; 2 does not occur.
    pub(super) version: u8,
    /// What is signed.
    pub(super) signed: &'a [u8],
    /// Algorithm of the signature (the content of its identifier), and the signature.
    pub(super) algorithm: &'a [u8],
    pub(super) signature: &'a [u8],
    pub(super) issuer: &'a [u8],
    pub(super) subject: &'a [u8],
    /// Seconds since 1970.
    pub(super) not_before: i64,
    pub(super) not_after: i64,
    /// All of the key's information, its algorithm (the content of the identifier), and the key.
    pub(super) key_info: &'a [u8],
    pub(super) key_algorithm: &'a [u8],
    pub(super) key: &'a [u8],
    pub(super) common_name: Option<&'a [u8]>,
    pub(super) alternative_names: Vec<AlternativeName<'a>>,
    /// What it says of being an authority's; nothing if it says nothing.
    pub(super) authority: Option<bool>,
}

impl<'a> Certificate<'a> {
    /// Reads a certificate; nothing if it is none.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut outer = Elements::of(bytes);
        let mut parts = outer.take_if(SEQUENCE)?.elements();
        if !outer.is_empty() {
            return None;
        }
        let signed = parts.take_if(SEQUENCE)?;
        let algorithm = parts.take_if(SEQUENCE)?.content;
        let signature = bits(parts.take_if(BIT_STRING)?)?;

        let mut fields = signed.elements();
        let version = match fields.take_if(VERSION) {
            None => 1,
            Some(version) => match version.elements().take_if(INTEGER)?.content {
                [number] => number.checked_add(1)?,
                _ => return None,
            },
        };
        fields.take_if(INTEGER)?;
        // The algorithm stands inside too, so that it is signed.
        if fields.take_if(SEQUENCE)?.content != algorithm {
            return None;
        }
        let issuer = fields.take_if(SEQUENCE)?.whole;
        let mut validity = fields.take_if(SEQUENCE)?.elements();
        let (not_before, not_after) = (time(validity.next()?)?, time(validity.next()?)?);
        let subject = fields.take_if(SEQUENCE)?;
        let key_info = fields.take_if(SEQUENCE)?;
        let mut key_parts = key_info.elements();
        let mut certificate = Self {
            version,
            signed: signed.whole,
            algorithm,
            signature,
            issuer,
            subject: subject.whole,
            not_before,
            not_after,
            key_info: key_info.whole,
            key_algorithm: key_parts.take_if(SEQUENCE)?.content,
            key: bits(key_parts.take_if(BIT_STRING)?)?,
            common_name: common_name(subject),
            alternative_names: Vec::new(),
            authority: None,
        };
        for field in fields {
            if field.tag == EXTENSIONS {
                certificate.read_extensions(field.elements().take_if(SEQUENCE)?)?;
            }
        }
        Some(certificate)
    }

    fn read_extensions(&mut self, extensions: Element<'a>) -> Option<()> {
        for extension in extensions.elements() {
            let mut parts = extension.elements();
            let id = parts.take_if(OBJECT_ID)?.content;
            let _critical = parts.take_if(BOOLEAN);
            let value = parts.take_if(OCTET_STRING)?.content;
            if id == ALTERNATIVE_NAMES {
                let names = Elements::of(value).take_if(SEQUENCE)?.elements();
                self.alternative_names = names.map(alternative_name).collect();
            } else if id == BASIC_CONSTRAINTS {
                let mut parts = Elements::of(value).take_if(SEQUENCE)?.elements();
                let authority = parts.take_if(BOOLEAN);
                self.authority = Some(authority.is_some_and(|value| value.content != [0]));
            }
        }
        Some(())
    }

    /// Whether it is signed by itself, as its names have it.
    pub(super) fn is_own_issuer(&self) -> bool {
        self.issuer == self.subject
    }
}

/// The first common name of a subject, as OpenSSL finds it.
fn common_name(subject: Element<'_>) -> Option<&[u8]> {
    for set in subject.elements().filter(|part| part.tag == SET) {
        for attribute in set.elements().filter(|part| part.tag == SEQUENCE) {
            let mut parts = attribute.elements();
            if parts.take_if(OBJECT_ID)?.content == COMMON_NAME {
                return Some(parts.next()?.content);
            }
        }
    }
    None
}

fn alternative_name(name: Element<'_>) -> AlternativeName<'_> {
    match name.tag {
        0x82 => AlternativeName::Dns(name.content),
        0x86 => AlternativeName::Uri(name.content),
        0x87 => AlternativeName::Address(name.content),
        _ => AlternativeName::Other,
    }
}

/// A string of whole bytes.
fn bits(element: Element<'_>) -> Option<&[u8]> {
    match element.content.split_first()? {
        (0, bytes) => Some(bytes),
        _ => None,
    }
}

fn time(element: Element<'_>) -> Option<i64> {
    let text = std::str::from_utf8(element.content)
        .ok()?
        .strip_suffix('Z')?;
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (year, rest) = match element.tag {
        UTC_TIME if text.len() == 12 => {
            let year: i16 = text[..2].parse().ok()?;
            (year + if year < 50 { 2000 } else { 1900 }, &text[2..])
        }
        GENERALIZED_TIME if text.len() == 14 => (text[..4].parse().ok()?, &text[4..]),
        _ => return None,
    };
    let two = |at: usize| rest[at..at + 2].parse::<i8>().ok();
    let moment = DateTime::new(year, two(0)?, two(2)?, two(4)?, two(6)?, two(8)?, 0).ok()?;
    Some(
        TimeZone::UTC
            .to_ambiguous_timestamp(moment)
            .compatible()
            .ok()?
            .as_second(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_of_both_forms_are_read() {
        let read = |tag, content: &'static str| {
            time(Element {
                tag,
                content: content.as_bytes(),
                whole: &[],
            })
        };
        assert_eq!(read(UTC_TIME, "700101000000Z"), Some(0));
        assert_eq!(read(UTC_TIME, "261129080000Z"), Some(1_795_939_200));
        assert_eq!(
            read(GENERALIZED_TIME, "20261129080000Z"),
            Some(1_795_939_200)
        );
        for (tag, text) in [
            (UTC_TIME, "2611290800Z"),
            (UTC_TIME, "261329080000Z"),
            (UTC_TIME, "+61129080000Z"),
            (GENERALIZED_TIME, "261129080000Z"),
            (INTEGER, "261129080000Z"),
            (UTC_TIME, "261129080000"),
        ] {
            assert_eq!(read(tag, text), None, "{text}");
        }
    }

    #[test]
    fn anything_else_is_no_certificate() {
        for bytes in [
            &[][..],
            b"garbage",
            &[0x30, 0x00],
            &[0x30, 0x02, 0x30, 0x00],
        ] {
            assert!(Certificate::read(bytes).is_none(), "{bytes:?}");
        }
    }
}
