//! Text with names and answers from outside, made harmless for a terminal.
//!
//! A file name, a line of a damaged file or the answer of a server can hold the sequences that move a cursor, change colours or
//! rename a window. What a person reads must not be able to rewrite what stands above it, so control characters are shown as `\x1b`.

use std::borrow::Cow;
use std::fmt::Write;

/// `text` with its control characters written out; line feeds and tabs stay.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    if !text.chars().any(harms) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match harms(character) {
            // All of them are below 0x100.
            true => write!(shown, "\\x{:02x}", u32::from(character)).expect("a string takes all"),
            false => shown.push(character),
        }
    }
    Cow::Owned(shown)
}

fn harms(character: char) -> bool {
    character.is_control() && !matches!(character, '\n' | '\t')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_written_out_and_the_rest_stays() {
        assert_eq!(printable("a\tb\nÄ \u{fffd} \\x"), "a\tb\nÄ \u{fffd} \\x");
        assert_eq!(
            printable("\u{1b}[2J\r\u{7f}\u{9b}1m\0"),
            "\\x1b[2J\\x0d\\x7f\\x9b1m\\x00"
        );
    }
}
