//! Percent-encoding as signatures of requests want it: everything but letters, digits and `-_.~`.

/// Encodes `text`; slashes stay where `keep_slash`, as in paths.
pub(crate) fn percent_encode(text: &str, keep_slash: bool) -> String {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(char::from(byte));
            }
            b'/' if keep_slash => out.push('/'),
            _ => {
                out.push('%');
                out.push(char::from(HEX[usize::from(byte >> 4)]));
                out.push(char::from(HEX[usize::from(byte & 15)]));
            }
        }
    }
    out
}

/// Decodes what was encoded so; `None` for what is no such text.
pub(crate) fn percent_decode(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte != b'%' {
            out.push(*byte);
            continue;
        }
        let (digits, after) = rest.split_at_checked(2)?;
        let digit = |at: usize| char::from(digits[at]).to_digit(16);
        out.push(u8::try_from(digit(0)? << 4 | digit(1)?).ok()?);
        rest = after;
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    use super::{percent_decode, percent_encode};

    #[test]
    fn only_unreserved_characters_stay() {
        assert_eq!(percent_encode("a/b c+ä~", true), "a/b%20c%2B%C3%A4~");
        assert_eq!(percent_encode("a/b=&", false), "a%2Fb%3D%26");
    }

    #[test]
    fn what_is_encoded_is_decoded() {
        let text = "a/b c+ä~%";
        assert_eq!(
            percent_decode(&percent_encode(text, true)).as_deref(),
            Some(text)
        );
        for wrong in ["%", "%2", "%zz", "%+1", "%ff", "%ä"] {
            assert_eq!(percent_decode(wrong), None, "{wrong}");
        }
    }
}
