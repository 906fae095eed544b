//! Which host a file of the cluster is copied from: the only place that decides what a standby delivers.
//!
//! The rule is pgBackRest's, which a repository shared with it must keep. A standby delivers what only replayed WAL changes, so that its
//! copy is as good as the primary's. Everything else (settings, the control file, what is made by the server for itself) may
//! differ between the two and comes from the primary. The list of files, with their sizes and times, is always the primary's.

use std::sync::Arc;

use pgkeep_postgres::PgVersion;
use pgkeep_postgres::data_dir::{CONTROL_FILE, PG_DATA, PG_TBLSPC, xact_dir};

use crate::hosts::PgHost;

/// Directories of the data directory that a standby delivers, beside the one of commit states.
const FROM_STANDBY: [&str; 3] = ["base", "global", "pg_multixact"];

/// The part that a host has in a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum SourceHost {
    Primary,
    Standby,
}

/// The host that delivers a file. `name`: its name in the manifest.
pub(super) fn source_host(name: &[u8], version: PgVersion, has_standby: bool) -> SourceHost {
    if has_standby && is_replayed(name, version) {
        SourceHost::Standby
    } else {
        SourceHost::Primary
    }
}

/// Whether a file is the same on a standby that has replayed the WAL up to the start of the backup.
fn is_replayed(name: &[u8], version: PgVersion) -> bool {
    let below = |name: &[u8], directory: &[u8]| {
        name.strip_prefix(directory)
            .is_some_and(|rest| rest.starts_with(b"/"))
    };
    if name == CONTROL_FILE {
        return false;
    }
    match name.strip_prefix(PG_DATA) {
        Some([b'/', rest @ ..]) => FROM_STANDBY
            .into_iter()
            .chain([xact_dir(version)])
            .any(|directory| below(rest, directory.as_bytes())),
        _ => below(name, PG_TBLSPC),
    }
}

/// The hosts that a backup copies from.
#[derive(Debug, Clone)]
pub(super) struct SourceHosts {
    pub primary: Arc<dyn PgHost>,
    /// `None`: the primary delivers everything.
    pub standby: Option<Arc<dyn PgHost>>,
}

impl SourceHosts {
    /// The parts that are taken.
    pub(super) fn parts(&self) -> &'static [SourceHost] {
        match self.standby {
            Some(_) => &[SourceHost::Primary, SourceHost::Standby],
            None => &[SourceHost::Primary],
        }
    }

    /// The host with that part. Without a standby nothing is asked of one, see [`source_host`].
    pub(super) fn get(&self, part: SourceHost) -> &dyn PgHost {
        match (part, &self.standby) {
            (SourceHost::Standby, Some(standby)) => &**standby,
            _ => &*self.primary,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILES: [(&str, SourceHost); 12] = [
        ("pg_data/PG_VERSION", SourceHost::Primary),
        ("pg_data/base/5/1259", SourceHost::Standby),
        ("pg_data/base2/5/1259", SourceHost::Primary),
        ("pg_data/global/1262", SourceHost::Standby),
        ("pg_data/global/pg_control", SourceHost::Primary),
        ("pg_data/pg_multixact/members/0000", SourceHost::Standby),
        ("pg_data/pg_xact/0000", SourceHost::Standby),
        ("pg_data/pg_clog/0000", SourceHost::Primary),
        (
            "pg_data/pg_wal/000000010000000000000001",
            SourceHost::Primary,
        ),
        ("pg_data/postgresql.conf", SourceHost::Primary),
        ("pg_data/pg_tblspc/16400", SourceHost::Primary),
        ("pg_tblspc/16400/PG_17_202406281/5/1", SourceHost::Standby),
    ];

    #[test]
    fn a_standby_delivers_what_wal_replays_and_the_primary_the_rest() {
        for (name, expected) in FILES {
            let found = source_host(name.as_bytes(), PgVersion::V17, true);
            assert_eq!(found, expected, "{name}");
        }
        let old = |name: &str| source_host(name.as_bytes(), PgVersion::V9_6, true);
        assert_eq!(old("pg_data/pg_clog/0000"), SourceHost::Standby);
        assert_eq!(old("pg_data/pg_xact/0000"), SourceHost::Primary);
    }

    #[test]
    fn with_a_primary_alone_everything_comes_from_it() {
        for (name, _) in FILES {
            let found = source_host(name.as_bytes(), PgVersion::V17, false);
            assert_eq!(found, SourceHost::Primary, "{name}");
        }
    }
}
