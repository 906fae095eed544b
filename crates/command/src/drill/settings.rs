//! The options of a drill. The only file of this command that names options.

use std::path::PathBuf;

use pgkeep_config::option;

use crate::error::{Error, ErrorCode, Result};
use crate::run::Context;
use crate::scratch;

/// Typed options of `drill`.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) stanza: String,
    pub(super) scratch: scratch::Settings,
    pub(super) check_file: Option<PathBuf>,
    /// Choose the moment.
    pub(super) random: bool,
    /// Only show what was done.
    pub(super) history: bool,
    pub(super) json: bool,
    /// Where the history is.
    pub(super) log_path: PathBuf,
}

impl Settings {
    /// Reads the options.
    ///
    /// # Errors
    /// Options that exclude each other; a setting that a scratch server must not have.
    pub(super) fn from(context: &Context) -> Result<Self> {
        let config = &*context.config;
        let path = |option| config.string(option).map(PathBuf::from);
        let random = config.boolean(option::DRILL_RANDOM);
        for said in [
            option::SET,
            option::TYPE,
            option::TARGET,
            option::TARGET_TIMELINE,
        ] {
            if random && !config.source(said, 0).is_default() {
                return Err(Error::new(
                    ErrorCode::OptionInvalid,
                    format!(
                        "option '{}' not valid with option 'drill-random'",
                        said.name
                    ),
                ));
            }
        }
        Ok(Self {
            stanza: context.stanza()?.to_owned(),
            scratch: scratch::Settings::from(context)?,
            check_file: path(option::DRILL_CHECK_FILE),
            random,
            history: config.boolean(option::DRILL_HISTORY),
            json: config.string(option::OUTPUT) == Some("json"),
            log_path: path(option::LOG_PATH)
                .unwrap_or_else(|| PathBuf::from("/var/log/pgbackrest")),
        })
    }
}
