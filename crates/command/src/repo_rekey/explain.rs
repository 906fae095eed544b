//! What is said to whoever cannot read a file of a repository whose keys are being changed, or were changed before.

use pgkeep_config::command::CommandId;
use pgkeep_config::option;
use pgkeep_repo::kept_key::{self, Kept};
use pgkeep_repo::{Stanza, info_file, layout};

use crate::error::{Error, ErrorCode};
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

fn hint(context: &Context, key: u32) -> Option<String> {
    let config = &context.config;
    // Other types have no such keys. Of a repository on another host that one knows the type.
    let kind = config.string_at(option::REPO_TYPE, key).unwrap_or("posix");
    if kind != "posix" && config.string_at(option::REPO_HOST, key).is_none() {
        return None;
    }
    let stanza = Stanza::new(config.stanza()?).ok()?;
    let storage = repository::open(context, key).ok()?.storage;
    let infos = [layout::archive_info(&stanza), layout::backup_info(&stanza)];
    let path = |kept| infos.each_ref().map(|info| kept_key::path(info, kept));
    let paths = [path(Kept::New), path(Kept::Last)].concat();
    let there = info_file::are_there(&*storage, &paths).ok()?;
    let again = format!("'pgkeep --repo={key} --deep repo-rekey'");
    if there[..2].contains(&true) {
        return Some(format!(
            "a run of repo-rekey --deep has not ended: a part of repo{key} has new keys already. Nothing is lost. \
             Run {again} on the host of the repository again, then everything can be read."
        ));
    }
    there.contains(&true).then(|| format!(
        "repo{key} has got new keys by repo-rekey --deep. If the file was stored by a run that was under way then, it has the keys \
         before, which are kept: {again} on the host of the repository gives it new ones."
    ))
}
