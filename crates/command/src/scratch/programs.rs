//! Finds the programs of PostgreSQL for one major version.
#![allow(clippy::disallowed_methods)] // programs outside any storage are looked for

use std::path::{Path, PathBuf};

use super::settings::Settings;
use crate::error::{Error, ErrorCode, Result};
use crate::hosts::pg_programs::{BY_HAND, exists, first, search_path, versioned};
use crate::run::Context;

/// Programs of one version. Those that are not everywhere are optional.
#[derive(Debug, Clone)]
pub(crate) struct Programs {
    pub(crate) postgres: PathBuf,
    pub(crate) psql: PathBuf,
    pub(crate) pg_dump: PathBuf,
    pub(crate) pg_checksums: Option<PathBuf>,
    pub(crate) pg_amcheck: Option<PathBuf>,
}

impl Programs {
    /// The major version of `pg_dump`, which may be newer than the server.
    pub(crate) fn dump_major(&self) -> Option<u32> {
        major_of(&self.pg_dump)
    }
}

/// Finds them.
///
/// # Errors
/// [`ErrorCode::FileMissing`] with what to install.
pub(crate) fn find(context: &Context, settings: &Settings, major: u32) -> Result<Programs> {
    let search = search_path(context);
    let packaged = versioned();
    // A newer client reads older servers; the nearest first.
    let newer = packaged
        .iter()
        .rev()
        .filter(|(version, _)| *version >= major);
    let clients: Vec<PathBuf> = settings
        .pg_bin
        .iter()
        .chain(newer.map(|(_, directory)| directory))
        .chain(&search)
        .cloned()
        .collect();
    let servers: Vec<PathBuf> = match &settings.pg_bin {
        Some(named) => vec![named.clone()],
        None => packaged
            .iter()
            .filter(|(version, _)| *version == major)
            .map(|(_, directory)| directory.clone())
            .chain(search)
            .chain([PathBuf::from(BY_HAND)])
            .collect(),
    };
    let missing = |name: &str| {
        Error::new(
            ErrorCode::FileMissing,
            format!("unable to find '{name}' of PostgreSQL {major}"),
        )
        .with_hint(format!(
            "install PostgreSQL {major}, on Debian: apt-get install postgresql-{major}"
        ))
        .with_hint("or name the directory of its programs with --scratch-pg-bin.")
    };
    let postgres = servers
        .iter()
        .map(|directory| directory.join("postgres"))
        .find(|program| major_of(program) == Some(major))
        .ok_or_else(|| missing("postgres"))?;
    // Beside the server they are of its version.
    let beside = |name: &str| Some(postgres.with_file_name(name)).filter(|path| exists(path));
    let find = |name: &str| beside(name).or_else(|| first(&clients, name));
    // These look into files of their own version only.
    let same = |name: &str| {
        beside(name).or_else(|| {
            let mut there = clients.iter().map(|directory| directory.join(name));
            there.find(|program| major_of(program) == Some(major))
        })
    };
    Ok(Programs {
        psql: find("psql").ok_or_else(|| missing("psql"))?,
        pg_dump: find("pg_dump").ok_or_else(|| missing("pg_dump"))?,
        pg_checksums: same("pg_checksums"),
        pg_amcheck: find("pg_amcheck"),
        postgres,
    })
}

/// `15` of `postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)`.
fn major_of(program: &Path) -> Option<u32> {
    if !exists(program) {
        return None;
    }
    let output = std::process::Command::new(program)
        .arg("--version")
        .output()
        .ok()?;
    version_in(&String::from_utf8_lossy(&output.stdout))
}

fn version_in(text: &str) -> Option<u32> {
    let number = text.split_once("(PostgreSQL) ")?.1;
    let digits = number
        .split(|letter: char| !letter.is_ascii_digit())
        .next()?;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::version_in;

    #[test]
    fn the_major_version_is_read_from_what_programs_say_of_themselves() {
        assert_eq!(
            version_in("postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)\n"),
            Some(15)
        );
        assert_eq!(version_in("pg_checksums (PostgreSQL) 18beta1\n"), Some(18));
        assert_eq!(version_in("psql 9\n"), None);
    }
}
