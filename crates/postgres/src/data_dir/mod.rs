//! What belongs to a backup of a data directory: rules over names, by version. Nothing is opened here.
//!
//! Names are bytes since file systems promise no encoding. "Manifest path" means the path as a manifest spells it: the data
//! directory is `pg_data`, and a tablespace's own directory is `pg_tblspc/<oid>/PG_<version>_<catalog>`.
//!
//! A walk first asks [`is_temporary`] for every entry, then the caller's own exclusions, then
//! [`Rules::keeps_directory_empty`] for a directory or [`Rules::skips_file`] for a file. The first that says no ends it.
//! Unlogged relations are taken out afterwards, when all `_init` forks are known ([`unlogged_candidate`]).

use crate::control::layout::catalog_dir_name;
use crate::version::PgVersion;

/// The data directory in a manifest.
pub const PG_DATA: &[u8] = b"pg_data";
/// Tablespaces in a manifest.
pub const PG_TBLSPC: &[u8] = b"pg_tblspc";
/// The directory of the data directory that may hold nothing but links to tablespaces.
pub const TABLESPACE_LINKS: &[u8] = b"pg_data/pg_tblspc";
/// The control file in a manifest.
pub const CONTROL_FILE: &[u8] = b"pg_data/global/pg_control";
/// The label of an online backup, in the data directory.
pub const BACKUP_LABEL: &str = "backup_label";
/// Where tablespaces were during an online backup, in the data directory.
pub const TABLESPACE_MAP: &str = "tablespace_map";
/// Present while a server runs on the data directory.
pub const POSTMASTER_PID: &str = "postmaster.pid";
/// Says which major version a data or database directory belongs to.
pub const PG_VERSION: &str = "PG_VERSION";

/// Databases with lower oids came with the cluster (`FirstNormalObjectId`).
const FIRST_NORMAL_OID: u32 = 16_384;
/// Bytes in one file of a relation: further ones have a numbered suffix.
const RELATION_FILE_SIZE: u64 = 1 << 30;

/// Directories of the data directory whose contents a server makes anew when it starts.
const EMPTIED: [&[u8]; 7] = [
    b"pg_dynshmem",
    b"pg_notify",
    // Slots of one cluster would hold back WAL in its copy
    b"pg_replslot",
    b"pg_serial",
    b"pg_snapshots",
    b"pg_stat_tmp",
    b"pg_subtrans",
];

/// Files of the data directory that a copy must not have: name, first version, first version that again does not care.
const SKIPPED: [(&[u8], Option<PgVersion>, Option<PgVersion>); 11] = [
    (b"recovery.signal", Some(PgVersion::V12), None),
    (b"standby.signal", Some(PgVersion::V12), None),
    (b"recovery.conf", None, Some(PgVersion::V12)),
    (b"recovery.done", None, Some(PgVersion::V12)),
    (b"postgresql.auto.conf.tmp", None, None),
    (b"backup_label", None, None),
    (b"backup_label.old", None, None),
    (b"backup_manifest", Some(PgVersion::V13), None),
    (b"backup_manifest.tmp", Some(PgVersion::V13), None),
    (b"postmaster.opts", None, None),
    (b"postmaster.pid", None, None),
];

/// The rules for one cluster.
#[derive(Debug, Clone)]
pub struct Rules {
    version: PgVersion,
    /// Whether a server runs during the backup, so that WAL comes from the archive.
    online: bool,
    tablespace_dir: Vec<u8>,
    wal_path: Vec<u8>,
}

impl Rules {
    pub fn new(version: PgVersion, catalog_version: u32, online: bool) -> Self {
        Self {
            version,
            online,
            tablespace_dir: catalog_dir_name(version, catalog_version).into_bytes(),
            wal_path: [PG_DATA, b"/", wal_dir(version).as_bytes()].concat(),
        }
    }

    /// The directory this cluster has in every tablespace.
    pub fn tablespace_dir(&self) -> &[u8] {
        &self.tablespace_dir
    }

    /// Whether a directory is recorded but not entered; `parent` is a manifest path.
    pub fn keeps_directory_empty(&self, parent: &[u8], name: &[u8]) -> bool {
        (parent == PG_DATA && EMPTIED.contains(&name))
            || (self.online && parent == self.wal_path && name == b"archive_status")
    }

    /// Whether a file is left out; `parent` is a manifest path and `in_database` is [`Rules::is_database_dir`] of it.
    pub fn skips_file(&self, parent: &[u8], name: &[u8], in_database: bool) -> bool {
        (in_database && (is_relation_cache(name) || is_temporary_relation(name)))
            || (parent == PG_DATA && self.skips_in_root(name))
            || (self.online && parent == self.wal_path)
    }

    fn skips_in_root(&self, name: &[u8]) -> bool {
        SKIPPED.iter().any(|&(skipped, since, before)| {
            skipped == name
                && since.is_none_or(|since| self.version >= since)
                && before.is_none_or(|before| self.version < before)
        })
    }

    /// Whether a manifest path is a directory of relation files: `global`, a database under `base`, or a database in a
    /// tablespace.
    pub fn is_database_dir(&self, path: &[u8]) -> bool {
        let parts: Vec<&[u8]> = path.splitn(5, |&b| b == b'/').collect();
        match parts[..] {
            [b"pg_data", b"global"] => true,
            [b"pg_data", b"base", database] => is_number(database),
            [b"pg_tblspc", oid, version, database] => {
                is_number(oid) && version == self.tablespace_dir && is_number(database)
            }
            _ => false,
        }
    }

    /// Whether the pages of a file have checksums to check, if the cluster has checksums at all; `path` is the manifest
    /// path of a file in a database directory.
    pub fn has_page_checksums(&self, path: &[u8]) -> bool {
        path != CONTROL_FILE && !matches!(base_name(path), b"pg_filenode.map" | b"PG_VERSION")
    }

    /// Whether a server may remove the file during a backup, so that its absence is no error. These are the files that
    /// replay of WAL brings back, and they are what a backup may copy from a standby.
    pub fn may_vanish(&self, path: &[u8]) -> bool {
        if path == CONTROL_FILE {
            return false;
        }
        let mut parts = path.splitn(3, |&b| b == b'/');
        match (parts.next(), parts.next(), parts.next()) {
            (Some(b"pg_tblspc"), Some(_), _) => true,
            (Some(b"pg_data"), Some(dir), Some(_)) => {
                matches!(dir, b"base" | b"global" | b"pg_multixact")
                    || dir == xact_dir(self.version).as_bytes()
            }
            _ => false,
        }
    }

    /// Whether a backup that has a standby copies the file from there: the same files.
    pub fn copies_from_standby(&self, path: &[u8]) -> bool {
        self.may_vanish(path)
    }
}

/// Name of the WAL directory: `pg_wal`, before 10 `pg_xlog`.
pub fn wal_dir(version: PgVersion) -> &'static str {
    if version >= PgVersion::V10 {
        "pg_wal"
    } else {
        "pg_xlog"
    }
}

/// Name of the directory of commit states: `pg_xact`, before 10 `pg_clog`.
pub fn xact_dir(version: PgVersion) -> &'static str {
    if version >= PgVersion::V10 {
        "pg_xact"
    } else {
        "pg_clog"
    }
}

/// Whether a directory, file or link is a temporary one of the server: all whose names begin `pgsql_tmp`.
pub fn is_temporary(name: &[u8]) -> bool {
    name.starts_with(b"pgsql_tmp")
}

/// Whether a file is the relation cache, which a server writes when it starts, or what it leaves of a failed attempt
/// (a process id is appended).
fn is_relation_cache(name: &[u8]) -> bool {
    match name.strip_prefix(b"pg_internal.init") {
        None => false,
        Some(rest) => {
            rest.is_empty()
                || rest
                    .windows(2)
                    .any(|pair| pair[0] == b'.' && pair[1].is_ascii_digit())
        }
    }
}

/// Whether a file belongs to a temporary relation: `t<backend>_<relation>` with fork and segment.
fn is_temporary_relation(name: &[u8]) -> bool {
    let Some(rest) = name.strip_prefix(b"t") else {
        return false;
    };
    let (backend, rest) = split_digits(rest);
    !backend.is_empty()
        && rest
            .strip_prefix(b"_")
            .is_some_and(|rest| relation_number(rest).is_some())
}

/// If a file of a database directory belongs to a relation that may be unlogged, the name of the fork whose presence in the
/// same directory says that it is: `16391_init` for `16391`, `16391.1`, `16391_fsm` and `16391_vm`. Such a file is left out
/// of a backup; the `_init` fork itself stays.
pub fn unlogged_candidate(name: &[u8]) -> Option<Vec<u8>> {
    relation_number(name).map(|number| [number, b"_init"].concat())
}

/// The number at the beginning of `<number>`, `<number>_fsm`, `<number>_vm`, each with an optional `.<segment>`.
fn relation_number(name: &[u8]) -> Option<&[u8]> {
    let (number, rest) = split_digits(name);
    let rest = rest
        .strip_prefix(b"_fsm")
        .or_else(|| rest.strip_prefix(b"_vm"))
        .unwrap_or(rest);
    let ends = rest.is_empty() || rest.strip_prefix(b".").is_some_and(is_number);
    (!number.is_empty() && ends).then_some(number)
}

/// The number of the first page of a relation file: `16391.2` begins after two files of 1 GiB. `page_size` is in bytes.
pub fn first_page(name: &[u8], page_size: u32) -> u32 {
    let digits = name.iter().rev().take_while(|b| b.is_ascii_digit()).count();
    let (rest, number) = name.split_at(name.len() - digits);
    let segment: u32 = match rest {
        [.., b'.'] => std::str::from_utf8(number)
            .ok()
            .and_then(|number| number.parse().ok())
            .unwrap_or(0),
        _ => 0,
    };
    let pages = RELATION_FILE_SIZE / u64::from(page_size.max(1));
    // Relations have fewer than 2^32 pages; a name that says more is not a relation's
    u32::try_from(u64::from(segment).saturating_mul(pages)).unwrap_or(u32::MAX)
}

/// Whether a database is a template that came with the cluster.
pub fn is_template_database(name: &str) -> bool {
    matches!(name, "template0" | "template1")
}

/// Whether a database came with the cluster, by name or by oid.
pub fn is_system_database(name: &str, oid: u32) -> bool {
    name == "postgres" || is_template_database(name) || oid < FIRST_NORMAL_OID
}

fn base_name(path: &[u8]) -> &[u8] {
    path.rsplit(|&b| b == b'/').next().unwrap_or(path)
}

fn is_number(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(u8::is_ascii_digit)
}

fn split_digits(text: &[u8]) -> (&[u8], &[u8]) {
    text.split_at(text.iter().take_while(|b| b.is_ascii_digit()).count())
}

#[cfg(test)]
mod tests;
