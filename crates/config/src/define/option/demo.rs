//! Options of `demo`.
//!
//! Invariant: every option here is marked `ours`, and its name is none of pgBackRest's.

use crate::define::command::CommandId::Demo;
use crate::define::option::known_to::all;
use crate::define::option::{Kind, OptionDef};

/// An option of `demo`.
const DEMO: OptionDef = OptionDef {
    kind: Kind::Path,
    commands: &[all(Demo)],
    required: false,
    ours: true,
    ..OptionDef::COMMAND_LINE
};

/// Keep the files of the demonstration.
pub const DEMO_KEEP: &OptionDef = &OptionDef {
    name: "demo-keep",
    commands: &[all(Demo)],
    ours: true,
    summary: "Keep the files of the demonstration.",
    help: "By default everything is removed at the end. With this option cluster, repository and \
        configuration file stay, and the last lines say how to use them.",
    example: "--demo-keep",
    ..OptionDef::COMMAND_LINE_BOOLEAN
};

/// Directory for the demonstration.
pub const DEMO_PATH: &OptionDef = &OptionDef {
    name: "demo-path",
    summary: "Directory for the demonstration.",
    help: "Must be missing or empty. The default is a new directory among the temporary files. A few \
        hundred megabytes are needed.",
    example: "--demo-path=/tmp/pgkeep-demo",
    ..DEMO
};

/// Directory of the PostgreSQL server programs.
pub const DEMO_PG_BIN: &OptionDef = &OptionDef {
    name: "demo-pg-bin",
    summary: "Directory of the PostgreSQL server programs.",
    help: "Where `initdb` and `postgres` are. By default they are looked for on the search path and \
        in the usual places of packages; the newest version found is used.",
    example: "--demo-pg-bin=/usr/lib/postgresql/17/bin",
    ..DEMO
};
