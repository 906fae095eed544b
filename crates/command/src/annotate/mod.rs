//! `annotate`: adds, changes or removes notes on a backup, in every repository that has it.

mod pin;

use pgkeep_config::{Program, option};
use pgkeep_repo::backup_info::{Annotations, is_annotation_key};
use pgkeep_repo::pin::PIN_KEY;
use pgkeep_repo::{BackupLabel, Stanza};

use crate::error::{Error, ErrorCode, Result};
use crate::hosts::added_sets;
use crate::hosts::{Repository, repository};
use crate::run::summary::repositories;
use crate::run::{Context, label};

/// Changes the notes of the backup named by `--set`.
///
/// # Errors
/// A name that is no label, a backup that no repository has, or problems in some repositories.
pub fn run(context: &Context) -> Result<()> {
    let config = &context.config;
    let stanza = Stanza::new(context.stanza()?)?;
    let set = config.string(option::SET).unwrap_or_default();
    let label = label::parse(set)?;
    let pairs = config.map(option::ANNOTATION).unwrap_or_default();
    check_keys(pairs)?;
    let mut changes: Annotations = pairs
        .iter()
        .map(|(key, value)| (key.clone().into_bytes(), value.clone().into_bytes()))
        .collect();
    let pin = config.string(option::PIN);
    if let Some(text) = pin {
        changes.insert(
            PIN_KEY.as_bytes().to_vec(),
            pin::value(text, &context.clock)?.into_bytes(),
        );
    }
    if changes.is_empty() {
        let error = Error::new(
            ErrorCode::OptionRequired,
            "annotate command requires option: annotation",
        );
        return Err(match config.program() {
            Program::PgKeep => error.with_hint(
                "--annotation=reason=audit adds a note, --pin=2027-12-31 keeps the backup until then.",
            ),
            Program::PgBackRest => error,
        });
    }
    let (mut found, mut errors) = (Vec::new(), 0);
    for key in repository::keys(config) {
        context.cancel.check()?;
        let result = repository::open(context, key)
            .and_then(|repository| change(&repository, &stanza, &label, &changes));
        match result {
            Ok(true) => found.push(key),
            Ok(false) => {}
            Err(error) => {
                crate::log_error(&error.with_prefix(&format!("repo{key}: ")));
                errors += 1;
            }
        }
    }
    context.summary.fact("label", label.to_string());
    context.summary.fact("repo-key", found.clone());
    context.summary.fact("pin", pin);
    if errors > 0 {
        return Err(Error::new(
            ErrorCode::Command,
            format!(
                "annotate command encountered {errors} error(s), check the log file for details"
            ),
        ));
    }
    if found.is_empty() {
        return Err(Error::new(
            ErrorCode::BackupSetInvalid,
            "no backup set to annotate found",
        )
        .with_hint(format!(
            "backup {label} is not listed: run the info command to see the labels of all backups."
        )));
    }
    context.summary.done(format!(
        "{label} of {stanza} {} in {}",
        match pin {
            Some("none") => "released",
            Some(_) => "pinned",
            None => "annotated",
        },
        repositories(&found)
    ));
    Ok(())
}

/// Refuses keys that would make `backup.info` unreadable for every program.
///
/// # Errors
/// [`ErrorCode::OptionInvalidValue`] for the first such key.
pub(crate) fn check_keys(pairs: &[(String, String)]) -> Result<()> {
    match pairs
        .iter()
        .find(|(key, _)| !is_annotation_key(key.as_bytes()))
    {
        None => Ok(()),
        Some((key, _)) => Err(Error::new(
            ErrorCode::OptionInvalidValue,
            format!("'{key}' is not valid as the key of an annotation"),
        )
        .with_hint("quotes, backslashes and line feeds are possible in values only.")),
    }
}

/// `false`: this repository does not have the backup.
fn change(
    repository: &Repository,
    stanza: &Stanza,
    label: &BackupLabel,
    changes: &Annotations,
) -> Result<bool> {
    let storage = &*repository.storage;
    let (mut info, warnings) = added_sets::load_named(repository, stanza, label)?;
    warnings.iter().for_each(|warning| log::warn!("{warning}"));
    if info.find(label).is_none() {
        return Ok(false);
    }
    log::info!(
        "backup set '{label}' to annotate found in {}",
        repository.name()
    );
    info.annotate(label, changes);
    // Saved to the repository it was loaded from. pgBackRest saves to the first one, which overwrites another's list.
    info.save(storage, stanza, repository.pass.as_ref())?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_would_spoil_the_list_of_backups_is_refused() {
        let pair = |key: &str| [(key.to_owned(), "value with \"quotes\"".to_owned())];
        assert!(check_keys(&pair("from")).is_ok());
        for key in ["a\"b", "a\\b", "a\nb"] {
            let error = check_keys(&pair(key)).unwrap_err();
            assert_eq!(error.code, ErrorCode::OptionInvalidValue, "{key}");
        }
    }
}
