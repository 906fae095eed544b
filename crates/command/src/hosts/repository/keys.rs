//! Which of repo1, repo2, … a command works on.

use pgkeep_config::option::Group;
use pgkeep_config::{Config, option};

/// Keys of the repositories a command works on: the one named by `--repo`, else all.
#[must_use]
pub fn keys(config: &Config) -> Vec<u32> {
    match config
        .integer(option::REPO)
        .and_then(|key| u32::try_from(key).ok())
    {
        Some(key) => vec![key],
        None => config.keys(Group::Repo).to_vec(),
    }
}

/// Key of the one repository a command works on: the one named by `--repo`, else the first.
#[must_use]
pub fn default_key(config: &Config) -> u32 {
    keys(config).first().copied().unwrap_or(1)
}
