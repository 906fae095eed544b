//! Tells which of the configured clusters and hosts is what, and what is set where it does not belong. pgBackRest does not, so this
//! is said under our own name only.

use pgkeep_config::{Program, option};
use pgkeep_repo::Stanza;

use crate::hosts::archive_command::named_stanza;
use crate::hosts::cluster::Cluster;
use crate::hosts::clusters::Clusters;
use crate::hosts::repository;
use crate::hosts::repository::append_only::archiving_program;
use crate::remote::own_side;
use crate::report::advice;
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

/// One line for each other host, and a warning for what it or this one should have set instead.
pub(super) fn tell_hosts(context: &Context) {
    if context.config.program() != Program::PgKeep {
        return;
    }
    for link in context.links.of(context.config.stanza()) {
        let (name, here) = (link.name(), own_side::PROGRAM);
        if let Some(there) = link.program_there() {
            let which = format!("{}{}", name.side.name(), name.key);
            log::info!(
                "{which} is on '{}', which has {there}; this host has {here}",
                name.host
            );
        }
    }
    for key in repository::keys(&context.config) {
        let set = repository::overruling(&context.config, key);
        if let (Some(host), false) = (
            context.config.string_at(option::REPO_HOST, key),
            set.is_empty(),
        ) {
            log::warn!(
                "{} set beside repo{key}-host: with pgBackRest these overrule what is set on '{host}'\n\
                 HINT: remove them here; the configuration on '{host}' is enough.",
                set.join(", ")
            );
        }
    }
}

/// A warning for each cluster whose `archive_command` names another stanza.
pub(super) fn tell_other_stanzas(context: &Context, stanza: &Stanza, found: &Clusters) {
    if context.config.program() != Program::PgKeep {
        return;
    }
    let program = archiving_program(&context.config);
    for cluster in found.primary.iter().chain(&found.standbys) {
        if let Some(text) = other_stanza(program, cluster, stanza) {
            log::warn!("{text}");
        }
    }
}

fn other_stanza(program: &str, cluster: &Cluster, stanza: &Stanza) -> Option<String> {
    let session = &cluster.session;
    let named = named_stanza(session.archive_command())?;
    if named == stanza.as_str() || session.archive_mode() == "off" {
        return None;
    }
    let when = match session.is_standby() && session.archive_mode() != "always" {
        true => "will archive, once it is promoted,",
        false => "archives",
    };
    Some(format!(
        "{} {when} to stanza '{named}', not to '{stanza}'\nHINT: in the server: {}",
        cluster.name(),
        advice::set_archive_command(program, stanza.as_str())
    ))
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
