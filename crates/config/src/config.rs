//! The resolved configuration and how it is asked.
//!
//! How it comes about is in `resolve`, how parts of it are written down again in `render`. Invariant: a `Config` never changes; the rules
//! that adjust values (spec 11.6) make a new one.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;

use crate::Loaded;
use crate::advice::places;
use crate::define::command::{CommandId, Role};
use crate::define::option::{EXEC_ID, Group, OptionDef, PG, PG_PATH, REPO, REPO_PATH, STANZA};
use crate::error::Result;
use crate::input::Program;
use crate::origin::Origin;
use crate::parse::file::Looked;
use crate::resolve;
use crate::value::{Source, Value};

/// One option at one index.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) value: Option<Value>,
    /// The value as the user spelled it, or the default as it is declared; nothing for booleans, lists, maps and secrets.
    pub(crate) spelling: Option<String>,
    /// `--no-x`, or a boolean set to `n`.
    pub(crate) negate: bool,
    pub(crate) reset: bool,
    pub(crate) source: Source,
    /// The default for this command, if there is one and it applies (filled for help even when another value is set).
    pub(crate) default: Option<String>,
}

impl Entry {
    /// Nothing was said and there is no default.
    pub(crate) fn unset() -> Self {
        Entry {
            value: None,
            spelling: None,
            negate: false,
            reset: false,
            source: Source::Default,
            default: None,
        }
    }
}

/// Options by name and index (0 without group). Only options that the command knows are in it.
pub(crate) type Entries = BTreeMap<(&'static str, u32), Entry>;

/// What the user wants, resolved for one command.
#[derive(Clone)]
pub struct Config {
    pub(crate) origin: Arc<Origin>,
    pub(crate) command: CommandId,
    pub(crate) role: Role,
    pub(crate) help: bool,
    pub(crate) parameters: Vec<String>,
    pub(crate) entries: Entries,
    /// Indexes that exist, ascending; empty for a group that the command does not know.
    pub(crate) keys: [Vec<u32>; 2],
    pub(crate) checked: bool,
}

impl Config {
    /// Name under which the program was started.
    pub fn program(&self) -> Program {
        self.origin.program
    }

    /// The program as it was started (`argv[0]`).
    pub fn argv0(&self) -> &str {
        &self.origin.argv0
    }

    /// The command; with [`Config::is_help`], the one help was asked about.
    pub fn command(&self) -> CommandId {
        self.command
    }

    /// What the process is for.
    pub fn role(&self) -> Role {
        self.role
    }

    /// `backup`, `backup:local` …
    pub fn command_role_name(&self) -> String {
        match self.role {
            Role::Main => self.command.name().to_owned(),
            role => format!("{}:{}", self.command.name(), role.name()),
        }
    }

    /// Whether help about the command was asked for (`help backup`); `help` alone is the command [`CommandId::Help`].
    pub fn is_help(&self) -> bool {
        self.help
    }

    /// Words after the command.
    pub fn parameters(&self) -> &[String] {
        &self.parameters
    }

    /// The stanza of this run.
    pub fn stanza(&self) -> Option<&str> {
        self.string(STANZA)
    }

    /// All stanzas that have a section in the files, sorted.
    pub fn stanzas(&self) -> Vec<String> {
        self.origin
            .ini
            .as_ref()
            .map(|ini| ini.stanzas())
            .unwrap_or_default()
    }

    /// Configuration files that were read.
    pub fn files_read(&self) -> Vec<&str> {
        self.files(|place| place.found)
    }

    /// Configuration files that were read or looked for, also those of a directory (`/etc/pgkeep/conf.d/*.conf`).
    pub fn files_looked_for(&self) -> Vec<&str> {
        self.files(|_| true)
    }

    fn files(&self, wanted: impl Fn(&Looked) -> bool) -> Vec<&str> {
        let looked = self.origin.looked.iter();
        looked
            .filter(|place| wanted(place))
            .map(|place| place.path.as_str())
            .collect()
    }

    /// Whether the stanza of this run is one of the files, or has its cluster from elsewhere; true without a stanza.
    pub fn knows_stanza(&self) -> bool {
        self.stanza().is_none_or(|stanza| {
            self.indexes(PG_PATH)
                .any(|key| self.is_set_at(PG_PATH, key))
                || self.stanzas().iter().any(|known| known == stanza)
        })
    }

    /// Whether nothing says where the repository is: no file was found, and its path is the default.
    pub fn is_unconfigured(&self) -> bool {
        self.files_read().is_empty()
            && self
                .indexes(REPO_PATH)
                .all(|key| self.source(REPO_PATH, key).is_default())
    }

    /// Hints for an error that a missing or unknown stanza explains: where was looked, which stanzas there are. Only for
    /// `pgkeep`.
    pub fn stanza_hints(&self) -> Vec<String> {
        match self.program() {
            Program::PgKeep => places::stanzas(&self.origin, self.stanza()),
            Program::PgBackRest => Vec::new(),
        }
    }

    /// Identifies this run and the processes it starts; empty for commands without `exec-id`.
    pub fn exec_id(&self) -> &str {
        self.string(EXEC_ID).unwrap_or_default()
    }

    /// Indexes of `group`, ascending; at least one if the command has options of the group.
    pub fn keys(&self, group: Group) -> &[u32] {
        &self.keys[group as usize]
    }

    /// The index meant by options of `group` when none is named: `--repo`/`--pg`, else the first.
    pub fn default_key(&self, group: Group) -> u32 {
        let chosen = match group {
            Group::Pg => self.integer(PG),
            Group::Repo => self.integer(REPO),
        };
        chosen
            .and_then(|key| u32::try_from(key).ok())
            .or_else(|| self.keys(group).first().copied())
            .unwrap_or(1)
    }

    /// Whether the command, in this role, knows the option.
    pub fn is_valid(&self, option: &'static OptionDef) -> bool {
        option.is_known(self.program(), self.command, self.role)
    }

    /// Whether the option has a value, said or default.
    pub fn is_set(&self, option: &'static OptionDef) -> bool {
        self.is_set_at(option, self.default_index(option))
    }

    /// The same at an index.
    pub fn is_set_at(&self, option: &'static OptionDef, key: u32) -> bool {
        self.value_at(option, key).is_some()
    }

    /// Where the value came from; `Default` also for an option without value.
    pub fn source(&self, option: &'static OptionDef, key: u32) -> Source {
        self.entry(option, key)
            .map_or(Source::Default, |entry| entry.source.clone())
    }

    /// Whether the option was said at all: at any index, in any source, or reset to its default.
    pub fn is_said(&self, option: &'static OptionDef) -> bool {
        self.indexes(option).any(|key| {
            self.entry(option, key)
                .is_some_and(|entry| entry.reset || entry.negate || !entry.source.is_default())
        })
    }

    /// A boolean; false if it has no value (see [`Config::boolean_or_unset`]).
    pub fn boolean(&self, option: &'static OptionDef) -> bool {
        self.boolean_at(option, self.default_index(option))
    }

    /// A boolean at an index; false if it has no value.
    pub fn boolean_at(&self, option: &'static OptionDef, key: u32) -> bool {
        self.boolean_or_unset_at(option, key).unwrap_or(false)
    }

    /// A boolean that may have no value (`checksum-page`).
    pub fn boolean_or_unset(&self, option: &'static OptionDef) -> Option<bool> {
        self.boolean_or_unset_at(option, self.default_index(option))
    }

    /// A boolean at an index that may have no value.
    pub fn boolean_or_unset_at(&self, option: &'static OptionDef, key: u32) -> Option<bool> {
        match self.value_at(option, key)? {
            Value::Boolean(value) => Some(*value),
            _ => None,
        }
    }

    /// An integer.
    pub fn integer(&self, option: &'static OptionDef) -> Option<i64> {
        self.integer_at(option, self.default_index(option))
    }

    /// An integer at an index.
    pub fn integer_at(&self, option: &'static OptionDef, key: u32) -> Option<i64> {
        match self.value_at(option, key)? {
            Value::Integer(value) => Some(*value),
            _ => None,
        }
    }

    /// A size in bytes.
    pub fn size(&self, option: &'static OptionDef) -> Option<u64> {
        self.size_at(option, self.default_index(option))
    }

    /// A size in bytes at an index.
    pub fn size_at(&self, option: &'static OptionDef, key: u32) -> Option<u64> {
        match self.value_at(option, key)? {
            Value::Size(value) => Some(*value),
            _ => None,
        }
    }

    /// A time.
    pub fn time(&self, option: &'static OptionDef) -> Option<Duration> {
        self.time_at(option, self.default_index(option))
    }

    /// A time at an index.
    pub fn time_at(&self, option: &'static OptionDef, key: u32) -> Option<Duration> {
        match self.value_at(option, key)? {
            Value::Time(value) => Some(*value),
            _ => None,
        }
    }

    /// A string, choice or path (without trailing slash); never a secret.
    pub fn string(&self, option: &'static OptionDef) -> Option<&str> {
        self.string_at(option, self.default_index(option))
    }

    /// A string, choice or path at an index; never a secret.
    pub fn string_at(&self, option: &'static OptionDef, key: u32) -> Option<&str> {
        match self.value_at(option, key)? {
            Value::String(value) => Some(value),
            _ => None,
        }
    }

    /// A secret.
    pub fn secret(&self, option: &'static OptionDef) -> Option<&SecretString> {
        self.secret_at(option, self.default_index(option))
    }

    /// A secret at an index.
    pub fn secret_at(&self, option: &'static OptionDef, key: u32) -> Option<&SecretString> {
        match self.value_at(option, key)? {
            Value::Secret(value) => Some(value),
            _ => None,
        }
    }

    /// A list in the order given.
    pub fn list(&self, option: &'static OptionDef) -> Option<&[String]> {
        self.list_at(option, self.default_index(option))
    }

    /// A list at an index.
    pub fn list_at(&self, option: &'static OptionDef, key: u32) -> Option<&[String]> {
        match self.value_at(option, key)? {
            Value::List(values) => Some(values),
            _ => None,
        }
    }

    /// A map: pairs in the order in which the keys were first given, each key once.
    pub fn map(&self, option: &'static OptionDef) -> Option<&[(String, String)]> {
        self.map_at(option, self.default_index(option))
    }

    /// A map at an index.
    pub fn map_at(&self, option: &'static OptionDef, key: u32) -> Option<&[(String, String)]> {
        match self.value_at(option, key)? {
            Value::Map(pairs) => Some(pairs),
            _ => None,
        }
    }

    /// The value as the user spelled it (`1m`, `5`), or as the default is declared; for messages.
    ///
    /// Nothing for options without value and for lists, maps and secrets.
    pub fn spelling(&self, option: &'static OptionDef) -> Option<String> {
        self.spelling_at(option, self.default_index(option))
    }

    /// The same at an index.
    pub fn spelling_at(&self, option: &'static OptionDef, key: u32) -> Option<String> {
        let entry = self.entry(option, key)?;
        match (&entry.value, &entry.spelling) {
            (Some(Value::Boolean(value)), _) => Some(if *value { "y" } else { "n" }.to_owned()),
            (Some(_), Some(spelling)) => Some(spelling.clone()),
            _ => None,
        }
    }

    /// Applies the rules of spec 11.6 that concern configuration only; the result is the configuration the command works with.
    ///
    /// Apart from [`crate::load`] because the begin line is shown before, and locks are taken before, these rules are looked at.
    ///
    /// # Errors
    /// 27, 31, 32, 37 as listed there.
    pub fn check(&self) -> Result<Loaded> {
        resolve::check::check(self)
    }

    /// Refuses user id 0 unless `allow-root` (spec 11.6); made before the begin line, for every role.
    ///
    /// # Errors
    /// 31 with two hints.
    pub fn check_user(&self) -> Result<()> {
        resolve::check::check_user(self)
    }

    /// The same command line for stanza `name`, resolved and checked: for commands that treat all stanzas one by one.
    ///
    /// # Errors
    /// Those of [`crate::load`] and [`Config::check`].
    pub fn for_stanza(&self, name: &str) -> Result<Loaded> {
        resolve::resolve_for_stanza(self, name)
    }

    /// What environment and files say about an option without index to another command of the same stanza; else its default.
    /// For an option that this command does not know itself.
    pub fn said_to(&self, command: CommandId, option: &'static OptionDef) -> Option<String> {
        resolve::said_to(self, command, option)
    }

    /// Index of options asked for without one.
    fn default_index(&self, option: &OptionDef) -> u32 {
        option.group.map_or(0, |group| self.default_key(group))
    }

    /// Indexes at which `option` may have a value.
    pub(crate) fn indexes(&self, option: &OptionDef) -> impl Iterator<Item = u32> {
        const UNGROUPED: &[u32] = &[0];
        let keys = match option.group {
            Some(group) => self.keys(group),
            None => UNGROUPED,
        };
        keys.iter().copied()
    }

    /// The entry of an option; nothing if the command does not know it.
    pub(crate) fn entry(&self, option: &'static OptionDef, key: u32) -> Option<&Entry> {
        let key = if option.group.is_some() { key } else { 0 };
        self.entries.get(&(option.name, key))
    }

    fn value_at(&self, option: &'static OptionDef, key: u32) -> Option<&Value> {
        self.entry(option, key)?.value.as_ref()
    }
}

/// Command and options as in the begin line: secrets are redacted.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("program", &self.origin.program)
            .field("command", &self.command_role_name())
            .field("options", &self.begin_line_options())
            .finish_non_exhaustive()
    }
}
