//! Tells which of the configured clusters is what. pgBackRest does not, so this is said under our own name only.

use pgkeep_config::Program;

use crate::hosts::cluster::Cluster;
use crate::hosts::clusters::Clusters;
use crate::run::Context;

/// One line for each cluster that was found, in the order of their keys.
pub(super) fn tell(context: &Context, found: &Clusters) {
    if context.config.program() != Program::PgKeep {
        return;
    }
    let mut lines: Vec<(u32, String)> = found
        .primary
        .iter()
        .map(|cluster| line(cluster, "primary"))
        .chain(
            found
                .standbys
                .iter()
                .map(|cluster| line(cluster, "standby")),
        )
        .collect();
    lines.sort();
    for (_, line) in lines {
        log::info!("{line}");
    }
}

fn line(cluster: &Cluster, role: &str) -> (u32, String) {
    let control = &cluster.control;
    let text = format!(
        "{} is a {role}, PostgreSQL {}, timeline {}",
        cluster.name(),
        cluster.session.server_version(),
        control.timeline.0
    );
    (cluster.host.key(), text)
}
