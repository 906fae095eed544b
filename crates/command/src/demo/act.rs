//! Runs the commands of the story where they can be seen: the line that is run, then what it says.
//!
//! At a terminal this program's own commands share it, so that their bars and last lines are those that a user sees. Elsewhere
//! their output is kept, and shown only when one fails.

use std::time::{Duration, Instant};

use super::report::Report;
use super::shell;
use super::workplace::Workplace;
use crate::error::Result;
use crate::run::Context;
use crate::run::progress::Doing;

/// What the steps of the story need to run something.
pub(super) struct Act<'a> {
    pub(super) context: &'a Context,
    pub(super) place: &'a Workplace,
    pub(super) report: Report,
}

impl Act<'_> {
    /// Shows and runs one of the program's public commands; returns how long it took.
    ///
    /// # Errors
    /// When it fails.
    pub(super) fn pgkeep(&self, arguments: &[&str]) -> Result<Duration> {
        let words: Vec<String> = arguments.iter().map(|word| quoted(word)).collect();
        self.report
            .command(&format!("pgkeep {}", words.join(" ")))?;
        let command = self.place.pgkeep(arguments)?;
        let began = Instant::now();
        if self.context.output.style().live {
            shell::run_in_sight(command)?;
        } else {
            shell::run(command)?;
        }
        Ok(began.elapsed())
    }

    /// Shows the line of something else that is done now, with what it does while it lasts.
    ///
    /// # Errors
    /// When it fails.
    pub(super) fn run<T>(
        &self,
        line: &str,
        doing: &str,
        act: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        self.report.command(line)?;
        let _doing = Doing::now(&self.context.progress, doing);
        act()
    }

    /// Does something that is no command a user would type.
    ///
    /// # Errors
    /// When it fails.
    pub(super) fn wait<T>(&self, doing: &str, act: impl FnOnce() -> Result<T>) -> Result<T> {
        let _doing = Doing::now(&self.context.progress, doing);
        act()
    }
}

/// As it has to be typed.
fn quoted(word: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_=/.,:".contains(letter);
    match word.split_once('=') {
        _ if word.chars().all(plain) => word.to_owned(),
        Some((name, value)) => format!("{name}='{value}'"),
        None => format!("'{word}'"),
    }
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn words_are_shown_as_they_have_to_be_typed() {
        assert_eq!(quoted("--type=full"), "--type=full");
        assert_eq!(
            quoted("--target=2026-11-28 20:10:44+00"),
            "--target='2026-11-28 20:10:44+00'"
        );
    }
}
