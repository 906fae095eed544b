//! What a configuration was made from, kept so that it can be made again for another stanza.
//!
//! Invariant: nothing of it is printed, because environment and files hold secrets.

use std::fmt;

use crate::input::Program;
use crate::parse::ini::Ini;
use crate::parse::search::{DefaultFiles, Searched};

/// Words, environment and files of one start of the program.
pub(crate) struct Origin {
    pub(crate) program: Program,
    pub(crate) argv0: String,
    pub(crate) args: Vec<String>,
    pub(crate) environment: Vec<(String, String)>,
    /// Nothing if no file was there, or none was looked for.
    pub(crate) ini: Option<Ini>,
    /// Files that were searched for, in that order.
    pub(crate) searched: Vec<Searched>,
    /// Places of the files, which are defaults of some options.
    pub(crate) defaults: DefaultFiles,
    pub(crate) uid: u32,
    pub(crate) exec_id: String,
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Origin")
            .field("program", &self.program)
            .finish_non_exhaustive()
    }
}
