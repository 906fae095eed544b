//! Whether somebody sits at a terminal, and questions to them. Questions go to standard error, since the result of a command
//! may be redirected.

use std::io::{BufRead, IsTerminal, Write};

use pgkeep_command::error::{Error, ErrorCode, Result};
use pgkeep_command::run::prompt::Prompt;

use crate::log;
use crate::printable::printable;

/// Whether somebody reads what is printed: standard output and error are both a terminal.
pub(crate) fn is_attended() -> bool {
    std::io::stdout().is_terminal() && std::io::stderr().is_terminal()
}

/// Whether a line can be drawn over: a terminal that moves its cursor.
pub(crate) fn can_draw() -> bool {
    let moves = |term: std::ffi::OsString| !term.is_empty() && term != "dumb";
    is_attended() && std::env::var_os("TERM").is_some_and(moves)
}

/// Whether colours are welcome: <https://no-color.org> says how one says no.
pub(crate) fn shows_colours() -> bool {
    can_draw() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Whether the locale shows more than ASCII.
pub(crate) fn shows_utf8() -> bool {
    let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let locale = set("LC_ALL")
        .or_else(|| set("LC_CTYPE"))
        .or_else(|| set("LANG"))
        .unwrap_or_default()
        .to_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}

/// Standard input and error, if both are a terminal.
pub(crate) struct Terminal;

impl Prompt for Terminal {
    fn ask(&self, question: &str) -> Result<Option<String>> {
        let (input, mut error) = (std::io::stdin(), std::io::stderr());
        if !input.is_terminal() || !error.is_terminal() {
            return Ok(None);
        }
        let mut line = String::new();
        let mut asked = Ok(0);
        log::install().aside(&mut || {
            asked = error
                .write_all(printable(question).as_bytes())
                .and_then(|()| error.flush())
                .and_then(|()| input.lock().read_line(&mut line));
        });
        asked.map_err(|error| {
            Error::new(
                ErrorCode::FileRead,
                format!("unable to ask at the terminal: {error}"),
            )
        })?;
        Ok(Some(line))
    }
}
