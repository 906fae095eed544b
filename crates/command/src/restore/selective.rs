//! Restore of some databases only: files of the others are made with their size but without content.
//!
//! The cluster then starts, and the databases that were left out can be dropped. `PG_VERSION` files are always restored
//! so that the server accepts their directories.

use std::collections::BTreeSet;

use pgkeep_postgres::PgVersion;
use pgkeep_postgres::control::layout::catalog_dir_name;
use pgkeep_postgres::data_dir::is_system_database;
use pgkeep_repo::Manifest;
use pgkeep_repo::manifest::FileName;

use super::settings::Settings;
use crate::error::{Error, ErrorCode, Result};

/// Directories whose files are zeroed; usually none.
#[derive(Debug, Default)]
pub(super) struct Zeroed {
    directories: Vec<Vec<u8>>,
}

impl Zeroed {
    /// Whether a file is made without its content.
    pub(super) fn contains(&self, name: &FileName<'_>) -> bool {
        if self.directories.is_empty() || name.base() == b"PG_VERSION" {
            return false;
        }
        let Some(directory) = name.directory() else {
            return false;
        };
        self.directories.iter().any(|zeroed| {
            directory
                .strip_prefix(zeroed.as_slice())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
        })
    }
}

/// Finds out which databases are left out.
///
/// # Errors
/// [`ErrorCode::DbMissing`] for a database that is not in the backup, [`ErrorCode::DbInvalid`] for one that is included
/// anyway or excluded too.
pub(super) fn zeroed(
    manifest: &Manifest,
    settings: &Settings,
    version: PgVersion,
) -> Result<Zeroed> {
    if settings.db_include.is_empty() && settings.db_exclude.is_empty() {
        return Ok(Zeroed::default());
    }
    let catalog = catalog_dir_name(version, manifest.pg.catalog_version);
    let found = Databases::find(manifest, &catalog);
    if found.all.is_empty() {
        return Err(Error::new(
            ErrorCode::Format,
            "no databases found for selective restore",
        )
        .with_hint("is this a valid cluster?"));
    }
    crate::detail!(
        "databases found for selective restore ({})",
        joined(&found.all)
    );
    let left_out = left_out(manifest, settings, &found)?;
    if left_out.is_empty() {
        log::info!("nothing to filter - all user databases have been selected");
        return Ok(Zeroed::default());
    }
    crate::detail!(
        "databases excluded (zeroed) from selective restore ({})",
        joined(&left_out)
    );
    let mut directories = Vec::new();
    for oid in &left_out {
        directories.push(format!("pg_data/base/{oid}").into_bytes());
        for target in manifest
            .targets()
            .iter()
            .filter(|target| target.tablespace_oid().is_some())
        {
            directories.push(
                [
                    &target.name,
                    b"/".as_slice(),
                    catalog.as_bytes(),
                    b"/",
                    oid.as_bytes(),
                ]
                .concat(),
            );
        }
    }
    Ok(Zeroed { directories })
}

/// Oids as text: options name them so, and pgBackRest sorts them so.
#[derive(Default)]
struct Databases {
    all: BTreeSet<String>,
    system: BTreeSet<String>,
}

impl Databases {
    fn find(manifest: &Manifest, catalog: &str) -> Self {
        let mut found = Self::default();
        for database in manifest.databases() {
            if is_system_database(&String::from_utf8_lossy(&database.name), database.oid) {
                found.system.insert(database.oid.to_string());
                found.all.insert(database.oid.to_string());
            }
        }
        for file in manifest
            .files()
            .filter(|file| file.name.base() == b"PG_VERSION")
        {
            let directory = file
                .name
                .directory()
                .and_then(|directory| std::str::from_utf8(directory).ok());
            let Some(oid) = directory.and_then(|directory| database_oid(directory, catalog)) else {
                continue;
            };
            // A system database that came up during the backup is not in the list of databases.
            if oid
                .parse()
                .is_ok_and(|number| is_system_database("", number))
            {
                found.system.insert(oid.to_owned());
            }
            found.all.insert(oid.to_owned());
        }
        found
    }

    /// The databases in the backup that can be chosen, for a hint; by oid where the name is not known.
    fn choice(&self, manifest: &Manifest) -> String {
        let named = |oid: &String| {
            let mut databases = manifest.databases().iter();
            let known = databases.find(|database| database.oid.to_string() == *oid);
            known.map_or_else(
                || oid.clone(),
                |database| format!("'{}'", String::from_utf8_lossy(&database.name)),
            )
        };
        let names: Vec<String> = self.all.difference(&self.system).map(named).collect();
        match &names[..] {
            [] => "the backup has no databases but those of the system.".to_owned(),
            names => format!("the backup has the databases {}.", names.join(", ")),
        }
    }

    /// The oid of a database named in an option, by oid or by name.
    fn resolve(&self, manifest: &Manifest, said: &str, doing: &str) -> Result<String> {
        if self.all.contains(said) {
            return Ok(said.to_owned());
        }
        manifest
            .databases()
            .iter()
            .find(|database| database.name == said.as_bytes())
            .map(|database| database.oid.to_string())
            .filter(|oid| self.all.contains(oid))
            .ok_or_else(|| {
                Error::new(
                    ErrorCode::DbMissing,
                    format!("database to {doing} '{said}' does not exist"),
                )
                .with_hint(self.choice(manifest))
            })
    }
}

/// The oid in the name of a database's directory.
fn database_oid<'a>(directory: &'a str, catalog: &str) -> Option<&'a str> {
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let parts: Vec<&str> = directory.split('/').collect();
    match parts[..] {
        ["pg_data", "base", oid] if number(oid) => Some(oid),
        ["pg_tblspc", tablespace, version, oid]
            if number(tablespace) && version == catalog && number(oid) =>
        {
            Some(oid)
        }
        _ => None,
    }
}

fn left_out(
    manifest: &Manifest,
    settings: &Settings,
    found: &Databases,
) -> Result<BTreeSet<String>> {
    let excluded = settings
        .db_exclude
        .iter()
        .map(|said| found.resolve(manifest, said, "exclude"))
        .collect::<Result<BTreeSet<String>>>()?;
    if settings.db_include.is_empty() {
        return Ok(excluded);
    }
    let mut left_out: BTreeSet<String> = found.all.clone();
    for said in &settings.db_include {
        let oid = found.resolve(manifest, said, "include")?;
        if found.system.contains(&oid) {
            return Err(Error::new(
                ErrorCode::DbInvalid,
                "system databases (template0, postgres, etc.) are included by default",
            )
            .with_hint(format!("take --db-include={said} out.")));
        }
        if excluded.contains(&oid) {
            return Err(Error::new(
                ErrorCode::DbInvalid,
                format!("database to include '{oid}' is in the exclude list"),
            )
            .with_hint(format!(
                "'{said}' is named by --db-include and by --db-exclude: take one out."
            )));
        }
        left_out.remove(&oid);
    }
    // A system database is left out only when it is named.
    left_out.retain(|oid| !found.system.contains(oid) || excluded.contains(oid));
    Ok(left_out)
}

fn joined(oids: &BTreeSet<String>) -> String {
    oids.iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(", ")
}
