//! The options of `info`.

use pgkeep_config::option;
use pgkeep_repo::BackupType;

use crate::error::{Error, ErrorCode, Result};
use crate::run::Context;
use crate::stanzas::{Requested, WalRead, Wanted};

/// Form of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Output {
    Text,
    Json,
    /// One line a backup; not pgBackRest's.
    Table,
}

/// Typed options of `info`.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) output: Output,
    /// Only this stanza.
    pub(super) stanza: Option<String>,
    /// Only this backup, with its details.
    pub(super) set: Option<Requested>,
    /// Only backups of this type.
    pub(super) backup_type: Option<BackupType>,
    /// Everything, not only whether something runs.
    pub(super) full: bool,
}

impl Settings {
    pub(super) fn from(context: &Context) -> Result<Self> {
        let config = &context.config;
        let backup_type = match config.string(option::TYPE) {
            None => None,
            Some("full") => Some(BackupType::Full),
            Some("diff") => Some(BackupType::Diff),
            Some("incr") => Some(BackupType::Incr),
            Some(other) => {
                return Err(Error::new(
                    ErrorCode::OptionInvalidValue,
                    format!("'{other}' is not allowed for 'type' option"),
                ));
            }
        };
        Ok(Self {
            output: match config.string(option::OUTPUT) {
                Some("json") => Output::Json,
                Some("table") => Output::Table,
                _ => Output::Text,
            },
            stanza: config.stanza().map(str::to_owned),
            set: config.string(option::SET).map(|text| Requested {
                label: text.parse().ok(),
            }),
            backup_type,
            full: config.string(option::DETAIL_LEVEL) != Some("progress"),
        })
    }

    /// What is read for it.
    pub(super) fn wanted(&self) -> Wanted {
        Wanted {
            stanza: self.stanza.clone(),
            set: self.set.clone(),
            full: self.full,
            wal: match self.output {
                Output::Table => WalRead::All,
                _ => WalRead::Ends,
            },
        }
    }
}
