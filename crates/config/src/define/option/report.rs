//! Options of `report`, which pgBackRest does not know.

use crate::define::command::CommandId::{Report, Serve};
use crate::define::option::known_to::{MAIN, only};
use crate::define::option::{Default, Kind, OptionDef};

/// Ask `doctor` for the report.
pub const REPORT_DOCTOR: &OptionDef = &OptionDef {
    name: "report-doctor",
    commands: &[only(Report, MAIN), only(Serve, MAIN)],
    default: Default::Is("y"),
    default_by_command: &[(Serve, "n")],
    ours: true,
    summary: "Ask doctor for the report.",
    help: "With it the page has what `doctor` finds on this host and what mends it. `doctor` looks at the \
        cluster too, and leaves an empty file in each repository for a moment. Turn it off where the page \
        is made as a user who may read the repositories only.\n\n\
        `serve` does not ask it by default, so that it changes nothing.",
    example: "report-doctor=n",
    ..OptionDef::GLOBAL_BOOLEAN
};

/// File that the report is written to.
pub const REPORT_FILE: &OptionDef = &OptionDef {
    name: "report-file",
    kind: Kind::Path,
    commands: &[only(Report, MAIN)],
    required: false,
    ours: true,
    summary: "File that the report is written to.",
    help: "The file is written under a temporary name beside it and then renamed, so nobody reads half of \
        it. Its directory must exist, and the user who runs the command must be able to write there. Only \
        that user may read it (mode 0640, so its group may as well). Without the option the page goes to standard output.",
    example: "report-file=/var/www/html/backups.html",
    ..OptionDef::GLOBAL
};
