//! The rules about repositories; those about SFTP servers are in `sftp`.
//!
//! Invariant: a rule about an option that the command does not know never applies.

use super::checker::Checker;
use crate::config::Config;
use crate::define::command::CommandId;
use crate::define::option::{
    Group, OptionDef, REPO_HOST, REPO_PATH, REPO_RETENTION_ARCHIVE, REPO_RETENTION_ARCHIVE_TYPE,
    REPO_RETENTION_DAILY, REPO_RETENTION_DIFF, REPO_RETENTION_FULL, REPO_RETENTION_FULL_TYPE,
    REPO_RETENTION_MONTHLY, REPO_RETENTION_WEEKLY, REPO_RETENTION_YEARLY, REPO_S3_BUCKET,
    REPO_S3_URI_STYLE, REPO_SFTP_APPEND_ONLY, REPO_STORAGE_VERIFY_TLS, REPO_TYPE,
};
use crate::error::{ConfigError, Result};
use crate::input::Program;
use crate::parse::name::indexed;
use crate::value::Value;

/// What keeps one backup of a day and its like.
const GENERATIONS: [&OptionDef; 4] = [
    REPO_RETENTION_DAILY,
    REPO_RETENTION_WEEKLY,
    REPO_RETENTION_MONTHLY,
    REPO_RETENTION_YEARLY,
];

/// Two local repositories must not be the same directory.
pub(super) fn paths_differ(config: &Config) -> Result<()> {
    let place = |key: u32| {
        let kind = config.string_at(REPO_TYPE, key)?;
        let local = !config.is_set_at(REPO_HOST, key) && matches!(kind, "posix" | "cifs");
        local.then_some((kind, config.string_at(REPO_PATH, key)?))
    };
    let keys = config.keys(Group::Repo);
    for (position, first) in keys.iter().enumerate() {
        for second in &keys[position + 1..] {
            if place(*first).is_some() && place(*first) == place(*second) {
                return Err(ConfigError::option_value(format!(
                    "local repo{first} and repo{second} paths are both '{}' but must be different",
                    config.spelling_at(REPO_PATH, *second).unwrap_or_default()
                )));
            }
        }
    }
    Ok(())
}

/// Without retention nothing ever expires.
pub(super) fn warn_without_retention(checker: &mut Checker) {
    let config = &checker.config;
    // For `doctor` it is a finding.
    if config.help
        || config.command == CommandId::Doctor
        || !config.is_valid(REPO_RETENTION_FULL_TYPE)
    {
        return;
    }
    for key in config.keys(Group::Repo) {
        // Where files are only added, retention is a matter of another configuration.
        let only_adds = config.boolean_at(REPO_SFTP_APPEND_ONLY, *key);
        if !only_adds && !config.is_set_at(REPO_RETENTION_FULL, *key) {
            let full = indexed(REPO_RETENTION_FULL, *key);
            let mut warning = format!(
                "option '{full}' is not set for '{}', the repository may run out of space\nHINT: to retain full backups indefinitely (without warning), set option '{full}' to the maximum.",
                setting(config, REPO_RETENTION_FULL_TYPE, *key)
            );
            // Who sets one of these expects that something goes.
            if let Some(option) = GENERATIONS.iter().find(|one| config.is_set_at(one, *key)) {
                let option = indexed(option, *key);
                warning.push_str(&format!(
                    "\nHINT: '{option}' removes nothing by itself: it keeps backups that '{full}' would let go."
                ));
            }
            checker.warnings.push(warning);
        }
    }
}

/// The default of archive retention follows the retention of backups.
pub(super) fn set_archive_retention(checker: &mut Checker) {
    if !checker.config.is_valid(REPO_RETENTION_ARCHIVE) {
        return;
    }
    for key in checker.config.keys(Group::Repo).to_vec() {
        let config = &checker.config;
        let set = config.is_set_at(REPO_RETENTION_ARCHIVE, key);
        let archive = indexed(REPO_RETENTION_ARCHIVE, key);
        let diff = indexed(REPO_RETENTION_DIFF, key);
        let diff_value = config.integer_at(REPO_RETENTION_DIFF, key);
        let off = format!(
            "WAL segments will not be expired: option '{}' but",
            setting(config, REPO_RETENTION_ARCHIVE_TYPE, key)
        );
        match config.string_at(REPO_RETENTION_ARCHIVE_TYPE, key) {
            Some("full") if !set => {
                let count = config.string_at(REPO_RETENTION_FULL_TYPE, key) == Some("count");
                if let (true, Some(full)) = (count, config.integer_at(REPO_RETENTION_FULL, key)) {
                    set_number(checker, key, full);
                }
            }
            // pgBackRest says nothing. But whoever waits for so many backups waits for ever, unless something else keeps more.
            Some("full") if config.program() == Program::PgKeep => {
                let count = config.string_at(REPO_RETENTION_FULL_TYPE, key) == Some("count");
                let kept = config
                    .integer_at(REPO_RETENTION_FULL, key)
                    .filter(|_| count);
                let wanted = config.integer_at(REPO_RETENTION_ARCHIVE, key);
                if let (Some(kept), Some(wanted)) = (kept, wanted)
                    && wanted > kept
                {
                    let full = indexed(REPO_RETENTION_FULL, key);
                    checker.warnings.push(format!(
                        "WAL segments will not be expired: option '{archive}={wanted}' but option '{full}={kept}' keeps fewer backups\n\
                         HINT: leave out '{archive}': WAL is then kept for all backups that are kept."
                    ));
                }
            }
            Some("diff") if !set => match diff_value {
                Some(diff) => set_number(checker, key, diff),
                None => checker.warnings.push(format!(
                    "{off} neither option '{archive}' nor option '{diff}' is set"
                )),
            },
            Some("incr") if !set => checker
                .warnings
                .push(format!("{off} option '{archive}' is not set")),
            Some("diff") if diff_value.is_none() => {
                let kind = indexed(REPO_RETENTION_ARCHIVE_TYPE, key);
                checker.warnings.push(format!(
                    "option '{diff}' is not set for '{kind}=diff'\nHINT: to retain differential backups indefinitely (without warning), set option '{diff}' to the maximum."
                ));
            }
            _ => {}
        }
    }
}

fn set_number(checker: &mut Checker, key: u32, number: i64) {
    checker.set_default(
        REPO_RETENTION_ARCHIVE,
        key,
        Value::Integer(number),
        number.to_string(),
    );
}

/// `repo1-retention-full-type=count`.
fn setting(config: &Config, option: &'static OptionDef, key: u32) -> String {
    format!(
        "{}={}",
        indexed(option, key),
        config.spelling_at(option, key).unwrap_or_default()
    )
}

/// A wildcard certificate covers one label, so a bucket with dots cannot be part of the host name.
pub(super) fn bucket_names_fit_certificates(config: &Config) -> Result<()> {
    for key in config.keys(Group::Repo) {
        let Some(bucket) = config.string_at(REPO_S3_BUCKET, *key) else {
            continue;
        };
        let host_style = config.string_at(REPO_S3_URI_STYLE, *key) == Some("host");
        if bucket.contains('.') && host_style && config.boolean_at(REPO_STORAGE_VERIFY_TLS, *key) {
            return Err(ConfigError::option_value(format!(
                "'{bucket}' is not valid for option '{}'",
                indexed(REPO_S3_BUCKET, *key)
            ))
            .hint("RFC-2818 forbids dots in wildcard matches.")
            .hint("TLS/SSL verification cannot proceed with this bucket name.")
            .hint("remove dots from the bucket name."));
        }
    }
    Ok(())
}
