//! What to do next when a set cannot be restored: verify, and the sets that do not need what is damaged.

use pgkeep_repo::backup_info::BackupEntry;
use pgkeep_repo::{BackupInfo, BackupLabel};

use super::chosen::Chosen;
use super::damage::Damage;
use super::settings::Settings;
use super::wanted_set;
use crate::error::{Error, Result};
use crate::hosts::{Repository, repository};
use crate::run::Context;

/// Sets are named up to this many in each repository, the newest first.
const NAMED: usize = 4;

/// Adds to the error that ends the restore what can be done: verify, and sets that do not need what is damaged.
pub(super) fn advise(
    context: &Context,
    settings: &Settings,
    chosen: &Chosen,
    damage: &Damage,
    error: Error,
) -> Error {
    match damage.holders(&error) {
        None => error,
        Some(holders) => with_hints(context, settings, chosen, error, &|entry| {
            let needs = |label: &BackupLabel| {
                entry.label == *label
                    || entry
                        .references
                        .as_ref()
                        .is_some_and(|references| references.contains(label))
            };
            holders.iter().any(needs)
        }),
    }
}

/// The same of a manifest that cannot be used: the set is lost, those that depend on it are not.
pub(super) fn advise_of_manifest(
    context: &Context,
    settings: &Settings,
    chosen: &Chosen,
    error: Error,
) -> Error {
    if error.is_about_the_storage() || context.cancel.signal().is_some() {
        return error;
    }
    let message = format!(
        "{}\nset {} of {} cannot be restored without its manifest",
        error.message,
        chosen.label,
        chosen.repository.name()
    );
    let error = Error { message, ..error };
    with_hints(context, settings, chosen, error, &|entry| {
        entry.label == chosen.label
    })
}

/// `needs`: whether a set of the same repository needs what is damaged.
fn with_hints(
    context: &Context,
    settings: &Settings,
    chosen: &Chosen,
    error: Error,
    needs: &dyn Fn(&BackupEntry) -> bool,
) -> Error {
    let key = chosen.repository.key;
    let error = error.with_hint(format!(
        "run '{} --stanza={} --repo={key} verify' to find out what else is damaged in repo{key}.",
        context.config.program().binary(),
        settings.stanza
    ));
    let mut others = Vec::new();
    others.extend(named(context, settings, key, &chosen.info, needs));
    for other in repository::keys(&context.config) {
        // One that cannot be asked is not named; the restore has failed already.
        if other != key
            && let Ok(info) = load(context, settings, other)
        {
            others.extend(named(context, settings, other, &info, &|_| false));
        }
    }
    if others.is_empty() {
        return error
            .with_hint("no other set is there that does without it and fits what was asked for.");
    }
    error.with_hint(format!(
        "other sets that do not need what is damaged: {}; restore one with --repo and --set.",
        others.join("; ")
    ))
}

fn load(context: &Context, settings: &Settings, key: u32) -> Result<BackupInfo> {
    let Repository { storage, pass, .. } = repository::open(context, key)?;
    Ok(BackupInfo::load(
        &*storage,
        &settings.stanza,
        pass.as_ref(),
    )?)
}

/// `repo1 20260101-120000F, 20251201-120000F and 3 more`
fn named(
    context: &Context,
    settings: &Settings,
    key: u32,
    info: &BackupInfo,
    needs: &dyn Fn(&BackupEntry) -> bool,
) -> Option<String> {
    let labels: Vec<&str> = wanted_set::fitting(context, settings, info)
        .into_iter()
        .filter(|entry| !needs(entry))
        .map(|entry| entry.label.as_str())
        .collect();
    if labels.is_empty() {
        return None;
    }
    let mut text = format!("repo{key} {}", labels[..labels.len().min(NAMED)].join(", "));
    if labels.len() > NAMED {
        text.push_str(&format!(" and {} more", labels.len() - NAMED));
    }
    Some(text)
}
