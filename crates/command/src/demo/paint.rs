//! Colours and drawing characters, or plain text where nobody sees them.

use crate::run::context::Style;

/// What a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ink {
    Heading,
    Command,
    Good,
    Bad,
    Chosen,
    Quiet,
}

impl Ink {
    fn code(self) -> &'static str {
        match self {
            Self::Heading => "1",
            Self::Command => "36",
            Self::Good => "32",
            Self::Bad => "1;31",
            Self::Chosen => "1;33",
            Self::Quiet => "2",
        }
    }
}

/// Paints for one kind of output.
#[derive(Debug, Clone, Copy)]
pub(super) struct Paint {
    style: Style,
}

impl Paint {
    pub(super) fn new(style: Style) -> Self {
        Self { style }
    }

    pub(super) fn paint(self, ink: Ink, text: &str) -> String {
        match self.style.colours {
            true => format!("\x1b[{}m{text}\x1b[0m", ink.code()),
            false => text.to_owned(),
        }
    }

    /// A drawing character, or what stands for it in plain text.
    pub(super) fn letter(self, letter: char, plain: char) -> char {
        if self.style.utf8 { letter } else { plain }
    }
}
