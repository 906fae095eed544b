//! Where configuration files are searched for.

/// Where a program looks for its files if it is not told otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DefaultFiles {
    /// Directory of both.
    pub(crate) path: &'static str,
    /// Main file.
    pub(crate) config: &'static str,
    /// Directory of further files.
    pub(crate) include: &'static str,
    /// Name of the main file alone.
    pub(super) name: &'static str,
}

/// Places of pgBackRest as the distributions build it.
pub(crate) const PGBACKREST_FILES: DefaultFiles = DefaultFiles {
    path: "/etc/pgbackrest",
    config: "/etc/pgbackrest/pgbackrest.conf",
    include: "/etc/pgbackrest/conf.d",
    name: "pgbackrest.conf",
};

/// Places of pgkeep's own.
pub(crate) const PGKEEP_FILES: DefaultFiles = DefaultFiles {
    path: "/etc/pgkeep",
    config: "/etc/pgkeep/pgkeep.conf",
    include: "/etc/pgkeep/conf.d",
    name: "pgkeep.conf",
};

/// Place of the main file before pgBackRest had a directory of its own.
pub(super) const PGBACKREST_OLD_FILE: &str = "/etc/pgbackrest.conf";

/// A file, or the files of a directory, that may hold the configuration.
pub(crate) struct Searched {
    /// `/etc/pgkeep/pgkeep.conf`, `/etc/pgkeep/conf.d/*.conf`.
    pub(crate) path: String,
    /// Whether it was there and read.
    pub(crate) found: bool,
}
