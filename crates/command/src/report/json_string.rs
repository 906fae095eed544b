//! A text of a JSON output in the form of pgBackRest, but always valid.
//!
//! pgBackRest writes control characters and bytes that are no UTF-8 as they are, and so does `info_file` in the files that it must
//! read. What programs read from our standard output no parser would take then.

/// Appends the text as a JSON string.
pub(crate) fn write_string(out: &mut Vec<u8>, text: &[u8]) {
    out.push(b'"');
    for char in String::from_utf8_lossy(text).chars() {
        let escape = match char {
            '"' | '\\' => char,
            '\n' => 'n',
            '\r' => 'r',
            '\t' => 't',
            '\u{8}' => 'b',
            '\u{c}' => 'f',
            '\0'..' ' => {
                out.extend_from_slice(format!("\\u{:04x}", u32::from(char)).as_bytes());
                continue;
            }
            _ => {
                out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
                continue;
            }
        };
        out.extend_from_slice(format!("\\{escape}").as_bytes());
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &[u8]) -> String {
        let mut out = Vec::new();
        write_string(&mut out, text);
        String::from_utf8(out).expect("JSON is UTF-8")
    }

    #[test]
    fn what_pgbackrest_can_say_is_written_as_it_does() {
        assert_eq!(
            written("a\"\\\n\r\t\u{8}\u{c}/\u{7f}é".as_bytes()),
            "\"a\\\"\\\\\\n\\r\\t\\b\\f/\u{7f}é\""
        );
    }

    #[test]
    fn any_bytes_are_valid_json() {
        let all: Vec<u8> = (0..=255).collect();
        let text: String = serde_json::from_str(&written(&all)).expect("valid");
        assert_eq!(text, String::from_utf8_lossy(&all));
        assert_eq!(written(b"\x1b[31m\xff"), "\"\\u001b[31m\u{fffd}\"");
    }
}
