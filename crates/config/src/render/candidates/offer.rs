//! What is offered for a line: commands, options, values.

use super::line::{Line, Typed};
use crate::config::Config;
use crate::define::command::{CommandId, Role, commands};
use crate::define::option::{
    Depend, Group, HELP, Kind, OptionDef, PG, REPO, REPO_TARGET_TIME, SET, STANZA, VERSION,
};
use crate::input::Program;
use crate::parse::name::{self, Found, indexed};
use crate::render::facts::placeholder;
use crate::render::text::{lower_summary, plain};

/// What may stand in place of the word that is being typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// These words, each with what it means, which may be empty.
    Words(Vec<(String, String)>),
    /// Stanzas of the configuration, each after this text.
    Stanzas(String),
    /// Labels of backups, each after this text.
    Sets(String),
    /// Files or directories of this host.
    Files,
    /// Directories of this host.
    Directories,
}

impl Line {
    /// What may come next. `config` is what was said so far, where it can be read. `refused`: options and `option=value` that
    /// are known but not supported.
    pub fn wanted(&self, config: Option<&Config>, refused: &[&str]) -> Wanted {
        let typed = self.typed();
        let offer = Offer {
            line: self,
            typed: &typed,
            config,
            refused,
        };
        if let Some(found) = typed.waits {
            return offer.value(&found, "", &self.word);
        }
        if let Some((name, value)) = self.word.split_once('=')
            && let Some(found) = self.option(name)
        {
            return offer.value(&found, &format!("{name}="), value);
        }
        if self.word.starts_with('-') {
            return offer.options();
        }
        offer.parameter()
    }
}

/// What is offered for one line.
struct Offer<'a> {
    line: &'a Line,
    typed: &'a Typed,
    config: Option<&'a Config>,
    refused: &'a [&'a str],
}

impl Offer<'_> {
    /// A word that is no option: a command, an option to be told about, a file; where none is taken, options.
    fn parameter(&self) -> Wanted {
        let Some(command) = self.typed.command else {
            return self.words(
                commands(self.line.program)
                    .filter(|command| !command.internal && !self.is_refused(command.name))
                    .map(|command| (command.name.to_owned(), described(command.summary))),
            );
        };
        if self.typed.help {
            let options = self
                .known_to(command)
                .map(|option| (option.name.to_owned(), described(option.summary)));
            return match self.typed.parameters {
                0 => self.words(options),
                _ => Wanted::Words(Vec::new()),
            };
        }
        match command {
            CommandId::ArchivePush | CommandId::ArchiveGet => Wanted::Files,
            _ if command.definition().parameters.1 == 0 => self.options(),
            _ => Wanted::Words(Vec::new()),
        }
    }

    /// Options in the form in which they are typed.
    fn options(&self) -> Wanted {
        let alone = self.typed.help.then_some(CommandId::Help);
        let Some(command) = self.typed.command.or(alone) else {
            let own = [HELP, VERSION].into_iter();
            let all = name::options(self.line.program)
                .filter(|option| !option.internal && !option.secure && !self.is_hidden(option))
                .filter(|option| {
                    commands(self.line.program).any(|known| {
                        !self.is_refused(known.name) && usable(self.line.program, option, known.id)
                    })
                });
            return self.words(own.chain(all).flat_map(|option| self.forms(option, None)));
        };
        let of_command = self.known_to(command);
        self.words(of_command.flat_map(|option| self.forms(option, Some(command))))
    }

    /// Options that the user may give to the command.
    fn known_to(&self, command: CommandId) -> impl Iterator<Item = &'static OptionDef> {
        name::options(self.line.program).filter(move |option| {
            usable(self.line.program, option, command) && !self.is_hidden(option)
        })
    }

    /// All ways to type an option that are worth to be offered now.
    fn forms(
        &self,
        option: &'static OptionDef,
        command: Option<CommandId>,
    ) -> Vec<(String, String)> {
        let about = described(option.summary);
        let word = &self.line.word;
        self.keys(option)
            .into_iter()
            .filter(|key| self.may_be_given(option, *key, command))
            .flat_map(|key| {
                let name = indexed(option, key);
                let equals = match placeholder(option).is_some() && !option.bool_like {
                    true => "=",
                    false => "",
                };
                let negated = option.negatable && word.starts_with("--n");
                let reset = option.resettable && word.starts_with("--res");
                [
                    Some(format!("--{name}{equals}")),
                    negated.then(|| format!("--no-{name}")),
                    reset.then(|| format!("--reset-{name}")),
                ]
            })
            .flatten()
            .map(|form| (form, about.clone()))
            .collect()
    }

    /// Indexes of an option: those of the configuration, those on the line, and the one that is being typed.
    fn keys(&self, option: &OptionDef) -> Vec<u32> {
        let Some(group) = option.group else {
            return vec![0];
        };
        let mut keys = vec![1];
        keys.extend(
            self.config
                .map(|config| config.keys(group))
                .unwrap_or_default(),
        );
        let on_line = self.typed.options.iter();
        keys.extend(
            on_line
                .filter(|(known, _)| known.group == Some(group))
                .map(|(_, key)| *key),
        );
        // `--repo2`, `--no-repo2-`
        let digits = self
            .line
            .word
            .split_once(group.name())
            .map(|(_, rest)| rest);
        let digits = digits.and_then(|rest| rest.split('-').next());
        keys.extend(digits.and_then(|digits| digits.parse::<u32>().ok()));
        keys.retain(|key| (Group::KEYS.0..=Group::KEYS.1).contains(key));
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    /// Not said before, unless it may be repeated, and its condition fulfilled as far as that is known.
    fn may_be_given(
        &self,
        option: &'static OptionDef,
        key: u32,
        command: Option<CommandId>,
    ) -> bool {
        if !option.multiple && self.typed.options.contains(&(option, key)) {
            return false;
        }
        // The one condition that the table of options does not have.
        if option == REPO_TARGET_TIME && !self.names_a_repository() {
            return false;
        }
        let depend = command.map_or(option.depends, |command| option.depends_for(command));
        depend.is_none_or(|depend| self.is_fulfilled(&depend, key))
    }

    fn names_a_repository(&self) -> bool {
        let config = self.config.filter(|config| config.is_valid(REPO));
        self.typed.options.contains(&(REPO, 0))
            || config.is_some_and(|config| !config.source(REPO, 0).is_default())
    }

    fn is_fulfilled(&self, depend: &Depend, key: u32) -> bool {
        let (Some(config), Some(other)) = (self.config, name::by_name(depend.option)) else {
            return true;
        };
        let key = if other.group.is_some() { key } else { 0 };
        // Of a repository or cluster that nothing is known of yet anything can be said.
        if other
            .group
            .is_some_and(|group| !config.keys(group).contains(&key))
        {
            return true;
        }
        if !config.is_valid(other) {
            return true;
        }
        if !config.is_set_at(other, key) {
            // On the line it is, though with a value that the configuration could not be read with.
            return self.typed.options.contains(&(other, key));
        }
        let value = config.spelling_at(other, key).unwrap_or_default();
        depend.values.is_empty() || depend.values.contains(&value.as_str())
    }

    /// Values of an option, each after `start`.
    fn value(&self, found: &Found, start: &str, typed: &str) -> Wanted {
        let option = found.option;
        if found.negate || found.reset || option.secure {
            return Wanted::Words(Vec::new());
        }
        match option.kind {
            _ if option == STANZA => return Wanted::Stanzas(start.to_owned()),
            _ if option == SET => return Wanted::Sets(start.to_owned()),
            _ if names_a_file(option) => {
                return match option.name.ends_with("path") {
                    true => Wanted::Directories,
                    false => Wanted::Files,
                };
            }
            _ => {}
        }
        let group = match option {
            _ if option == REPO => Some(Group::Repo),
            _ if option == PG => Some(Group::Pg),
            _ => None,
        };
        let keys = group.and_then(|group| Some(self.config?.keys(group)));
        let mut values: Vec<String> = match (option.kind, keys) {
            (_, Some(keys)) => keys.iter().map(u32::to_string).collect(),
            (Kind::Boolean, _) => vec!["y".to_owned(), "n".to_owned()],
            _ => self
                .allowed(option)
                .into_iter()
                .map(str::to_owned)
                .collect(),
        };
        values.retain(|value| !self.is_refused(&format!("{}={value}", option.name)));
        values.retain(|value| value.starts_with(typed));
        let words = values
            .into_iter()
            .map(|value| (format!("{start}{value}"), String::new()));
        Wanted::Words(words.collect())
    }

    fn allowed(&self, option: &OptionDef) -> Vec<&'static str> {
        let Some(command) = self.typed.command else {
            return option.allowed.to_vec();
        };
        let mut words = option.allowed_for(command).to_vec();
        if self.line.program == Program::PgKeep {
            words.extend(option.ours_for(command));
        }
        words
    }

    /// Those of the words that go on what was typed.
    fn words(&self, words: impl Iterator<Item = (String, String)>) -> Wanted {
        let mut words: Vec<_> = words
            .filter(|(word, _)| word.starts_with(&self.line.word))
            .collect();
        words.sort();
        words.dedup_by(|one, other| one.0 == other.0);
        Wanted::Words(words)
    }

    fn is_refused(&self, what: &str) -> bool {
        self.refused.contains(&what)
    }

    /// Refused, or of use only with something that is.
    fn is_hidden(&self, option: &OptionDef) -> bool {
        if self.is_refused(option.name) {
            return true;
        }
        let Some(depend) = option.depends else {
            return false;
        };
        let refused = |value: &&str| self.is_refused(&format!("{}={value}", depend.option));
        (!depend.values.is_empty() && depend.values.iter().all(refused))
            || name::by_name(depend.option).is_some_and(|other| self.is_hidden(other))
    }
}

/// Whether the user may give the option to the command.
fn usable(program: Program, option: &OptionDef, command: CommandId) -> bool {
    option.is_known(program, command, Role::Main) && !option.internal_in(command) && !option.secure
}

/// Whether the value is a path of this host; not all options that take one insist on it.
fn names_a_file(option: &OptionDef) -> bool {
    let example = option
        .example
        .split_once('=')
        .map_or("", |(_, value)| value);
    option.kind == Kind::Path || (option.kind == Kind::String && example.starts_with('/'))
}

fn described(summary: &str) -> String {
    plain(&lower_summary(summary))
}
