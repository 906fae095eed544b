//! `help --as=candidates`: what may come next on the line that a shell's completion script hands over.
//!
//! Quick and silent: whatever cannot be read is not offered, and a repository that does not answer is not waited for.

use std::io::Write;
use std::sync::mpsc;
use std::time::Duration;

use pgkeep_command::run::Context;
use pgkeep_command::run::not_yet::NOT_YET;
use pgkeep_config::render::candidates::{Line, Wanted};
use pgkeep_config::{Config, Input};

use crate::log::{self, Form, Level, LogSettings};

/// Longest time that a repository is asked for the labels of its backups.
const PATIENCE: Duration = Duration::from_secs(2);
/// The line up to where the cursor is.
const LINE: &str = "COMP_LINE";

/// Prints the candidates, one a line, each with what it means behind a tab. `context`: makes one of a configuration.
pub(crate) fn run(input: &Input<'_>, context: impl FnOnce(Config) -> Context) -> u8 {
    let mut silent = LogSettings::early(Form::Text);
    silent.console = Level::Off;
    log::install().configure(silent);
    let given = input.environment.iter().find(|(name, _)| name == LINE);
    let Some(line) = given.and_then(|(_, text)| Line::new(text)) else {
        return 0;
    };
    let load = |args| {
        let loaded = pgkeep_config::load(&Input {
            program: line.program,
            args,
            environment: input.environment.clone(),
            files: input.files,
            uid: input.uid,
            exec_id: input.exec_id.clone(),
        });
        loaded.ok().map(|loaded| loaded.config)
    };
    let info = load(line.info_arguments());
    // A line that is not complete yet can often not be read; then what `info` makes of it tells most.
    let typed = load(line.arguments());
    let refused: Vec<&str> = NOT_YET.iter().map(|(name, _)| *name).collect();
    let after = |start: &str, names: Vec<String>| {
        names
            .into_iter()
            .map(|name| (format!("{start}{name}"), String::new()))
            .filter(|(word, _)| line.goes_on(word))
            .collect()
    };
    let words = match line.wanted(typed.as_ref().or(info.as_ref()), &refused) {
        Wanted::Words(words) => words,
        Wanted::Files => vec![(":files".to_owned(), String::new())],
        Wanted::Directories => vec![(":directories".to_owned(), String::new())],
        Wanted::Stanzas(start) => {
            let stanzas = info.map(|config| config.stanzas()).unwrap_or_default();
            after(&start, stanzas)
        }
        Wanted::Sets(start) => {
            let labels = info
                .map(|config| labels(context(config)))
                .unwrap_or_default();
            after(&start, labels)
        }
    };
    let text: String = words
        .iter()
        .map(|(word, about)| match about.is_empty() {
            true => format!("{word}\n"),
            false => format!("{word}\t{about}\n"),
        })
        .collect();
    // Nobody reads on: nothing to do about it.
    let _ = std::io::stdout().write_all(text.as_bytes());
    0
}

/// Labels of the backups, newest first. The thread ends with the program, whatever it waits for.
fn labels(context: Context) -> Vec<String> {
    let (answer, labels) = mpsc::channel();
    let asked = std::thread::Builder::new().spawn(move || {
        // Who asked may have given up.
        let _ = answer.send(pgkeep_command::info::labels(&context).unwrap_or_default());
    });
    match asked {
        Ok(_) => labels.recv_timeout(PATIENCE).unwrap_or_default(),
        Err(_) => Vec::new(),
    }
}
