//! What is said to whoever cannot read a file of a repository whose keys are being changed, or were changed before.

use pgkeep_config::command::CommandId;
use pgkeep_config::option;
use pgkeep_repo::kept_key::{self, Kept};
use pgkeep_repo::{Stanza, info_file, layout};
use pgkeep_storage::{Storage, StoragePath};

use crate::error::{Error, ErrorCode, Result};
use crate::hosts::repository;
use crate::run::Context;

/// The error with a hint if `repo-rekey --deep` may be the reason. Asks the repositories, so only after an error that a wrong key
/// makes too; that they cannot be asked changes nothing.
#[must_use]
pub fn explain(context: &Context, error: Error) -> Error {
    let by_wrong_key = matches!(
        error.code,
        ErrorCode::Crypto | ErrorCode::Checksum | ErrorCode::Format | ErrorCode::FileInvalid
    );
    let config = &context.config;
    if !by_wrong_key || config.command() == CommandId::RepoRekey || config.stanza().is_none() {
        return error;
    }
    repository::keys(config)
        .into_iter()
        .fold(error, |error, key| match hint(context, key) {
            Some(hint) if !error.hints.contains(&hint) => error.with_hint(hint),
            _ => error,
        })
}

/// The stanzas whose keys are being changed by a run with `--deep` that has not ended.
///
/// # Errors
/// Those of the storage.
pub(super) fn half<'s>(storage: &dyn Storage, stanzas: &'s [Stanza]) -> Result<Vec<&'s Stanza>> {
    let kept = |stanza| {
        let infos = [layout::archive_info(stanza), layout::backup_info(stanza)];
        infos.map(|info| kept_key::path(&info, Kept::New))
    };
    let paths: Vec<StoragePath> = stanzas.iter().flat_map(kept).collect();
    let there = info_file::are_there(storage, &paths)?;
    let pairs = stanzas.iter().zip(there.chunks(2));
    let half = pairs.filter(|(_, there)| there.contains(&true));
    Ok(half.map(|(stanza, _)| stanza).collect())
}

fn hint(context: &Context, key: u32) -> Option<String> {
    let config = &context.config;
    // Other types have no such keys. Of a repository on another host that one knows the type.
    let kind = config.string_at(option::REPO_TYPE, key).unwrap_or("posix");
    if kind != "posix" && config.string_at(option::REPO_HOST, key).is_none() {
        return None;
    }
    let stanza = Stanza::new(config.stanza()?).ok()?;
    let storage = repository::open(context, key).ok()?.storage;
    let again = format!("'pgkeep --repo={key} --deep repo-rekey'");
    let half = half(&*storage, std::slice::from_ref(&stanza)).ok()?;
    if !half.is_empty() {
        return Some(format!(
            "a run of repo-rekey --deep has not ended: a part of repo{key} has new keys already. Nothing is lost. \
             Run {again} on the host of the repository again, then everything can be read."
        ));
    }
    let infos = [layout::archive_info(&stanza), layout::backup_info(&stanza)];
    let last = infos.map(|info| kept_key::path(&info, Kept::Last));
    let there = info_file::are_there(&*storage, &last).ok()?;
    there.contains(&true).then(|| format!(
        "repo{key} has got new keys by repo-rekey --deep. If the file was stored by a run that was under way then, it has the keys \
         before, which are kept: {again} on the host of the repository gives it new ones."
    ))
}
