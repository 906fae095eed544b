//! The resolved configuration and how it is asked.
//!
//! It knows nothing of the rules that made it: those are in `resolve`, and how parts of it are written down again is in `render`. Both
//! add methods to [`Config`] there. Invariant: a `Config` never changes; rules that adjust values make a new one.

mod entry;
mod loaded;
mod values;

use std::sync::Arc;

pub(crate) use entry::{Entries, Entry};
pub use loaded::Loaded;

use crate::define::command::{CommandId, Role};
use crate::define::option::{EXEC_ID, Group, OptionDef, PG, PG_PATH, REPO, REPO_PATH, STANZA};
use crate::input::Program;
use crate::origin::Origin;
use crate::parse::search::Searched;
use crate::value::{Source, Value};

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

    fn files(&self, wanted: impl Fn(&Searched) -> bool) -> Vec<&str> {
        let searched = self.origin.searched.iter();
        searched
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

    pub(crate) fn value_at(&self, option: &'static OptionDef, key: u32) -> Option<&Value> {
        self.entry(option, key)?.value.as_ref()
    }
}
