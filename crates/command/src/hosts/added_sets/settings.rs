//! What retention asks for, by which added sets are judged.

use pgkeep_config::Config;
use pgkeep_config::option::{self, OptionDef};
use pgkeep_repo::BackupType;
use pgkeep_repo::claims::Limits;

/// The limits of one repository.
#[must_use]
pub fn limits(config: &Config, key: u32) -> Limits {
    let number = |option: &'static OptionDef| {
        config
            .integer_at(option, key)
            .and_then(|number| u32::try_from(number).ok())
    };
    let by_time = config.string_at(option::REPO_RETENTION_FULL_TYPE, key) == Some("time");
    let kind = config
        .string_at(option::REPO_RETENTION_ARCHIVE_TYPE, key)
        .and_then(|name| name.parse().ok())
        .unwrap_or(BackupType::Full);
    let archive = number(option::REPO_RETENTION_ARCHIVE).filter(|keep| *keep > 0);
    Limits {
        full: number(option::REPO_RETENTION_FULL).filter(|_| !by_time),
        archive: archive.map(|keep| (kind, keep)),
    }
}
