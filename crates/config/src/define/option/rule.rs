//! The parts of an option definition: kinds, defaults, ranges, conditions, older spellings, roles.
//!
//! Plain data with spelled values; reading the values is the parser's business.

use crate::define::command::{CommandId, Role, Roles};

/// Kinds of sections that may hold an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// `[global]`, `[global:command]`, `[stanza]`, `[stanza:command]`.
    Global,
    /// `[stanza]` and `[stanza:command]` only.
    Stanza,
    /// None: command line and environment only.
    CommandLine,
}

/// How a value is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `y` or `n`.
    Boolean,
    /// Signed decimal number.
    Integer,
    /// Bytes; suffixes `KiB`, `MiB` … are powers of 1024.
    Size,
    /// Milliseconds; without suffix the user means seconds.
    Time,
    /// Any text of at least one character.
    String,
    /// One of a fixed set of words.
    StringId,
    /// Absolute path.
    Path,
    /// Texts in the order given.
    List,
    /// `key=value` pairs.
    Hash,
}

/// Indexed family of options.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// Clusters of the stanza: `pg1-…`.
    Pg,
    /// Repositories: `repo1-…`.
    Repo,
}

impl Group {
    /// Smallest and largest index.
    pub const KEYS: (u32, u32) = (1, 256);

    /// Prefix of the names: `pg` or `repo`.
    pub const fn name(self) -> &'static str {
        match self {
            Group::Pg => "pg",
            Group::Repo => "repo",
        }
    }
}

/// A command that knows an option, and the roles in which it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommandRoles {
    /// The command.
    pub command: CommandId,
    /// Known to the process the user started.
    pub main: bool,
    /// Known to the background process of asynchronous archiving.
    pub async_: bool,
    /// Known to a local worker.
    pub local: bool,
    /// Known to the process on the other host.
    pub remote: bool,
}

impl CommandRoles {
    /// Every role that `command` has.
    pub const fn all(command: CommandId) -> CommandRoles {
        CommandRoles::only(command, command.roles())
    }

    /// The roles in `roles` and no others.
    pub const fn only(command: CommandId, roles: Roles) -> CommandRoles {
        CommandRoles {
            command,
            main: roles.main,
            async_: roles.async_,
            local: roles.local,
            remote: roles.remote,
        }
    }

    /// Whether `role` is among them.
    pub const fn has(&self, role: Role) -> bool {
        match role {
            Role::Main => self.main,
            Role::Async => self.async_,
            Role::Local => self.local,
            Role::Remote => self.remote,
        }
    }
}

/// Value of an option that was not given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Default {
    /// No value.
    None,
    /// This value, spelled as a user would.
    Is(&'static str),
    /// The program as it was started (`argv[0]`).
    Argv0,
    /// Depends on the value of another option; no value if that one is not listed.
    ByOption {
        /// Base name of the other option.
        option: &'static str,
        /// Its value and the default that follows.
        values: &'static [(&'static str, &'static str)],
    },
}

/// Smallest and largest value, both accepted, spelled as a user would.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Range {
    /// Always these two.
    Is(&'static str, &'static str),
    /// Depends on the value of another option; no limit if that one is not listed.
    ByOption {
        /// Base name of the other option.
        option: &'static str,
        /// Its value, then smallest and largest.
        values: &'static [(&'static str, &'static str, &'static str)],
    },
}

/// An older spelling of an option; it means exactly the option (no old name stands for a negation).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deprecated {
    /// Old base name without index: `db-path`, `retention-full`.
    pub name: &'static str,
    /// `db3-path` is accepted and means index 3.
    pub indexed: bool,
    /// `db-path` is accepted and, for a group, means index 1.
    pub unindexed: bool,
}

impl Deprecated {
    /// Accepted with an index and without.
    pub const fn either(name: &'static str) -> Deprecated {
        Deprecated {
            name,
            indexed: true,
            unindexed: true,
        }
    }

    /// Accepted with an index only.
    pub const fn indexed(name: &'static str) -> Deprecated {
        Deprecated {
            name,
            indexed: true,
            unindexed: false,
        }
    }

    /// Accepted without index only.
    pub const fn unindexed(name: &'static str) -> Deprecated {
        Deprecated {
            name,
            indexed: false,
            unindexed: true,
        }
    }
}

/// Condition on another option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Depend {
    /// Base name of the other option (same index if both are in the same group).
    pub option: &'static str,
    /// Values that fulfil it (`y`/`n` for booleans); empty: any value.
    pub values: &'static [&'static str],
    /// Value of this option when the condition is not fulfilled; none: the option then has no value.
    pub otherwise: Option<&'static str>,
}

impl Depend {
    /// Fulfilled when `option` has one of `values`.
    pub const fn on(option: &'static str, values: &'static [&'static str]) -> Depend {
        Depend {
            option,
            values,
            otherwise: None,
        }
    }

    /// Fulfilled when `option` has any value.
    pub const fn set(option: &'static str) -> Depend {
        Depend {
            option,
            values: &[],
            otherwise: None,
        }
    }

    /// The same condition, with a value for the case that it is not fulfilled.
    pub const fn otherwise(self, value: &'static str) -> Depend {
        Depend {
            otherwise: Some(value),
            ..self
        }
    }
}
