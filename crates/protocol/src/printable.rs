//! What the other side printed, made fit for an error message: one line, no control characters, not too long.

/// Characters that are shown at most.
const MOST: usize = 400;

/// The text of `bytes` for a message. Line ends become spaces; what else cannot be printed becomes `?`.
pub(crate) fn printable(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(MOST * 8)]);
    let mut shown = String::new();
    let mut count = 0;
    for word in text.split_whitespace() {
        if !shown.is_empty() {
            shown.push(' ');
        }
        for character in word.chars() {
            if count == MOST {
                shown.push_str(" ...");
                return shown;
            }
            count += 1;
            let odd = character.is_control() || character == '\u{fffd}';
            shown.push(if odd { '?' } else { character });
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_become_one_and_control_characters_do_not_reach_a_terminal() {
        assert_eq!(
            printable(b"Welcome!\r\n\n  Mail: \x1b[31mnone\xff\n"),
            "Welcome! Mail: ?[31mnone?"
        );
        assert_eq!(printable(&[b'x'; 5000]).len(), MOST + 4);
    }
}
