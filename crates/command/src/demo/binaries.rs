//! Finds the programs of an installed PostgreSQL server, and of an SSH server where there is one.

use std::path::{Path, PathBuf};

use pgkeep_storage::{InfoLevel, ListOptions, Storage, StoragePath};

use super::settings::Settings;
use crate::error::{Error, ErrorCode, Result};
use crate::hosts::this_host;
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

/// Directories of packages that hold one directory per major version, and what is below that.
const VERSIONED: &[(&str, &str, &str)] = &[
    ("/usr/lib/postgresql", "", "bin"),
    ("/usr", "pgsql-", "bin"),
    ("/opt/homebrew/opt", "postgresql@", "bin"),
];

/// The named directory, else the newest installed version.
///
/// # Errors
/// [`ErrorCode::FileMissing`] with what to install.
pub(super) fn find(context: &Context, settings: &Settings) -> Result<Binaries> {
    let search = search_path(context);
    let candidates = match &settings.pg_bin {
        Some(named) => vec![named.clone()],
        None => {
            let mut all = versioned();
            all.extend(search.iter().cloned());
            all.push(PathBuf::from("/usr/local/pgsql/bin"));
            all
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
    let psql = std::iter::once(&server)
        .chain(&candidates)
        .chain(&search)
        .map(|directory| directory.join("psql"));
    let psql = psql.into_iter().find(|psql| exists(psql)).ok_or_else(|| {
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

fn search_path(context: &Context) -> Vec<PathBuf> {
    let path = context
        .environment
        .get("PATH")
        .map(String::as_str)
        .unwrap_or_default();
    std::env::split_paths(path).collect()
}

/// `bin` directories of packages, newest version first.
fn versioned() -> Vec<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = Vec::new();
    for (directory, prefix, below) in VERSIONED {
        let storage = this_host::directory(Path::new(directory));
        let options = ListOptions {
            level: InfoLevel::Exists,
            ..ListOptions::default()
        };
        for entry in storage
            .list(&StoragePath::root(), &options)
            .ok()
            .flatten()
            .unwrap_or_default()
        {
            let name = entry.name.to_string();
            if let Some(version) = name
                .strip_prefix(prefix)
                .and_then(|version| version.parse().ok())
            {
                found.push((version, Path::new(directory).join(&name).join(below)));
            }
        }
    }
    found.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    found.into_iter().map(|(_, directory)| directory).collect()
}

fn exists(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.is_file())
}
