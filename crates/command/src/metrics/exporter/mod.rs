//! The series that pgbackrest_exporter (0.23, with its default options) makes of `info`: same names, labels and values.
//!
//! Its users have dashboards and alerts that go by them, so they are interface. What it makes only on request (databases and
//! references of every set, names of WAL) is left out, as is what it tells of its own process.

mod backups;
mod last_backups;
mod stanza;

use super::family::{Families, Metric, labels};
use super::settings::Settings;
use crate::run::Context;
use crate::stanzas::StanzaReport;
use crate::version;

const BUILD: Metric = Metric::plain(
    "pgbackrest_exporter_build_info",
    "Which version of pgkeep made this, where pgbackrest_exporter tells its own",
);
const STATUS: Metric = Metric::plain(
    "pgbackrest_exporter_status",
    "pgBackRest exporter get data status",
);
const VERSION: Metric = Metric::plain(
    "pgbackrest_version_info",
    "Information about pgBackRest version",
);

/// Adds all of them.
pub(super) fn add(
    context: &Context,
    settings: &Settings,
    stanzas: &[StanzaReport],
    families: &mut Families,
) {
    let build = labels([
        ("branch", ""),
        ("goarch", architecture()),
        ("goos", std::env::consts::OS),
        ("goversion", ""),
        ("revision", ""),
        ("tags", ""),
        ("version", version::VERSION),
    ]);
    families.add(&BUILD, &build, true);
    // There is something to show: this text.
    let asked = settings.stanza.as_deref().unwrap_or("all-stanzas");
    families.add(&STATUS, &labels([("stanza", asked)]), true);
    families.add(&VERSION, &labels([]), version::number(version::COMPATIBLE));
    for stanza in stanzas {
        stanza::add(stanza, families);
        backups::add(context, stanza, families);
        last_backups::add(context, stanza, families);
    }
}

/// As Go names it, and so Debian too.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}
