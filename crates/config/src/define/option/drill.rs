//! Options of the rehearsal of a restore (`drill`).
//!
//! Those that a timer needs may stand in the configuration file. Which set and which moment is chosen by options of restore.

use crate::define::command::CommandId::Drill;
use crate::define::option::known_to::all;
use crate::define::option::{Kind, OptionDef};

/// An option for the configuration file.
const DRILL: OptionDef = OptionDef {
    kind: Kind::Path,
    commands: &[all(Drill)],
    required: false,
    ours: true,
    ..OptionDef::GLOBAL
};

/// File with SQL checks.
pub const DRILL_CHECK_FILE: &OptionDef = &OptionDef {
    name: "drill-check-file",
    summary: "File with SQL checks.",
    help: "Each check is a statement, followed by a line `=> value` for every row that it must return. \
        Columns are separated by `|`. A line `[name]` says in which database the following checks \
        are made, at first `postgres`. Lines that begin with `#` are comments.\n\n\
        The statements are run by a superuser in the scratch cluster, which is removed afterwards.",
    example: "drill-check-file=/etc/pgbackrest/demo.checks",
    ..DRILL
};

/// Show the drills that were made.
pub const DRILL_HISTORY: &OptionDef = &OptionDef {
    name: "drill-history",
    commands: &[all(Drill)],
    ours: true,
    summary: "Show the drills that were made.",
    help: "Prints when drills of the stanza were made on this host, how long they took and how they \
        ended. No drill is made. The last 100 are kept in `log-path`, in a file `…-drill.history`.",
    example: "--drill-history",
    ..OptionDef::COMMAND_LINE_BOOLEAN
};

/// Directory for the drill.
pub const DRILL_PATH: &OptionDef = &OptionDef {
    name: "drill-path",
    summary: "Directory for the drill.",
    help: "Must be missing or empty, not in a cluster or a repository, and on a file system with room for \
        the whole cluster. The cluster, its tablespaces and its socket lie below it; at the end it is \
        removed. What an interrupted drill has left in it is removed by the next one, unless anything \
        else lies beside it. Each stanza needs one of its own. The default is `/var/tmp/pgkeep-drill-` with \
        the name of the stanza.",
    example: "drill-path=/var/lib/pgkeep-drill-main",
    ..DRILL
};

/// Directory of the PostgreSQL programs.
pub const DRILL_PG_BIN: &OptionDef = &OptionDef {
    name: "drill-pg-bin",
    summary: "Directory of the PostgreSQL programs.",
    help: "Where `postgres`, `psql` and `pg_dump` of the version of the backup are. By default they are \
        looked for in the usual places of packages and on the search path.",
    example: "drill-pg-bin=/usr/lib/postgresql/17/bin",
    ..DRILL
};

/// Superuser of the cluster.
pub const DRILL_PG_USER: &OptionDef = &OptionDef {
    name: "drill-pg-user",
    kind: Kind::String,
    summary: "Superuser of the cluster.",
    help: "The role that reads all rows in the scratch cluster. The default is `postgres`. No password \
        is needed.",
    example: "drill-pg-user=admin",
    ..DRILL
};

/// Choose the moment at random.
pub const DRILL_RANDOM: &OptionDef = &OptionDef {
    name: "drill-random",
    commands: &[all(Drill)],
    ours: true,
    summary: "Choose the moment at random.",
    help: "A moment between the end of one backup and the beginning of another one on the same timeline. \
        So in the course of time all that is kept is tried. A backup that is alone on its timeline is \
        tried as it ended. The report says which moment it was, so that the drill can be made again \
        with `--type=lsn --target=…`.\n\n\
        Cannot be combined with `--set`, `--type`, `--target` and `--target-timeline`.",
    example: "--drill-random",
    ..OptionDef::COMMAND_LINE_BOOLEAN
};

/// Setting of the scratch cluster.
pub const DRILL_SETTING: &OptionDef = &OptionDef {
    name: "drill-setting",
    kind: Kind::Hash,
    multiple: true,
    summary: "Setting of the scratch cluster.",
    help: "A setting of PostgreSQL, for example more memory, or the library in \
        `shared_preload_libraries` without which WAL cannot be replayed or rows cannot be read. The \
        option can be repeated. The settings of the original cluster are not used.\n\n\
        Settings that keep the scratch cluster to itself, that name files or commands, or that hide \
        damage are refused here.",
    example: "drill-setting=shared_buffers=4GB",
    ..DRILL
};
