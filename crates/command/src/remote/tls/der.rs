//! The little of DER that certificates need: one element after the other, of bytes that nobody has vouched for.
//!
//! Nothing is allocated, and lengths are compared with what is there.

/// Tags of elements.
pub(super) const BOOLEAN: u8 = 0x01;
pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const OBJECT_ID: u8 = 0x06;
pub(super) const UTC_TIME: u8 = 0x17;
pub(super) const GENERALIZED_TIME: u8 = 0x18;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;

/// An element: its tag, what is in it, and all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Element<'a> {
    pub(super) tag: u8,
    pub(super) content: &'a [u8],
    pub(super) whole: &'a [u8],
}

/// Elements that stand one after the other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Elements<'a>(&'a [u8]);

impl<'a> Elements<'a> {
    pub(super) fn of(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// The next element, if it has this tag.
    pub(super) fn take_if(&mut self, tag: u8) -> Option<Element<'a>> {
        let before = *self;
        let element = self.next().filter(|element| element.tag == tag);
        if element.is_none() {
            *self = before;
        }
        element
    }
}

impl<'a> Element<'a> {
    /// The elements in it.
    pub(super) fn elements(self) -> Elements<'a> {
        Elements(self.content)
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Element<'a>;

    /// The next element; nothing if there is none, or it is cut off or has a form that certificates do not use.
    fn next(&mut self) -> Option<Element<'a>> {
        let (&tag, rest) = self.0.split_first()?;
        // Tags of several bytes.
        if tag & 0x1f == 0x1f {
            return None;
        }
        let (&first, mut rest) = rest.split_first()?;
        let length = if first < 0x80 {
            usize::from(first)
        } else {
            let digits = usize::from(first & 0x7f);
            if digits == 0 || digits > 4 || rest.len() < digits {
                return None;
            }
            let (length, after) = rest.split_at(digits);
            rest = after;
            length
                .iter()
                .fold(0_usize, |length, byte| (length << 8) | usize::from(*byte))
        };
        if rest.len() < length {
            return None;
        }
        let (content, after) = rest.split_at(length);
        let whole = &self.0[..self.0.len() - after.len()];
        self.0 = after;
        Some(Element {
            tag,
            content,
            whole,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_taken_in_turn_and_a_wrong_tag_leaves_them() {
        let mut elements = Elements::of(&[0x02, 0x01, 0x05, 0x30, 0x82, 0x00, 0x02, 0x05, 0x00]);
        assert_eq!(elements.take_if(SEQUENCE), None);
        assert_eq!(elements.take_if(INTEGER).unwrap().content, [5]);
        let sequence = elements.next().unwrap();
        assert_eq!((sequence.tag, sequence.content), (SEQUENCE, &[5, 0][..]));
        assert_eq!(sequence.whole.len(), 6);
        assert!(elements.is_empty());
        assert_eq!(elements.next(), None);
    }

    #[test]
    fn what_is_cut_off_or_claims_to_be_longer_is_nothing() {
        for bytes in [
            &[0x30][..],
            &[0x30, 0x05, 0x01],
            &[0x30, 0x80],
            &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff, 0x01],
            &[0x30, 0x85, 0, 0, 0, 0, 1, 1],
            &[0x3f, 0x01, 0x00],
        ] {
            assert_eq!(Elements::of(bytes).next(), None, "{bytes:?}");
        }
    }
}
