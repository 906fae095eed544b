//! Options of `demo`, the only ones that pgBackRest does not know.
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

/// `demo-keep`.
pub const DEMO_KEEP: &OptionDef = &OptionDef {
    name: "demo-keep",
    commands: &[all(Demo)],
    ours: true,
    summary: "",
    help: "",
    example: "",
    ..OptionDef::COMMAND_LINE_BOOLEAN
};

/// `demo-path`.
pub const DEMO_PATH: &OptionDef = &OptionDef {
    name: "demo-path",
    summary: "",
    help: "",
    example: "",
    ..DEMO
};

/// `demo-pg-bin`.
pub const DEMO_PG_BIN: &OptionDef = &OptionDef {
    name: "demo-pg-bin",
    summary: "",
    help: "",
    example: "",
    ..DEMO
};
