//! Whether somebody sits at a terminal, and questions to them. Questions go to standard error, since the result of a command
//! may be redirected.

use std::io::{BufRead, IsTerminal, Write};

use pgkeep_command::error::{Error, ErrorCode, Result};
use pgkeep_command::runtime::person::Person;

/// Whether what is printed reaches a person: standard output and error are both a terminal.
pub(crate) fn is_attended() -> bool {
    std::io::stdout().is_terminal() && std::io::stderr().is_terminal()
}

/// Standard input and error, if both are a terminal.
pub(crate) struct Terminal;

impl Person for Terminal {
    fn ask(&self, question: &str) -> Result<Option<String>> {
        let (input, mut error) = (std::io::stdin(), std::io::stderr());
        if !input.is_terminal() || !error.is_terminal() {
            return Ok(None);
        }
        let mut line = String::new();
        error
            .write_all(question.as_bytes())
            .and_then(|()| error.flush())
            .and_then(|()| input.lock().read_line(&mut line))
            .map_err(|error| {
                Error::new(
                    ErrorCode::FileRead,
                    format!("unable to ask at the terminal: {error}"),
                )
            })?;
        Ok(Some(line))
    }
}
