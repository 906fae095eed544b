//! What is said to whoever cannot read a file of a repository whose keys are being changed, or were changed before.

use pgkeep_config::command::CommandId;
use pgkeep_config::option;
use pgkeep_repo::Stanza;
use pgkeep_repo::kept_key::{self, Kept};
use pgkeep_storage::Storage;

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
    let kept = kept_key::are_kept(storage, stanzas, Kept::New)?;
    let half = stanzas.iter().zip(kept).filter(|(_, is_kept)| *is_kept);
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
    let stanzas = std::slice::from_ref(&stanza);
    let is_kept = |kept| kept_key::are_kept(&*storage, stanzas, kept).map(|all| all[0]);
    if is_kept(Kept::New).ok()? {
        return Some(format!(
            "a run of repo-rekey --deep has not ended: a part of repo{key} has new keys already. Nothing is lost. \
             Run {again} on the host of the repository again, then everything can be read."
        ));
    }
    is_kept(Kept::Last).ok()?.then(|| format!(
        "repo{key} has got new keys by repo-rekey --deep. If the file was stored by a run that was under way then, it has the keys \
         before, which are kept: {again} on the host of the repository gives it new ones."
    ))
}
