//! What can be checked of a standby: that it is one of this stanza. It cannot switch a segment.

use pgkeep_config::Program;
use pgkeep_config::option;
use pgkeep_config::option::Group;
use pgkeep_repo::Stanza;

use super::repositories::{Opened, Repositories};
use crate::error::{Error, ErrorCode, Result};
use crate::hosts::cluster::{self, Cluster};
use crate::hosts::clusters::Clusters;
use crate::hosts::stanza_info;
use crate::run::{Context, summary};

/// Checks the standbys that were found, as pgBackRest only the first; warns when backups want one and there is none.
///
/// # Errors
/// [`ErrorCode::Config`] when there should be a primary; [`ErrorCode::FileInvalid`] or [`ErrorCode::DbMismatch`] for a standby
/// of another cluster.
pub(super) fn check(
    context: &Context,
    stanza: &Stanza,
    repositories: &Repositories,
    found: &Clusters,
) -> Result<()> {
    let config = &context.config;
    if found.standbys.is_empty() {
        if config
            .string(option::BACKUP_STANDBY)
            .is_some_and(|value| value != "n")
        {
            log::warn!("option 'backup-standby' is enabled but standby is not properly configured");
        }
        return Ok(());
    }
    if found.primary.is_none() && !may_lack_primary(context, repositories) {
        let error = Error::new(ErrorCode::Config, "primary database not found")
            .with_hint("check indexed pg-path/pg-host configurations");
        return Err(match found.reach_hint() {
            Some(hint) => error.with_hint(hint),
            None => error,
        });
    }
    let count = match config.program() {
        Program::PgKeep => found.standbys.len(),
        Program::PgBackRest => 1,
    };
    for standby in &found.standbys[..count] {
        check_one(stanza, repositories, found.primary.as_ref(), standby)?;
    }
    context.summary.done(format!(
        "{stanza} is a standby whose stanza is in order in {}; no WAL was switched",
        summary::list(
            &repositories
                .all
                .iter()
                .map(Opened::name)
                .collect::<Vec<_>>()
        )
    ));
    log::info!("switch wal not performed because this is a standby");
    Ok(())
}

fn check_one(
    stanza: &Stanza,
    repositories: &Repositories,
    primary: Option<&Cluster>,
    standby: &Cluster,
) -> Result<()> {
    cluster::check_same_cluster(standby)?;
    let control = &standby.control;
    repositories.each(
        &repositories.all,
        |one| log::info!("check {} (standby)", one.name()),
        |one| stanza_info::load_for(one.get()?, stanza, control),
        |_, loaded| {
            let loaded = loaded.map_err(|error| {
                // The stanza may be right and the standby wrong.
                match primary.map(|primary| cluster::check_follows(primary, standby)) {
                    Some(Err(foreign)) => error.with_hint(foreign.message),
                    _ => error,
                }
            });
            loaded.map(drop)
        },
    )
}

/// Whether a standby alone can be in order: with several clusters configured, one of them should be the primary. pgBackRest
/// also takes a repository of this host for a sign that the primary is here, which says nothing about a shared one.
fn may_lack_primary(context: &Context, repositories: &Repositories) -> bool {
    let config = &context.config;
    let all_remote = || {
        repositories
            .all
            .iter()
            .all(|one| config.string_at(option::REPO_HOST, one.key).is_some())
    };
    config.keys(Group::Pg).len() == 1 && (config.program() == Program::PgKeep || all_remote())
}
