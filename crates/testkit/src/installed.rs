//! Which real programs this machine has, and where: what `scripts/setup test` brought, and Debian's own.
//!
//! Looks, never downloads. A part that the setup could not bring left its reason in the cache, and that reason is what
//! the error says.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// Directory with what `scripts/setup test` brought (`PGKEEP_TEST_CACHE`, else a fixed place).
pub fn cache() -> PathBuf {
    std::env::var_os("PGKEEP_TEST_CACHE")
        .map_or_else(|| PathBuf::from("/var/cache/pgkeep-test"), PathBuf::from)
}

/// Directory with `postgres`, `initdb` and `pg_ctl` of a PostgreSQL major.
pub fn server_bin(major: u32) -> Result<PathBuf> {
    [debian_bin(major), cache().join(format!("pg/{major}/bin"))]
        .into_iter()
        .find(|bin| bin.join("postgres").exists() && bin.join("initdb").exists())
        .ok_or_else(|| {
            absent(
                &format!("postgres-{major}"),
                &format!("the server of PostgreSQL {major}"),
            )
        })
}

/// Server majors that can be started here, ascending.
pub fn server_majors() -> Vec<u32> {
    (12..=30)
        .filter(|major| server_bin(*major).is_ok())
        .collect()
}

/// A client program (`psql`, `pg_dump`, `pg_checksums`, …) of exactly this major.
pub fn client(major: u32, program: &str) -> Result<PathBuf> {
    [debian_bin(major), cache().join(format!("tools/{major}"))]
        .into_iter()
        .map(|bin| bin.join(program))
        .find(|path| path.exists())
        .ok_or_else(|| Error::missing(format!("{program} of PostgreSQL {major}")))
}

/// The newest copy of a client program.
pub fn newest_client(program: &str) -> Result<PathBuf> {
    (12..=30)
        .rev()
        .find_map(|major| client(major, program).ok())
        .ok_or_else(|| Error::missing(program))
}

/// The oldest copy of a client program that is new enough for servers of `major`.
pub fn client_for(major: u32, program: &str) -> Result<PathBuf> {
    (major..=30)
        .find_map(|candidate| client(candidate, program).ok())
        .ok_or_else(|| Error::missing(format!("{program} for PostgreSQL {major}")))
}

/// Links to pgBackRest, by version "X.YY", oldest first.
pub(crate) fn pgbackrest_releases() -> Vec<(String, PathBuf)> {
    let mut found: Vec<(String, PathBuf)> = fs::read_dir(cache().join("original"))
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| {
            (
                entry.file_name().to_string_lossy().into_owned(),
                entry.path().join("pgbackrest"),
            )
        })
        .filter(|(_, program)| program.exists())
        .collect();
    found.sort_by_key(|(version, _)| {
        version
            .split('.')
            .map(|part| part.parse::<u32>().unwrap_or(0))
            .collect::<Vec<_>>()
    });
    found
}

/// Directory with `sbin/sshd` and `lib` of a newer OpenSSH than this system's.
pub fn newest_openssh() -> Result<PathBuf> {
    let home = cache().join("openssh");
    if home.join("version").exists() {
        Ok(home)
    } else {
        Err(absent("openssh", "a newer OpenSSH"))
    }
}

/// The error for a part that is not there, with the reason that the setup noted, if it did.
pub(crate) fn absent(note: &str, what: &str) -> Error {
    match fs::read_to_string(cache().join("ignored").join(note)) {
        Ok(why) => Error::Missing(format!("{what}: {}", why.trim())),
        Err(_) => Error::missing(what),
    }
}

fn debian_bin(major: u32) -> PathBuf {
    Path::new("/usr/lib/postgresql")
        .join(major.to_string())
        .join("bin")
}
