//! What the options say about hooks. The only file of this room that names options.

use std::path::PathBuf;
use std::time::Duration;

use pgkeep_config::option::{self, OptionDef};

use crate::run::Context;

/// A hook that is to be run.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    /// `backup`, `expire`, `verify`, `drill`, `archive`
    pub event: &'static str,
    /// The name of its option.
    pub option: &'static str,
    pub program: PathBuf,
    pub timeout: Duration,
    /// It is told of what changes, and not of each time.
    pub only_changes: bool,
    /// This program has made file modes independent of the caller's umask, which is lost by that.
    pub umask: bool,
}

impl Settings {
    /// `None`: no hook is wanted for the command, or nothing was done.
    pub(super) fn from(context: &Context, command: &str) -> Option<Self> {
        let config = &context.config;
        let (event, option): (_, &OptionDef) = match command {
            "archive-push" => ("archive", option::HOOK_ARCHIVE),
            "backup" => ("backup", option::HOOK_BACKUP),
            "drill" => ("drill", option::HOOK_DRILL),
            "expire" => ("expire", option::HOOK_EXPIRE),
            "verify" => ("verify", option::HOOK_VERIFY),
            _ => return None,
        };
        let program = config
            .is_valid(option)
            .then(|| config.string(option))
            .flatten()?;
        let said = |option| config.is_valid(option) && config.boolean(option);
        if said(option::DRY_RUN) || said(option::DRILL_HISTORY) {
            return None;
        }
        Some(Self {
            event,
            option: option.name,
            program: PathBuf::from(program),
            timeout: config
                .time(option::HOOK_TIMEOUT)
                .unwrap_or(Duration::from_secs(30)),
            only_changes: event == "archive",
            umask: said(option::NEUTRAL_UMASK),
        })
    }
}
