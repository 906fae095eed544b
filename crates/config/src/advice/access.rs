//! Why a configuration file cannot be opened: who owns what, and who asks.

use std::io;

use crate::input::{Access, ConfigFiles};

/// For a file or directory that could not be opened because of `error`.
pub(crate) fn denied(files: &dyn ConfigFiles, path: &str, error: &io::Error) -> Vec<String> {
    if error.kind() == io::ErrorKind::IsADirectory {
        return vec![format!(
            "'{path}' is a directory: name a file in it with --config, or the directory with --config-path."
        )];
    }
    if error.kind() == io::ErrorKind::NotADirectory {
        return vec!["a part of the path is a file, not a directory.".to_owned()];
    }
    if error.kind() != io::ErrorKind::PermissionDenied {
        return Vec::new();
    }
    let Some(access) = files.access(path) else {
        return Vec::new();
    };
    let Access {
        path: at,
        directory,
        owner,
        group,
        mode,
        user,
    } = &access;
    let what = if *directory { "directory" } else { "file" };
    let remedy = match (*directory, owner == user) {
        // Whether others may enter a directory such as /root is not for us to propose.
        (true, _) => format!(
            "run as '{owner}', let '{user}' enter the directory, or name another file with --config."
        ),
        (false, true) => format!("chmod u+r '{at}'"),
        (false, false) => {
            format!(
                "run as '{owner}', or let '{user}' read it: chgrp {user} '{at}' && chmod g+r '{at}'"
            )
        }
    };
    vec![
        format!(
            "{what} '{at}' belongs to user '{owner}', group '{group}', and has mode {mode:04o}; this run is user '{user}'."
        ),
        remedy,
    ]
}
