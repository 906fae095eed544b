//! The rules that concern several options at once, in the order in which they are applied.
//!
//! Those about one repository each are in `repository` and `sftp`. Invariant: values that a rule fills in count as defaults, except
//! `compress-type=none` from `compress=n`, which child processes must be told.

use std::time::Duration;

use super::checker::Checker;
use super::{repository, sftp};
use crate::config::{Config, Loaded};
use crate::define::command::CommandId;
use crate::define::option::{
    ALLOW_ROOT, COMPRESS, COMPRESS_LEVEL, COMPRESS_TYPE, DB_TIMEOUT, Group, OptionDef, PG_HOST,
    PROTOCOL_TIMEOUT, REPO, REPO_HOST, REPO_TARGET_TIME, STOP_AUTO,
};
use crate::error::{CONFIG, ConfigError, OPTION_REQUIRED, Phase, Result};
use crate::value::{Source, Value};

impl Config {
    /// Applies the rules that concern configuration only; the result is the configuration the command works with.
    ///
    /// Apart from [`crate::load`], because the begin line is shown before these rules are applied, and locks are taken before.
    ///
    /// # Errors
    /// 27, 31, 32, 37: the rules are those of pgBackRest, and each says its own.
    pub fn check(&self) -> Result<Loaded> {
        let mut checker = Checker {
            config: self.clone(),
            warnings: Vec::new(),
        };
        // Some rules replace what others look at, so they are not applied twice.
        if !self.checked
            && let Err(error) = checker.apply()
        {
            return Err(ConfigError {
                phase: Phase::Checks,
                warnings: checker.warnings,
                ..error
            });
        }
        checker.config.checked = true;
        Ok(Loaded {
            config: checker.config,
            warnings: checker.warnings,
        })
    }

    /// Refuses user id 0 unless `allow-root`; made before the begin line, for every role.
    ///
    /// # Errors
    /// 31 with two hints.
    pub fn check_user(&self) -> Result<()> {
        let refuse = self.origin.uid == 0
            && !self.help
            && self.is_valid(ALLOW_ROOT)
            && !self.boolean(ALLOW_ROOT);
        if !refuse {
            return Ok(());
        }
        Err(ConfigError::option_invalid(format!(
        "the '{}' command must not be run as the root user",
        self.command.name()
    ))
    .at(Phase::Checks)
    .hint(
        "running as root can create files that the regular user cannot access, causing later commands to fail.",
    )
    .hint(format!(
        "set the '{}' option to allow running this command as root.",
        ALLOW_ROOT.name
    )))
    }
}

impl Checker {
    fn apply(&mut self) -> Result<()> {
        self.stanza_delete_names_a_repository()?;
        repository::paths_differ(&self.config)?;
        self.protocol_timeout_exceeds_db_timeout()?;
        self.one_side_is_local()?;
        repository::warn_without_retention(self);
        repository::set_archive_retention(self);
        repository::bucket_names_fit_certificates(&self.config)?;
        self.replace_compress();
        sftp::check(self)?;
        self.target_time_names_a_repository()?;
        self.warn_about_stop_auto();
        Ok(())
    }

    fn stanza_delete_names_a_repository(&self) -> Result<()> {
        let config = &self.config;
        if config.help
            || config.command != CommandId::StanzaDelete
            || !config.is_valid(REPO)
            || config.is_set(REPO)
            || config.keys(Group::Repo) == [1]
        {
            return Ok(());
        }
        Err(ConfigError::new(
            OPTION_REQUIRED,
            format!(
                "{} command requires option: {}",
                config.command.name(),
                REPO.name
            ),
        )
        .hint("this command requires a specific repository to operate on"))
    }

    fn protocol_timeout_exceeds_db_timeout(&mut self) -> Result<()> {
        const MARGIN: Duration = Duration::from_secs(30);
        const SMALLEST_DB_TIMEOUT: Duration = Duration::from_secs(15);
        let config = &self.config;
        let (Some(db), Some(protocol)) = (config.time(DB_TIMEOUT), config.time(PROTOCOL_TIMEOUT))
        else {
            return Ok(());
        };
        if protocol > db {
            return Ok(());
        }
        if config.source(PROTOCOL_TIMEOUT, 0).is_default() {
            self.set_default_time(PROTOCOL_TIMEOUT, db + MARGIN);
        } else if config.source(DB_TIMEOUT, 0).is_default() {
            let shorter = protocol.saturating_sub(MARGIN);
            let shorter = if shorter >= SMALLEST_DB_TIMEOUT {
                shorter
            } else {
                protocol / 2
            };
            self.set_default_time(DB_TIMEOUT, shorter);
        } else {
            let protocol = config.spelling(PROTOCOL_TIMEOUT).unwrap_or_default();
            let db = config.spelling(DB_TIMEOUT).unwrap_or_default();
            // pgBackRest's hint lacks the colon, so it is not one of ours.
            return Err(ConfigError::option_value(format!(
                "'{protocol}' is not valid for '{name}' option\nHINT '{name}' option ({protocol}) should be greater than '{}' option ({db}).",
                DB_TIMEOUT.name,
                name = PROTOCOL_TIMEOUT.name,
            )));
        }
        Ok(())
    }

    fn one_side_is_local(&self) -> Result<()> {
        let any = |option: &'static OptionDef| {
            let config = &self.config;
            config
                .indexes(option)
                .any(|key| config.is_set_at(option, key))
        };
        if any(PG_HOST) && any(REPO_HOST) {
            return Err(ConfigError::new(
                CONFIG,
                "pg and repo hosts cannot both be configured as remote",
            ));
        }
        Ok(())
    }

    /// `compress` is an old way to say `compress-type`; afterwards it does not exist any more.
    fn replace_compress(&mut self) {
        if !self.config.is_valid(COMPRESS) {
            return;
        }
        let type_given = !self.config.source(COMPRESS_TYPE, 0).is_default();
        if !self.config.source(COMPRESS, 0).is_default() {
            if type_given {
                self.warnings.push(format!(
                    "'{compress}' and '{kind}' options should not both be set\nHINT: '{kind}' is preferred and '{compress}' is deprecated.",
                    compress = COMPRESS.name,
                    kind = COMPRESS_TYPE.name,
                ));
            } else if !self.config.boolean(COMPRESS) {
                self.set(
                    COMPRESS_TYPE,
                    0,
                    Source::CommandLine,
                    Value::String("none".to_owned()),
                    "none".to_owned(),
                );
                self.set_default(COMPRESS_LEVEL, 0, Value::Integer(0), "0".to_owned());
            }
        }
        self.config.entries.remove(&(COMPRESS.name, 0));
    }

    fn target_time_names_a_repository(&self) -> Result<()> {
        let config = &self.config;
        if config.is_set(REPO_TARGET_TIME) && config.source(REPO, 0).is_default() {
            return Err(ConfigError::option_invalid(format!(
                "option '{}' not valid without option '{}'",
                REPO_TARGET_TIME.name, REPO.name
            )));
        }
        Ok(())
    }

    fn warn_about_stop_auto(&mut self) {
        if !self.config.source(STOP_AUTO, 0).is_default() {
            self.warnings.push(format!(
                "option '{}' is deprecated\nHINT: all supported versions use non-exclusive backup.\nHINT: stop using this option to avoid an error when it is removed.",
                STOP_AUTO.name
            ));
        }
    }
}
