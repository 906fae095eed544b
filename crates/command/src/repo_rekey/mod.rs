//! `repo-rekey`: changes the pass-phrase of a repository.
//!
//! Only the info files are encrypted with it. What lies in them, the keys of backups and WAL, stays, except with `--deep`.

mod deep;
mod encrypted;
mod explain;
mod files;
mod refuse;
#[cfg(test)]
mod refuse_tests;
#[cfg(test)]
mod tests;

use pgkeep_config::option;
use pgkeep_repo::info_file::{self, Rekey};
use pgkeep_repo::kept_key::{self, Kept};
use pgkeep_repo::{Stanza, layout};
use pgkeep_storage::{InfoLevel, ListOptions, Storage, StoragePath};
use secrecy::{ExposeSecret, SecretString};

pub use explain::explain;

use crate::error::{Error, ErrorCode, Result};
use crate::hosts::repository;
use crate::locks::{Lock, LockType, path as lock_path, stop_file};
use crate::report::advice;
use crate::run::Context;
use crate::run::summary::count;

/// Changes the pass-phrase in the info files of all stanzas of one repository.
///
/// # Errors
/// A repository that is not encrypted or on another host; a pass-phrase that opens nothing; a command that runs meanwhile.
pub fn run(context: &Context) -> Result<()> {
    let config = &context.config;
    let key = repository::default_key(config);
    let name = format!("repo{key}");
    if config.string_at(option::REPO_HOST, key).is_some() {
        return Err(Error::new(
            ErrorCode::OptionInvalid,
            format!("repo-rekey command must be run on the host of {name}"),
        )
        .with_hint("its pass-phrase stands in the configuration of that host."));
    }
    let is_deep = config.boolean(option::DEEP);
    context.summary.fact("repo-key", key);
    context.summary.fact("deep", is_deep);
    if is_deep {
        refuse::elsewhere(config, key)?;
    }
    let repository = repository::open(context, key)?;
    let old = repository.pass.as_ref().ok_or_else(|| {
        Error::new(
            ErrorCode::OptionInvalid,
            format!("{name} is not encrypted: there is no pass-phrase to change"),
        )
        .with_hint("encryption cannot be added to a repository that exists; make a new one.")
    })?;
    let new = config.secret_at(option::REPO_CIPHER_PASS_NEW, key);
    if new.is_none() && !is_deep {
        return Err(Error::new(
            ErrorCode::OptionRequired,
            format!("repo-rekey command requires option: {name}-cipher-pass-new"),
        )
        .with_hint(format!(
            "add the new pass-phrase to the configuration file as {name}-cipher-pass-new, beside {name}-cipher-pass: 'openssl rand -base64 48' prints one."
        )));
    }
    if new.is_some_and(|new| new.expose_secret() == old.expose_secret()) {
        return Err(Error::new(
            ErrorCode::OptionInvalidValue,
            format!("{name}-cipher-pass-new is the pass-phrase that {name} has"),
        )
        .with_hint("a new one is printed by 'openssl rand -base64 48'."));
    }
    let storage = &*repository.storage;
    let stanzas = stanzas(storage)?;
    if is_deep {
        refuse::closed(storage, key, &stanzas)?;
    }
    // Whoever writes an info file meanwhile would put the old pass-phrase back into one of the two.
    let mut locks = Vec::new();
    for stanza in &stanzas {
        for lock_type in [LockType::Archive, LockType::Backup] {
            locks.push(Lock::acquire(
                &lock_path(context),
                stanza.as_str(),
                lock_type,
                key,
                config.exec_id(),
            )?);
        }
    }
    if is_deep {
        stanzas
            .iter()
            .try_for_each(|stanza| stopped(context, stanza))?;
    }
    context.summary.unfinished(format!(
        "{name} is opened by its old or its new pass-phrase: run repo-rekey again to finish"
    ));
    if let Some(new) = new {
        change_pass_phrase(storage, &name, &stanzas, (old, new))?;
        context.summary.fact("stanza-total", stanzas.len());
    }
    if !is_deep {
        for stanza in explain::half(storage, &stanzas)? {
            log::warn!(
                "{name}: a part of stanza '{stanza}' has new keys, as repo-rekey --deep has not ended\n\
                 HINT: run repo-rekey --deep again, before start. Until then a part of it cannot be read."
            );
        }
    }
    if is_deep {
        context.summary.unfinished(format!(
            "a part of {name} has new keys: run repo-rekey --deep again to finish, before start"
        ));
        let deep = deep::Deep {
            storage,
            pass: new.unwrap_or(old),
            cancel: &context.cancel,
        };
        let (mut all_wal, mut all_manifests) = (0, 0);
        for (stanza, done) in stanzas.iter().zip(1..) {
            let (wal, manifests) = deep.stanza(stanza)?;
            (all_wal, all_manifests) = (all_wal + wal, all_manifests + manifests);
            context.summary.fact("stanza-total", done);
            context.summary.fact("wal-total", all_wal);
            context.summary.fact("manifest-total", all_manifests);
            log::info!(
                "{name}: stanza '{stanza}' has new keys: {wal} files of WAL and {manifests} manifests were encrypted anew"
            );
        }
    }
    context.summary.done(match (new, is_deep) {
        (Some(_), _) => format!(
            "pass-phrase of {name} changed for {}: set {name}-cipher-pass to it on every host",
            count(stanzas.len() as u64, "stanza")
        ),
        (None, _) => format!(
            "{name} has new keys for {}: make a full backup after start, so that backups have one too",
            count(stanzas.len() as u64, "stanza")
        ),
    });
    Ok(())
}

/// WAL and backups must not be stored meanwhile, on no host: they would be encrypted with a key that is about to go.
fn stopped(context: &Context, stanza: &Stanza) -> Result<()> {
    if stop_file::is_stopped(context, stanza.as_str())? {
        return Ok(());
    }
    let stanza = stanza.as_str();
    Err(Error::new(
        ErrorCode::OptionInvalid,
        format!("repo-rekey --deep needs stanza '{stanza}' to be stopped"),
    )
    .with_hint(format!(
        "run '{}' on this host and on every host that archives to this repository; afterwards start.",
        advice::pgkeep(stanza, "stop")
    ))
    .with_hint("until it has ended the repository cannot be restored from. PostgreSQL keeps its WAL meanwhile."))
}

/// Gives the info files the new pass-phrase.
fn change_pass_phrase(
    storage: &dyn Storage,
    name: &str,
    stanzas: &[Stanza],
    (old, new): (&SecretString, &SecretString),
) -> Result<()> {
    let files: Vec<StoragePath> = stanzas
        .iter()
        .flat_map(|stanza| [layout::archive_info(stanza), layout::backup_info(stanza)])
        // Keys that a run with --deep has left.
        .flat_map(|info| {
            let kept = Kept::ALL.map(|kept| kept_key::path(&info, kept));
            std::iter::once(info).chain(kept)
        })
        .collect();
    let there = info_file::are_there(storage, &files)?;
    let files: Vec<StoragePath> = files
        .into_iter()
        .zip(there)
        .filter_map(|(file, there)| there.then_some(file))
        .collect();
    let rekey = Rekey::plan(storage, &files, old, new)?;
    let count_of_files = rekey.count();
    if count_of_files == 0 {
        return Err(
            Error::new(ErrorCode::PathMissing, format!("{name} has no stanza")).with_hint(format!(
                "set {name}-cipher-pass as you like it: stanza-create uses what is there."
            )),
        );
    }
    rekey.write(storage)?;
    log::info!("{name}: {count_of_files} info files have the new pass-phrase");
    Ok(())
}

/// Every stanza that the repository has, whether this host's configuration names it or not.
fn stanzas(storage: &dyn Storage) -> Result<Vec<Stanza>> {
    let options = ListOptions {
        level: InfoLevel::Exists,
        sort: true,
    };
    let mut names = std::collections::BTreeSet::new();
    for path in [layout::ARCHIVE, layout::BACKUP].map(StoragePath::new) {
        for entry in storage.list(&path, &options)?.unwrap_or_default() {
            names.insert(entry.name.to_string());
        }
    }
    Ok(names
        .iter()
        .filter_map(|name| Stanza::new(name).ok())
        .collect())
}
