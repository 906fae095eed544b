//! What is said about a scratch cluster: where it is, and of which backup and moment. The only file of this room that names options.

use std::collections::BTreeMap;
use std::path::PathBuf;

use pgkeep_config::Config;
use pgkeep_config::command::{CommandId, Role};
use pgkeep_config::option::{self, Group};
use pgkeep_config::render::argv::{Child, Replacement};

use super::private;
use crate::error::{Error, ErrorCode, Result};
use crate::run::Context;

/// Typed options, and what they say to the commands that are run.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// Where to work.
    pub(crate) path: PathBuf,
    /// Directories of repositories, where nobody must work.
    pub(crate) used: Vec<PathBuf>,
    pub(crate) pg_bin: Option<PathBuf>,
    pub(crate) pg_user: String,
    /// Settings of the scratch server.
    pub(crate) server: Vec<(String, String)>,
    /// `default`, `time`, …
    pub(crate) kind: String,
    pub(crate) target: Option<String>,
    /// Numbers of the databases whose files are not restored.
    pub(crate) left_out: Vec<u64>,
    /// Options of `restore`.
    pub(crate) restore: Vec<String>,
    /// Options of `info`.
    pub(crate) info: Vec<String>,
    /// Options of `archive-get`, as words for a shell.
    pub(crate) archive_get: Vec<String>,
}

/// Said anew to every command that is run.
const SAID_ANEW: [&str; 9] = [
    "dry-run",
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
    /// A setting that a scratch server must not have.
    pub(crate) fn from(context: &Context) -> Result<Self> {
        let config = &*context.config;
        let path = |option| config.string(option).map(PathBuf::from);
        let server = config
            .map(option::SCRATCH_SETTING)
            .unwrap_or_default()
            .to_vec();
        for (name, _) in &server {
            if let Some(why) = private::refusal(name) {
                return Err(Error::new(
                    ErrorCode::OptionInvalidValue,
                    format!("'{name}' is not allowed for 'scratch-setting' option"),
                )
                .with_hint(why));
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
            path: self::path(context)?,
            used: used(config),
            pg_bin: path(option::SCRATCH_PG_BIN),
            pg_user: config
                .string(option::SCRATCH_PG_USER)
                .unwrap_or("postgres")
                .to_owned(),
            server,
            kind: config.string(option::TYPE).unwrap_or("default").to_owned(),
            target: config.string(option::TARGET).map(str::to_owned),
            left_out: Vec::new(),
            restore: options(CommandId::Restore, false),
            info: options(CommandId::Info, false)
                .into_iter()
                .filter(|word| !word.starts_with("--type") && !word.starts_with("--set"))
                .collect(),
            archive_get: options(CommandId::ArchiveGet, true),
        })
    }

    /// Keeps to the set of a plan from now on.
    pub(crate) fn keep(&mut self, label: &str) {
        if !self.restore.iter().any(|word| word.starts_with("--set=")) {
            self.restore.push(format!("--set={label}"));
        }
    }

    /// Whether the user has chosen a repository.
    pub(crate) fn names_repository(&self) -> bool {
        self.restore.iter().any(|word| word.starts_with("--repo="))
    }

    /// The moment, for people.
    pub(crate) fn moment(&self) -> String {
        let target = self.target.as_deref().unwrap_or_default();
        match self.kind.as_str() {
            "default" => "the end of the archive".to_owned(),
            "immediate" => "the end of the backup".to_owned(),
            "name" => format!("restore point '{target}'"),
            "time" => format!("time '{target}'"),
            "xid" => format!("transaction {target}"),
            kind => format!("{kind} {target}"),
        }
    }
}

/// Where to work.
///
/// # Errors
/// There is no stanza.
pub(super) fn path(context: &Context) -> Result<PathBuf> {
    let (config, stanza) = (&*context.config, context.stanza()?);
    let command = config.command().name();
    let said = config.string(option::SCRATCH_PATH).map(PathBuf::from);
    Ok(said.unwrap_or_else(|| PathBuf::from(format!("/var/tmp/pgkeep-{command}-{stanza}"))))
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
