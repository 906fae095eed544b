//! A request that failed: what was asked and what came back, in the layout of pgBackRest's message, without secrets.

use std::fmt;

use super::answer::Answer;
use super::no_keys::NoKeys;
use super::request::{REDACTED, Request, is_secret};

/// No more of an answer than this is shown.
const SHOWN: usize = 4096;

/// How a request ended.
#[derive(Debug, Clone)]
pub(crate) enum Outcome {
    /// The server answered with an error.
    Refused(Box<Answer>),
    /// No connection, or it was lost, or the answer was no HTTP.
    Lost(String),
    /// The server's certificate was not accepted.
    Untrusted(String),
    /// The request could not even be made (credentials).
    NotMade(NoKeys),
    /// The run was asked to stop.
    Cancelled,
}

/// An error of one request, after all repetitions.
#[derive(Debug, Clone)]
pub(crate) struct HttpError {
    /// Method, path and query.
    target: String,
    headers: Vec<(String, String)>,
    pub(crate) outcome: Outcome,
    /// The answer as it is shown. Its code is read from the one that came: without secrets it may be no XML any more.
    shown: Option<Box<Answer>>,
    /// Earlier failures of the same request, as they are shown.
    pub(crate) repetitions: Vec<String>,
}

impl HttpError {
    pub(crate) fn new(request: &Request, outcome: Outcome) -> Self {
        let shown = match &outcome {
            Outcome::Refused(answer) => Some(Box::new(answer.without(&request.secrets()))),
            _ => None,
        };
        Self {
            target: request.shown_target(),
            headers: request.shown_headers(),
            outcome,
            shown,
            repetitions: Vec::new(),
        }
    }

    /// The answer, where there was one.
    pub(crate) fn answer(&self) -> Option<&Answer> {
        match &self.outcome {
            Outcome::Refused(answer) => Some(answer),
            _ => None,
        }
    }

    /// One line, to be shown with later failures.
    pub(crate) fn short(&self) -> String {
        match &self.outcome {
            Outcome::Refused(answer) => format!(
                "[{}] {}",
                answer.status.as_u16(),
                answer.status.canonical_reason().unwrap_or_default()
            ),
            Outcome::Lost(text) | Outcome::Untrusted(text) => text.clone(),
            Outcome::NotMade(none) => none.reason.clone(),
            Outcome::Cancelled => "the run was asked to stop".to_owned(),
        }
    }
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(answer) = &self.shown {
            write!(f, "HTTP request failed with {}", answer.status.as_u16())?;
            if let Some(reason) = answer.status.canonical_reason() {
                write!(f, " ({reason})")?;
            }
            write!(f, ":\n*** Path/Query ***:\n{}", self.target)?;
            f.write_str("\n*** Request Headers ***:")?;
            for (name, value) in &self.headers {
                write!(f, "\n{name}: {value}")?;
            }
            if !answer.headers.is_empty() {
                f.write_str("\n*** Response Headers ***:")?;
                for (name, value) in &answer.headers {
                    let value = if is_secret(name) && name != "date" {
                        REDACTED
                    } else {
                        value
                    };
                    write!(f, "\n{name}: {value}")?;
                }
            }
            if !answer.body.is_empty() {
                let shown = &answer.body[..answer.body.len().min(SHOWN)];
                write!(
                    f,
                    "\n*** Response Content ***:\n{}",
                    String::from_utf8_lossy(shown)
                )?;
                if shown.len() < answer.body.len() {
                    write!(f, "\n({} bytes in all)", answer.body.len())?;
                }
            }
        } else {
            f.write_str(&self.short())?;
        }
        for line in &self.repetitions {
            write!(f, "\n    {line}")?;
        }
        Ok(())
    }
}

impl std::error::Error for HttpError {}
