//! The options of a drill. The only file of this command that names options.

use std::collections::BTreeMap;
use std::path::PathBuf;

use pgkeep_config::Config;
use pgkeep_config::command::{CommandId, Role};
use pgkeep_config::option::{self, Group};
use pgkeep_config::render::argv::{Child, Replacement};

use super::private;
use crate::error::{Error, ErrorCode, Result};
use crate::run::Context;

/// Typed options of `drill`, and what they say to the commands it runs.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) stanza: String,
    /// Where to work.
    pub(super) path: PathBuf,
    /// Directories of repositories, where a drill must not work.
    pub(super) used: Vec<PathBuf>,
    pub(super) pg_bin: Option<PathBuf>,
    pub(super) pg_user: String,
    pub(super) check_file: Option<PathBuf>,
    /// Choose the moment.
    pub(super) random: bool,
    /// Only show what was done.
    pub(super) history: bool,
    /// Settings of the scratch server.
    pub(super) server: Vec<(String, String)>,
    pub(super) json: bool,
    /// Where the history is.
    pub(super) log_path: PathBuf,
    /// `default`, `time`, …
    pub(super) kind: String,
    pub(super) target: Option<String>,
    /// Options of `restore`.
    pub(super) restore: Vec<String>,
    /// Options of `info`.
    pub(super) info: Vec<String>,
    /// Options of `archive-get`, as words for a shell.
    pub(super) archive_get: Vec<String>,
}

/// Said anew to every command that is run.
const SAID_ANEW: [&str; 8] = [
    "exec-id",
    "log-format",
    "log-level-console",
    "log-level-file",
    "log-level-stderr",
    "log-path",
    "output",
    "cmd",
];

impl Settings {
    /// Reads the options.
    ///
    /// # Errors
    /// Options that exclude each other; a setting that a scratch server must not have.
    pub(super) fn from(context: &Context) -> Result<Self> {
        let config = &*context.config;
        let stanza = context.stanza()?.to_owned();
        let path = |option| config.string(option).map(PathBuf::from);
        let server = config
            .map(option::DRILL_SETTING)
            .unwrap_or_default()
            .to_vec();
        for (name, _) in &server {
            if let Some(why) = private::refusal(name) {
                return Err(Error::new(
                    ErrorCode::OptionInvalidValue,
                    format!("'{name}' is not allowed for 'drill-setting' option"),
                )
                .with_hint(why));
            }
        }
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
        let options = |command, quote| {
            let replace = SAID_ANEW
                .iter()
                .map(|name| ((*name).to_owned(), Replacement::Omit))
                .collect::<BTreeMap<_, _>>();
            config.child_options(Child {
                command,
                role: Role::Main,
                local: true,
                other: None,
                quote,
                replace: &replace,
            })
        };
        Ok(Self {
            path: path(option::DRILL_PATH)
                .unwrap_or_else(|| PathBuf::from(format!("/var/tmp/pgkeep-drill-{stanza}"))),
            used: used(config),
            pg_bin: path(option::DRILL_PG_BIN),
            pg_user: config
                .string(option::DRILL_PG_USER)
                .unwrap_or("postgres")
                .to_owned(),
            check_file: path(option::DRILL_CHECK_FILE),
            random,
            history: config.boolean(option::DRILL_HISTORY),
            server,
            json: config.string(option::OUTPUT) == Some("json"),
            log_path: path(option::LOG_PATH)
                .unwrap_or_else(|| PathBuf::from("/var/log/pgbackrest")),
            kind: config.string(option::TYPE).unwrap_or("default").to_owned(),
            target: config.string(option::TARGET).map(str::to_owned),
            restore: options(CommandId::Restore, false),
            info: options(CommandId::Info, false)
                .into_iter()
                .filter(|word| !word.starts_with("--type") && !word.starts_with("--set"))
                .collect(),
            archive_get: options(CommandId::ArchiveGet, true),
            stanza,
        })
    }
}

/// Directories of repositories, as far as they are on this host. A cluster is known by what is in it.
fn used(config: &Config) -> Vec<PathBuf> {
    let is_directory = |key: &u32| {
        let kind = config.string_at(option::REPO_TYPE, *key);
        config.string_at(option::REPO_HOST, *key).is_none()
            && matches!(kind, None | Some("posix" | "cifs"))
    };
    config
        .keys(Group::Repo)
        .iter()
        .filter(|key| is_directory(key))
        .filter_map(|key| config.string_at(option::REPO_PATH, *key))
        .map(PathBuf::from)
        .collect()
}
