//! Options of `metrics`, which pgBackRest does not know.

use crate::define::command::CommandId::Metrics;
use crate::define::option::known_to::{MAIN, only};
use crate::define::option::{Kind, OptionDef};

/// File that the metrics are written to.
pub const METRICS_FILE: &OptionDef = &OptionDef {
    name: "metrics-file",
    kind: Kind::Path,
    commands: &[only(Metrics, MAIN)],
    required: false,
    ours: true,
    summary: "File that the metrics are written to.",
    help: "For the textfile directory of node_exporter, which reads only names that end in `.prom`. The \
        file is written under a temporary name beside it and then renamed, so nobody reads half of it. \
        Everybody may read it (mode 0644). Its directory must exist, and the user who runs the command \
        must be able to write there. Without the option the metrics go to standard output.",
    example: "metrics-file=/var/lib/prometheus/node-exporter/pgkeep.prom",
    ..OptionDef::GLOBAL
};
