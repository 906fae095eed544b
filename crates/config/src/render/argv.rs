//! Options as words: the begin line of the log, command lines of child processes and `restore_command`.
//!
//! Invariant: alphabetical by option, then by index; secrets are `<redacted>` in the begin line and left out everywhere else.

use std::collections::BTreeMap;
use std::fmt;

use crate::config::{Config, Entry};
use crate::define::command::{CommandId, Role};
use crate::define::option::{Group, OptionDef, REPO_CIPHER_TYPE, REPO_RATE_LIMIT};
use crate::parse::name;
use crate::render::shell_word;
use crate::value::{Source, Value};

/// What a child process is told instead of the own value of an option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Replacement {
    /// Nothing.
    Omit,
    /// `--name` or `--no-name`.
    Boolean(bool),
    /// `--name=value`.
    Value(String),
    /// `--name=value` for each of these.
    Values(Vec<String>),
}

/// The one cluster or repository that a process on another host is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Other {
    /// What it has.
    pub group: Group,
    /// Its index here. There a cluster is the first; the index of a repository is the same.
    pub key: u32,
}

/// Who is told, and how.
#[derive(Clone, Copy, Debug)]
pub struct Child<'a> {
    /// Command of the child; only options it knows are passed.
    pub command: CommandId,
    /// Its role.
    pub role: Role,
    /// It runs on this host and reads the same files, so only what the command line said is passed.
    pub local: bool,
    /// It is for this and not told of others.
    pub other: Option<Other>,
    /// Values are words for a shell.
    pub quote: bool,
    /// Replacements by full name (`repo1-path`).
    pub replace: &'a BTreeMap<String, Replacement>,
}

/// Options that make sense for `restore` but not for the `archive-get` that PostgreSQL starts.
const NOT_FOR_RESTORE_COMMAND: [&str; 11] = [
    "exec-id",
    "job-retry",
    "job-retry-interval",
    "log-format",
    "log-level-console",
    "log-level-file",
    "log-level-stderr",
    "log-subprocess",
    "log-timestamp",
    "process-max",
    "cmd",
];

impl Config {
    /// Every option that is not at its default, as the begin line lists them; empty or beginning with `--`.
    ///
    /// Take it from the configuration before [`Config::check`], as the line is shown before.
    pub fn begin_line_options(&self) -> String {
        self.begin_line_options_for(self.command)
    }

    /// The same for a command that runs at the end of this one (`expire` after `backup`): without options it does not know.
    pub fn begin_line_options_for(&self, command: CommandId) -> String {
        let mut words = Vec::new();
        for option in name::options(self.program()) {
            if !option.is_known(self.program(), command, self.role) {
                continue;
            }
            for key in self.indexes(option) {
                if let Some(entry) = self.entry(option, key) {
                    let full_name = name::indexed(option, key);
                    begin_line_words(&full_name, option, entry, &mut words);
                }
            }
        }
        words.join(" ")
    }

    /// Words after the command in the begin line: `[a, "b c"]`, or nothing.
    pub fn begin_line_parameters(&self) -> String {
        if self.parameters.is_empty() {
            return String::new();
        }
        let words: Vec<String> = self.parameters.iter().map(|word| quoted(word)).collect();
        format!("[{}]", words.join(", "))
    }

    /// Options for the command line of a child process, without the command itself.
    pub fn child_options(&self, child: Child<'_>) -> Vec<String> {
        let mut words = Vec::new();
        for option in name::options(self.program()) {
            // The type of a cipher is of no use to a process that does not get the passphrase.
            if !option.is_known(self.program(), child.command, child.role)
                || option.secure
                || option == REPO_CIPHER_TYPE
            {
                continue;
            }
            for key in self.indexes(option) {
                self.child_words(child, option, key, &mut words);
            }
        }
        words
    }

    /// `<options>` of `restore_command`: what the command line said and archive-get knows, as words for a shell.
    pub fn restore_command_options(&self) -> Vec<String> {
        // A limit that is said for the restore is not meant for recovery, which must keep up with the primary.
        let limits = self.keys(Group::Repo).iter();
        let limits = limits.map(|key| name::indexed(REPO_RATE_LIMIT, *key));
        let replace = NOT_FOR_RESTORE_COMMAND
            .iter()
            .map(|name| (*name).to_owned())
            .chain(limits)
            .map(|name| (name, Replacement::Omit))
            .collect();
        self.child_options(Child {
            command: CommandId::ArchiveGet,
            role: Role::Main,
            local: true,
            other: None,
            quote: true,
            replace: &replace,
        })
    }

    fn child_words(
        &self,
        child: Child<'_>,
        option: &'static OptionDef,
        key: u32,
        words: &mut Vec<String>,
    ) {
        let Some(key_there) = key_there(child.other, option, key) else {
            return;
        };
        let full_name = name::indexed(option, key_there);
        let quote = |value: &str| {
            if child.quote {
                shell_word(value)
            } else {
                value.to_owned()
            }
        };
        match child.replace.get(&full_name) {
            Some(Replacement::Omit) => return,
            Some(Replacement::Boolean(true)) => return words.push(format!("--{full_name}")),
            Some(Replacement::Boolean(false)) => return words.push(format!("--no-{full_name}")),
            Some(Replacement::Value(value)) => {
                return words.push(format!("--{full_name}={}", quote(value)));
            }
            Some(Replacement::Values(values)) => {
                let values = values.iter();
                return words.extend(values.map(|value| format!("--{full_name}={}", quote(value))));
            }
            None => {}
        }
        let Some(entry) = self.entry(option, key) else {
            return;
        };
        let said = entry.negate || !entry.source.is_default();
        if !said && entry.reset {
            words.push(format!("--reset-{full_name}"));
        } else if said && (!child.local || entry.source == Source::CommandLine) {
            if entry.negate {
                words.push(format!("--no-{full_name}"));
            } else if let Some(Value::Boolean(_)) = entry.value {
                words.push(format!("--{full_name}"));
            } else {
                for value in shown_values(entry) {
                    words.push(format!("--{full_name}={}", quote(&value)));
                }
            }
        }
    }
}

/// The index of an option for a process on another host; `None`: it is not told.
fn key_there(other: Option<Other>, option: &OptionDef, key: u32) -> Option<u32> {
    match (option.group, other) {
        (None, _) | (_, None) => Some(key),
        (Some(Group::Pg), Some(other)) if other.group == Group::Pg => {
            (key == other.key).then_some(1)
        }
        (Some(Group::Pg), Some(_)) => Some(key),
        (Some(Group::Repo), Some(other)) => {
            (other.group == Group::Repo && key == other.key).then_some(key)
        }
    }
}

/// Command and options as in the begin line: secrets are redacted.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("program", &self.program())
            .field("command", &self.command_role_name())
            .field("options", &self.begin_line_options())
            .finish_non_exhaustive()
    }
}

fn begin_line_words(full_name: &str, option: &OptionDef, entry: &Entry, words: &mut Vec<String>) {
    if entry.negate {
        words.push(format!("--no-{full_name}"));
    } else if entry.reset {
        words.push(format!("--reset-{full_name}"));
    } else if entry.source.is_default() {
    } else if option.secure {
        words.push(format!("--{full_name}=<redacted>"));
    } else if let Some(Value::Boolean(_)) = entry.value {
        words.push(format!("--{full_name}"));
    } else {
        for value in shown_values(entry) {
            words.push(format!("--{full_name}={}", quoted(&value)));
        }
    }
}

/// The values of an option as they are typed, one for each time the option is repeated; none for secrets.
pub(crate) fn shown_values(entry: &Entry) -> Vec<String> {
    match &entry.value {
        Some(Value::List(values)) => values.clone(),
        Some(Value::Map(pairs)) => pairs
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect(),
        Some(Value::Boolean(value)) => vec![if *value { "y" } else { "n" }.to_owned()],
        Some(Value::Secret(_)) | None => Vec::new(),
        Some(_) => entry.spelling.iter().cloned().collect(),
    }
}

/// In double quotes if there is a space; nothing is escaped.
fn quoted(value: &str) -> String {
    if value.contains(' ') {
        format!("\"{value}\"")
    } else {
        value.to_owned()
    }
}
