//! What the program hands in: how it was started, its words, its environment, and a way to read files.
//!
//! This crate reads nothing by itself, so that every rule can be tested without a file system. Invariant: nothing here is printed by
//! `Debug`, because environment and files hold secrets.

use std::fmt;
use std::io;

/// Name under which the program was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// `pgkeep`: everything.
    PgKeep,
    /// `pgbackrest`: exactly pgBackRest's commands, options, files and environment variables.
    PgBackRest,
}

impl Program {
    /// Name of the binary in usage lines.
    pub const fn binary(self) -> &'static str {
        match self {
            Program::PgKeep => "pgkeep",
            Program::PgBackRest => "pgbackrest",
        }
    }

    /// Name of the program in titles and version lines.
    pub const fn title(self) -> &'static str {
        match self {
            Program::PgKeep => "pgkeep",
            Program::PgBackRest => "pgBackRest",
        }
    }
}

/// Reads configuration files.
pub trait ConfigFiles {
    /// Content of the file `path` (absolute).
    ///
    /// # Errors
    /// The error of the operating system; `NotFound` for an absent file.
    fn read(&self, path: &str) -> io::Result<Vec<u8>>;

    /// Names (without directory, in any order) of what is in the directory `path` (absolute).
    ///
    /// # Errors
    /// The error of the operating system; `NotFound` for an absent directory.
    fn list(&self, path: &str) -> io::Result<Vec<String>>;

    /// Home directory of the user, if there is one.
    fn home(&self) -> Option<String>;

    /// Who may open `path`, or the directory above it that keeps this user out; nothing if that cannot be told.
    fn access(&self, path: &str) -> Option<Access> {
        let _ = path;
        None
    }

    /// The directory in which the program was started.
    fn working_directory(&self) -> Option<String> {
        None
    }
}

/// Owner and mode of what could not be opened, and the user who tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// The file, or a directory on the way to it.
    pub path: String,
    /// Whether it is a directory.
    pub directory: bool,
    /// Name of the owner.
    pub owner: String,
    /// Name of the group.
    pub group: String,
    /// Permission bits.
    pub mode: u32,
    /// Name of the user who runs the program.
    pub user: String,
}

/// Everything a configuration is made from.
pub struct Input<'a> {
    /// Name under which the program was started.
    pub program: Program,
    /// The command line, the program itself first.
    pub args: Vec<String>,
    /// Environment variables in their order.
    pub environment: Vec<(String, String)>,
    /// Reads configuration files.
    pub files: &'a dyn ConfigFiles,
    /// Effective user id; 0 is refused by most commands.
    pub uid: u32,
    /// Identifies this run and the processes it starts; used unless `--exec-id` was given.
    pub exec_id: String,
}

impl fmt::Debug for Input<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Input")
            .field("program", &self.program)
            .finish_non_exhaustive()
    }
}
