//! What a run came to: one line for whoever sits at the terminal, and facts for programs.
//!
//! Commands note it as they go; `cli` prints it when the run is over, under the name `pgkeep` and on a terminal only. What is
//! noted is no log: it names what was done (or what is left half done, and the next step), once.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value};

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// As it was meant to.
    Well,
    /// A signal asked it to stop.
    Stopped,
    /// With an error, which was printed.
    Failed,
}

#[derive(Debug, Default)]
struct Notes {
    done: Vec<String>,
    stopped: Option<String>,
    unfinished: Option<String>,
    keeps_error: bool,
    /// How many of `done` were told of a command that had ended before.
    told: usize,
    facts: Map<String, Value>,
}

/// Shared by all parts of a run; cloning gives another handle to the same notes.
#[derive(Debug, Clone, Default)]
pub struct Summary(Arc<Mutex<Notes>>);

impl Summary {
    /// Something was done: shown when the run ends well. What a run notes several times is joined.
    pub fn done(&self, text: impl Into<String>) {
        self.lock().done.push(text.into());
    }

    /// What is so if a signal ends the run from here on. Replaces what was noted before.
    pub fn stopped(&self, text: impl Into<String>) {
        let mut notes = self.lock();
        notes.stopped = Some(text.into());
        notes.unfinished = None;
    }

    /// As [`Summary::stopped`], and worth saying after an error too: something is half done, and there is a way on.
    pub fn unfinished(&self, text: impl Into<String>) {
        self.lock().unfinished = Some(text.into());
    }

    /// A fact for programs: a field of the result line and of what hooks are told. Never a secret. A later value replaces it.
    pub fn fact(&self, name: &str, value: impl Into<Value>) {
        self.lock().facts.insert(name.to_owned(), value.into());
    }

    /// The facts, and what was done, since this was asked for the last time: a run can be of two commands.
    #[must_use]
    pub fn take(&self) -> (Map<String, Value>, Option<String>) {
        let mut notes = self.lock();
        let done = notes.done[notes.told..].join("; ");
        notes.told = notes.done.len();
        let facts = std::mem::take(&mut notes.facts);
        (facts, (!done.is_empty()).then_some(done))
    }

    /// The error with which the run ends is what it has found: it is told even if a signal has ended the run before its time.
    pub fn keep_error(&self) {
        self.lock().keeps_error = true;
    }

    /// Whether it is.
    #[must_use]
    pub fn keeps_error(&self) -> bool {
        self.lock().keeps_error
    }

    /// The line for a run of `command`, without line feed; `None`: nothing is left to say.
    #[must_use]
    pub fn line(&self, command: &str, ended: Ended) -> Option<String> {
        let notes = self.lock();
        match ended {
            Ended::Well if notes.done.is_empty() => None,
            Ended::Well => Some(notes.done.join("; ")),
            Ended::Stopped => {
                let left = notes.unfinished.as_ref().or(notes.stopped.as_ref());
                Some(match left {
                    Some(left) => format!("{command} interrupted; {left}"),
                    None => format!("{command} interrupted"),
                })
            }
            // The error says why; without anything half done there is no more to say.
            Ended::Failed => notes
                .unfinished
                .as_ref()
                .map(|left| format!("{command} failed; {left}")),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Notes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `repo1`, `repo1 and repo2`, `repo1, repo2 and repo3`.
#[must_use]
pub fn repositories(keys: &[u32]) -> String {
    list(
        &keys
            .iter()
            .map(|key| format!("repo{key}"))
            .collect::<Vec<_>>(),
    )
}

/// The words as people list them.
#[must_use]
pub fn list(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [before @ .., last] => format!("{} and {last}", before.join(", ")),
    }
}

/// `1 backup`, `3 backups`.
#[must_use]
pub fn count(number: u64, what: &str) -> String {
    let ending = |stem: &str, ending: &str| format!("{number} {stem}{ending}");
    match (number, what.strip_suffix('y')) {
        (1, _) => ending(what, ""),
        (_, Some(stem)) => ending(stem, "ies"),
        (_, None) if what.ends_with('s') => ending(what, "es"),
        (_, None) => ending(what, "s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_ends_well_says_what_it_did() {
        let summary = Summary::default();
        assert_eq!(summary.line("backup", Ended::Well), None);
        summary.unfinished("run it again to resume");
        summary.done("full backup");
        summary.clone().done("1 backup expired");
        assert_eq!(
            summary.line("backup", Ended::Well).as_deref(),
            Some("full backup; 1 backup expired")
        );
    }

    #[test]
    fn a_run_that_ends_otherwise_says_what_is_left() {
        let summary = Summary::default();
        let line = |ended| summary.line("restore", ended);
        assert_eq!(line(Ended::Stopped).as_deref(), Some("restore interrupted"));
        assert_eq!(line(Ended::Failed), None);
        summary.stopped("nothing was changed");
        assert_eq!(
            line(Ended::Stopped).as_deref(),
            Some("restore interrupted; nothing was changed")
        );
        assert_eq!(line(Ended::Failed), None);
        summary.unfinished("run it again");
        assert_eq!(
            line(Ended::Stopped).as_deref(),
            Some("restore interrupted; run it again")
        );
        assert_eq!(
            line(Ended::Failed).as_deref(),
            Some("restore failed; run it again")
        );
    }

    #[test]
    fn facts_are_those_of_the_command_that_ended() {
        let summary = Summary::default();
        summary.fact("label", "a");
        summary.fact("label", "b");
        summary.done("backup b");
        let (facts, done) = summary.take();
        assert_eq!(Value::Object(facts), serde_json::json!({"label": "b"}));
        assert_eq!(done.as_deref(), Some("backup b"));
        summary.done("1 backup expired");
        let (facts, done) = summary.take();
        assert!(facts.is_empty());
        assert_eq!(done.as_deref(), Some("1 backup expired"));
        // The line at the terminal is of the whole run.
        assert_eq!(
            summary.line("backup", Ended::Well).as_deref(),
            Some("backup b; 1 backup expired")
        );
    }

    #[test]
    fn words_and_numbers_read_as_people_say_them() {
        assert_eq!(repositories(&[1]), "repo1");
        assert_eq!(repositories(&[1, 2, 4]), "repo1, repo2 and repo4");
        assert_eq!(count(1, "backup"), "1 backup");
        assert_eq!(count(0, "WAL segment"), "0 WAL segments");
        assert_eq!(count(2, "directory"), "2 directories");
        assert_eq!(count(2, "process"), "2 processes");
    }
}
