//! The one error of this crate: exit code, message, hints, and where it belongs in the output.
//!
//! Codes and wording are pgBackRest's; scripts grep for them. Invariant: neither message nor hints ever hold
//! the value of a secret option.

use std::fmt;

use crate::input::Program;

/// How far the program had come when the error was found, which decides on the stream it is shown on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// While the words of the command line were read: standard error, without timestamp and process number. Roles other than main
    /// show the errors of [`Phase::Values`] like this, too.
    CommandLine,
    /// While environment and files were read and values checked: standard output with `P00`, without timestamp.
    Values,
    /// In the checks made after the begin line: where the configured log levels say.
    Checks,
}

/// Why the configuration cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// Exit code.
    pub code: u8,
    /// Text without hints.
    pub message: String,
    /// Hints without the leading `HINT: `.
    pub hints: Vec<String>,
    /// How far the program had come.
    pub phase: Phase,
    /// Warnings found before the error; they are shown before it.
    pub warnings: Vec<String>,
}

/// Result of this crate.
pub type Result<T> = std::result::Result<T, ConfigError>;

/// `config`: pieces of the configuration that contradict each other.
pub(crate) const CONFIG: u8 = 27;
/// `format`: a file cannot be parsed.
pub(crate) const FORMAT: u8 = 29;
/// `command-required`.
pub(crate) const COMMAND_REQUIRED: u8 = 30;
/// `option-invalid`.
pub(crate) const OPTION_INVALID: u8 = 31;
/// `option-invalid-value`.
pub(crate) const OPTION_INVALID_VALUE: u8 = 32;
/// `option-required`.
pub(crate) const OPTION_REQUIRED: u8 = 37;
/// `file-open`.
pub(crate) const FILE_OPEN: u8 = 41;
/// `file-read`.
pub(crate) const FILE_READ: u8 = 42;
/// `command-invalid`.
pub(crate) const COMMAND_INVALID: u8 = 48;
/// `path-open`.
pub(crate) const PATH_OPEN: u8 = 53;
/// `file-missing`.
pub(crate) const FILE_MISSING: u8 = 55;
/// `path-missing`.
pub(crate) const PATH_MISSING: u8 = 73;
/// `param-invalid`.
pub(crate) const PARAM_INVALID: u8 = 96;

impl ConfigError {
    /// An error of the values phase, by far the most frequent.
    pub(crate) fn new(code: u8, message: impl Into<String>) -> Self {
        ConfigError {
            code,
            message: message.into(),
            hints: Vec::new(),
            phase: Phase::Values,
            warnings: Vec::new(),
        }
    }

    /// 31: an option is not known or may not be used like this.
    pub(crate) fn option_invalid(message: impl Into<String>) -> Self {
        Self::new(OPTION_INVALID, message)
    }

    /// 32: an option is fine but not its value.
    pub(crate) fn option_value(message: impl Into<String>) -> Self {
        Self::new(OPTION_INVALID_VALUE, message)
    }

    /// Adds a hint.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Adds hints that only `pgkeep` shows: as `pgbackrest` all is as pgBackRest has it (see `advice`).
    #[must_use]
    pub(crate) fn advise(
        mut self,
        program: Program,
        hints: impl IntoIterator<Item = String>,
    ) -> Self {
        if program == Program::PgKeep {
            self.hints.extend(hints);
        }
        self
    }

    /// Says in which phase the error was found.
    #[must_use]
    pub(crate) fn at(mut self, phase: Phase) -> Self {
        self.phase = phase;
        self
    }
}

/// The message and one `HINT:` line per hint, as the log shows it after the code.
impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        for hint in &self.hints {
            write!(f, "\nHINT: {hint}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}
