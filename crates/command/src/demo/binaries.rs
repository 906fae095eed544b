//! Finds the programs of an installed PostgreSQL server, and of an SSH server where there is one.

use std::path::{Path, PathBuf};

use super::settings::Settings;
use crate::error::{Error, ErrorCode, Result};
use crate::hosts::pg_programs::{BY_HAND, exists, first, search_path, versioned};
use crate::run::Context;

/// Where the programs are.
#[derive(Debug, Clone)]
pub(super) struct Binaries {
    /// Directory of `initdb`, `pg_ctl` and `postgres`.
    pub(super) server: PathBuf,
    /// The client; often in the same directory.
    pub(super) psql: PathBuf,
}

/// An SSH server and what makes its keys.
#[derive(Debug, Clone)]
pub(super) struct SshServer {
    pub(super) sshd: PathBuf,
    pub(super) keygen: PathBuf,
}

/// Where packages put `sshd`, which is often not on the search path of an ordinary user.
const SSHD_IN: &[&str] = &["/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin"];

/// The named directory, else the newest installed version.
///
/// # Errors
/// [`ErrorCode::FileMissing`] with what to install.
pub(super) fn find(context: &Context, settings: &Settings) -> Result<Binaries> {
    let search = search_path(context);
    let candidates = match &settings.pg_bin {
        Some(named) => vec![named.clone()],
        None => {
            let packaged = versioned().into_iter().map(|(_, directory)| directory);
            packaged
                .chain(search.iter().cloned())
                .chain([PathBuf::from(BY_HAND)])
                .collect()
        }
    };
    let complete = |directory: &PathBuf| {
        ["initdb", "pg_ctl", "postgres"]
            .iter()
            .all(|name| exists(&directory.join(name)))
    };
    let server = candidates
        .iter()
        .find(|directory| complete(directory))
        .cloned()
        .ok_or_else(|| {
            let place = settings
                .pg_bin
                .as_ref()
                .map(|named| format!(" in '{}'", named.display()))
                .unwrap_or_default();
            Error::new(
                ErrorCode::FileMissing,
                format!("unable to find initdb, pg_ctl and postgres{place}"),
            )
            .with_hint("install a PostgreSQL server, on Debian: apt-get install postgresql")
            .with_hint(
                "or name the directory of its programs: --demo-pg-bin=/usr/lib/postgresql/17/bin",
            )
        })?;
    let places = std::iter::once(&server).chain(&candidates).chain(&search);
    let psql = first(places, "psql").ok_or_else(|| {
        Error::new(ErrorCode::FileMissing, "unable to find psql").with_hint(
            "install the PostgreSQL client, on Debian: apt-get install postgresql-client",
        )
    })?;
    Ok(Binaries { server, psql })
}

/// An installed SSH server; `None`: the second repository is left out.
pub(super) fn find_ssh_server(context: &Context) -> Option<SshServer> {
    let search = search_path(context);
    let find = |name: &str| {
        search
            .iter()
            .map(PathBuf::as_path)
            .chain(SSHD_IN.iter().map(Path::new))
            .map(|directory| directory.join(name))
            .find(|program| exists(program))
    };
    Some(SshServer {
        sshd: find("sshd")?,
        keygen: find("ssh-keygen").or_else(|| {
            let usual = PathBuf::from("/usr/bin/ssh-keygen");
            exists(&usual).then_some(usual)
        })?,
    })
}
