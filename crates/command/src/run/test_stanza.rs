//! The cluster of stanza demo in unit tests, and manifests of its backups before they have files.

use pgkeep_repo::manifest::{
    BackupHeader, BackupOptions, PG_DATA, Path, PgInfo, Target, TargetKind,
};
use pgkeep_repo::pg_history::PgHistoryEntry;
use pgkeep_repo::{BackupLabel, Manifest, PgHistory};

const SYSTEM_ID: u64 = 7;
const VERSION: &str = "17";

/// What info files say of the cluster.
pub(crate) fn history() -> PgHistory {
    PgHistory::new(PgHistoryEntry {
        id: 1,
        system_id: SYSTEM_ID,
        version: VERSION.to_owned(),
        catalog_version: 202_406_281,
        control_version: 1700,
    })
}

/// The manifest of a backup with the data directory alone. It refers to the one before it.
pub(crate) fn manifest(
    label: &BackupLabel,
    header: BackupHeader,
    options: BackupOptions,
) -> Manifest {
    let pg = PgInfo {
        id: 1,
        system_id: SYSTEM_ID,
        version: VERSION.to_owned(),
        ..PgInfo::default()
    };
    let prior = header.prior.clone();
    let mut manifest = Manifest::new(header, pg, options);
    manifest.references.extend(prior);
    manifest.set_label(label.clone());
    manifest.add_path(Path {
        name: PG_DATA.to_vec(),
        mode: 0o700,
        user: None,
        group: None,
    });
    manifest.add_target(Target {
        name: PG_DATA.to_vec(),
        path: b"/pg".to_vec(),
        kind: TargetKind::Path,
    });
    manifest
}
