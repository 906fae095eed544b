//! Which backup of which repository is restored.
//!
//! Repositories are asked in key order; the first that has a fitting set wins. One that cannot be read is only warned
//! about, for another may have what is needed.

use pgkeep_repo::BackupInfo;
use pgkeep_repo::pg_history::PgHistoryEntry;

use super::chosen::Chosen;
use super::sets_on_timeline::{self, OnTimeline};
use super::settings::Settings;
use super::wanted_set::{find, none_found, wanted};
use crate::error::{Error, ErrorCode, Result};
use crate::hosts::repository;
use crate::run::Context;

/// Finds the set.
///
/// # Errors
/// [`ErrorCode::BackupSetInvalid`] when there is none; [`ErrorCode::Format`] for a target that cannot be read.
pub(super) fn choose(context: &Context, settings: &Settings) -> Result<Chosen> {
    let wanted = wanted(context, settings)?;
    // One that does not lead to the timeline that was asked for, in case that no repository has a better one.
    let mut off_timeline = None;
    for key in repository::keys(&context.config) {
        context.cancel.check()?;
        let repository = repository::open(context, key)?;
        let name = repository.name();
        let info = match BackupInfo::load(
            &*repository.storage,
            &settings.stanza,
            repository.pass.as_ref(),
        ) {
            Ok(info) => info,
            Err(error) => {
                let error = Error::from(error);
                // A repository that cannot even be reached ends the search, as in pgBackRest.
                if error.is_about_the_storage() {
                    return Err(error);
                }
                log::warn!("{name}: {}", error.named_text());
                continue;
            }
        };
        if info.entries().is_empty() {
            log::warn!(
                "{name}: [{}] no backup sets to restore",
                ErrorCode::BackupSetInvalid.name()
            );
            continue;
        }
        let Some(mut entry) = find(&info, &wanted, &name)? else {
            continue;
        };
        let mut on_timeline = true;
        let mut why = wanted.why();
        match sets_on_timeline::newest_on(context, settings, &repository, &info, entry)? {
            OnTimeline::Same => {}
            OnTimeline::Other(other) => {
                entry = other;
                why = "the newest that leads to the timeline";
            }
            OnTimeline::NoneHere => on_timeline = false,
        }
        let online = entry.option_online && entry.archive_start.is_some();
        let cluster = info.history.find(entry.pg_id).filter(|_| online);
        let chosen = Chosen {
            label: entry.label.clone(),
            manifest_pass: info.cipher_pass.clone(),
            repo_size: entry.repo_size,
            archive_id: cluster.map(PgHistoryEntry::archive_id),
            repository,
            why,
            info,
        };
        if on_timeline {
            return Ok(chosen);
        }
        off_timeline.get_or_insert(chosen);
    }
    if let Some(chosen) = off_timeline {
        // The check of the timeline says what is wrong with it.
        return Ok(chosen);
    }
    Err(none_found(settings, &wanted))
}
