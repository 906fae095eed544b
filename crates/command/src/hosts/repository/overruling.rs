//! Options of a repository that are set on the wrong host.

use pgkeep_config::Config;
use pgkeep_config::option::{Group, OPTIONS};

/// Options of a repository that its own host knows best: beside `repo-host` they are told to it and count there.
const OF_THE_REPOSITORYS_HOST: [&str; 8] = [
    "repo-path",
    "repo-type",
    "repo-cipher-",
    "repo-s3-",
    "repo-azure-",
    "repo-gcs-",
    "repo-sftp-",
    "repo-storage-",
];

/// Those that are set here, by name.
#[must_use]
pub fn overruling(config: &Config, key: u32) -> Vec<String> {
    let known_there = |name: &str| {
        OF_THE_REPOSITORYS_HOST
            .iter()
            .any(|prefix| name == *prefix || prefix.ends_with('-') && name.starts_with(prefix))
    };
    OPTIONS
        .iter()
        .copied()
        .filter(|option| option.group == Some(Group::Repo) && known_there(option.name))
        .filter(|option| config.is_set_at(option, key))
        .filter(|option| !config.source(option, key).is_default())
        .map(|option| option.name.replacen("repo-", &format!("repo{key}-"), 1))
        .collect()
}
