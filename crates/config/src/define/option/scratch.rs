//! Options of a scratch cluster: what `drill` and `restore-table` restore a backup into.
//!
//! They may stand in the configuration file. Which set and which moment is chosen by options of restore.

use crate::define::command::CommandId::{Drill, RestoreTable};
use crate::define::option::known_to::all;
use crate::define::option::{Kind, OptionDef};

/// An option for the configuration file.
const SCRATCH: OptionDef = OptionDef {
    kind: Kind::Path,
    commands: &[all(Drill), all(RestoreTable)],
    required: false,
    ours: true,
    ..OptionDef::GLOBAL
};

/// Directory for the scratch cluster.
pub const SCRATCH_PATH: &OptionDef = &OptionDef {
    name: "scratch-path",
    summary: "Directory for the scratch cluster.",
    help: "Must be missing or empty, not in a cluster or a repository, and on a file system with room for \
        what is restored: the whole cluster for `drill`, one database and the system's for \
        `restore-table`. The cluster, its tablespaces and its socket lie below it; at the end it is \
        removed. What a run leaves in it that is killed is removed too, by a process that watches over it or by the \
        next run, unless anything else lies beside it. Only one run can work there at a time, so each stanza needs one of its own. \
        The default is `/var/tmp/pgkeep-`, the command, `-` and the name of the stanza: \
        `/var/tmp/pgkeep-drill-main`.",
    example: "scratch-path=/var/lib/pgkeep-scratch-main",
    ..SCRATCH
};

/// Directory of the PostgreSQL programs.
pub const SCRATCH_PG_BIN: &OptionDef = &OptionDef {
    name: "scratch-pg-bin",
    summary: "Directory of the PostgreSQL programs.",
    help: "Where `postgres`, `psql` and `pg_dump` of the version of the backup are. By default they are \
        looked for in the usual places of packages and on the search path.",
    example: "scratch-pg-bin=/usr/lib/postgresql/17/bin",
    ..SCRATCH
};

/// Superuser of the cluster.
pub const SCRATCH_PG_USER: &OptionDef = &OptionDef {
    name: "scratch-pg-user",
    kind: Kind::String,
    summary: "Superuser of the cluster.",
    help: "The role that reads all rows in the scratch cluster. The default is `postgres`. No password \
        is needed.",
    example: "scratch-pg-user=admin",
    ..SCRATCH
};

/// Setting of the scratch cluster.
pub const SCRATCH_SETTING: &OptionDef = &OptionDef {
    name: "scratch-setting",
    kind: Kind::Hash,
    multiple: true,
    summary: "Setting of the scratch cluster.",
    help: "A setting of PostgreSQL, for example more memory, or the library in \
        `shared_preload_libraries` without which WAL cannot be replayed or rows cannot be read. The \
        option can be repeated. The settings of the original cluster are not used.\n\n\
        Settings that keep the scratch cluster to itself, that name files or commands, or that hide \
        damage are refused here.",
    example: "scratch-setting=shared_buffers=4GB",
    ..SCRATCH
};
