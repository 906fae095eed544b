//! The settings of a repository in a directory of this host, or on a mounted share, from its options.

use std::path::PathBuf;

use pgkeep_config::{Config, option};
use pgkeep_storage::posix::PosixSettings;

pub(super) fn settings(config: &Config, key: u32, cifs: bool) -> PosixSettings {
    let path = config.string_at(option::REPO_PATH, key);
    PosixSettings {
        root: PathBuf::from(path.unwrap_or("/var/lib/pgbackrest")),
        cifs,
        symlinks: config
            .boolean_or_unset_at(option::REPO_SYMLINK, key)
            .unwrap_or(true),
    }
}
