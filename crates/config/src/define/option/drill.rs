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
