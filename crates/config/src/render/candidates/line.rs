//! The line that is being typed, taken apart: program, command, options, and the word at the cursor.

use std::path::Path;

use crate::define::command::{CommandId, Role, commands};
use crate::define::option::{
    CONFIG, CONFIG_INCLUDE_PATH, CONFIG_PATH, Group, Kind, OptionDef, REPO, STANZA,
};
use crate::input::Program;
use crate::parse::name::{self, Found, Lookup};

/// A line that is being typed.
#[derive(Clone, Debug)]
pub struct Line {
    /// The program as it was typed.
    pub argv0: String,
    /// Under which name it will run.
    pub program: Program,
    /// Whole words between the program and the one being typed.
    words: Vec<String>,
    /// What there is of the word being typed.
    pub(super) word: String,
}

impl Line {
    /// Takes the line apart as a shell does, as far as quotes and backslashes go; nothing without a program in it.
    pub fn new(text: &str) -> Option<Line> {
        let mut words = split(text);
        let word = words.pop()?;
        // `sudo -u postgres pgkeep …`
        let at = words.iter().position(|word| program(word).is_some())?;
        let argv0 = words[at].clone();
        Some(Line {
            program: program(&argv0)?,
            argv0,
            words: words.split_off(at + 1),
            word,
        })
    }

    /// The words without the one being typed, as the program would get them.
    pub fn arguments(&self) -> Vec<String> {
        std::iter::once(self.argv0.clone())
            .chain(self.words.iter().cloned())
            .collect()
    }

    /// Words that make `info` look at what this line is about.
    pub fn info_arguments(&self) -> Vec<String> {
        let mut arguments = vec![self.argv0.clone()];
        let mut words = self.words.iter();
        while let Some(word) = words.next() {
            let Some(found) = self.option(word) else {
                continue;
            };
            let value = self
                .value_follows(word, &found)
                .then(|| words.next())
                .flatten();
            // What the command is given besides does not matter to `info`.
            let wanted = found.option == STANZA
                || found.option == REPO
                || [CONFIG, CONFIG_PATH, CONFIG_INCLUDE_PATH].contains(&found.option)
                || found.option.group == Some(Group::Repo);
            if wanted
                && found
                    .option
                    .is_known(self.program, CommandId::Info, Role::Main)
            {
                arguments.push(word.clone());
                arguments.extend(value.cloned());
            }
        }
        arguments.push(CommandId::Info.name().to_owned());
        arguments
    }

    /// Whether a word goes on what was typed of it.
    pub fn goes_on(&self, word: &str) -> bool {
        word.starts_with(&self.word)
    }

    /// The words so far: command, words after it, options, and an option whose value is missing.
    pub(super) fn typed(&self) -> Typed {
        let mut typed = Typed::default();
        let mut words = self.words.iter();
        while let Some(word) = words.next() {
            if word.starts_with('-') {
                typed.help |= matches!(word.as_str(), "--help" | "-h");
                let Some(found) = self.option(word) else {
                    continue;
                };
                typed.options.push((found.option, found.key));
                if self.value_follows(word, &found) && words.next().is_none() {
                    typed.waits = Some(found);
                }
            } else if typed.command.is_some() {
                typed.parameters += 1;
            } else {
                let known = commands(self.program).find(|known| known.name.starts_with(&**word));
                match known.map(|known| known.id) {
                    Some(CommandId::Help) => typed.help = true,
                    other => typed.command = other,
                }
            }
        }
        typed
    }

    pub(super) fn option(&self, word: &str) -> Option<Found> {
        let name = word.strip_prefix("--")?.split('=').next()?;
        let lookup = Lookup {
            abbreviated: true,
            ..Lookup::exact(self.program)
        };
        name::find(name, lookup).ok()?
    }

    /// Whether the value of an option is the next word.
    fn value_follows(&self, word: &str, found: &Found) -> bool {
        let takes = found.option.kind != Kind::Boolean && !found.option.bool_like;
        takes && !found.negate && !found.reset && !word.contains('=')
    }
}

/// What was typed so far.
#[derive(Default)]
pub(super) struct Typed {
    pub(super) command: Option<CommandId>,
    pub(super) help: bool,
    /// How many words came after the command.
    pub(super) parameters: usize,
    pub(super) options: Vec<(&'static OptionDef, u32)>,
    pub(super) waits: Option<Found>,
}

/// The program a word starts, if it is ours.
fn program(word: &str) -> Option<Program> {
    match Path::new(word).file_name()?.to_str()? {
        "pgbackrest" => Some(Program::PgBackRest),
        name if name.starts_with(Program::PgKeep.binary()) => Some(Program::PgKeep),
        _ => None,
    }
}

/// Words of a line; the last one is being typed and may be empty.
fn split(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        let word = words.last_mut().expect("there is always one");
        match (char, quote) {
            ('\\', None | Some('"')) => word.extend(chars.next()),
            ('"' | '\'', None) => quote = Some(char),
            (char, Some(begun)) if char == begun => quote = None,
            (char, None) if char.is_whitespace() => {
                if !word.is_empty() {
                    words.push(String::new());
                }
            }
            (char, _) => word.push(char),
        }
    }
    words
}
