//! The series of `pgkeep_…`: what pgbackrest_exporter does not tell. A value that is not known is left out, never 0.
//!
//! Each is on the page `docs/guide/monitoring.md`, as the suite `docs` checks.

mod drills;
mod restorable;
mod served;
mod spool;
mod verified;

use pgkeep_repo::Stanza;
pub(super) use served::add as served;

use super::family::Families;
use super::settings::Settings;
use crate::run::Context;
use crate::stanzas::StanzaReport;

/// Adds all of them.
pub(super) fn add(
    context: &Context,
    settings: &Settings,
    stanzas: &[StanzaReport],
    families: &mut Families,
) {
    for report in stanzas {
        for repository in &report.repositories {
            restorable::add(&report.name, repository, families);
        }
        // Of a repository that cannot be listed the name of the stanza is none.
        let Ok(stanza) = Stanza::new(report.name.as_str()) else {
            continue;
        };
        for repository in &report.repositories {
            verified::add(context, settings, &stanza, repository, families);
        }
        drills::add(settings, &stanza, families);
        spool::add(settings, &stanza, families);
    }
}

#[cfg(test)]
mod tests;
