//! From the cluster to the manifest that says what is to be copied: listing, comparison with the prior backup.

use std::os::unix::ffi::OsStrExt;

use pgkeep_repo::BackupInfo;
use pgkeep_repo::manifest::Manifest;
use pgkeep_repo::manifest::build::{self, BuildSettings, Notice, TablespaceName};

use super::cluster::Source;
use super::plan::Plan;
use super::settings::Settings;
use super::start::Started;
use crate::error::Result;

/// Lists the cluster. `start_time`: when the backup began, seconds since 1970.
///
/// # Errors
/// Links that lead where they must not; errors of listing.
pub(super) fn build(
    settings: &Settings,
    plan: &Plan,
    info: &BackupInfo,
    source: &Source,
    started: &Started,
    start_time: i64,
) -> Result<Manifest> {
    let stanza = info.history.current();
    let tablespaces = started.tablespaces.as_ref().map(|tablespaces| {
        let name = |tablespace: &pgkeep_postgres::session::Tablespace| TablespaceName {
            oid: tablespace.oid,
            name: tablespace.name.clone().into_bytes(),
        };
        tablespaces.iter().map(name).collect()
    });
    let build_settings = BuildSettings {
        pg_path: source.host.path().as_os_str().as_bytes().to_vec(),
        version: source.control.version,
        catalog_version: stanza.catalog_version,
        control_version: stanza.control_version,
        timestamp_start: start_time,
        online: settings.online,
        checksum_page: plan.checksum_page,
        bundle: settings.bundle.is_some(),
        block: settings.block.as_ref().map(|block| block.rules.clone()),
        exclude: settings
            .exclude
            .iter()
            .map(|name| name.clone().into_bytes())
            .collect(),
        tablespaces,
    };
    let built = build::build(source.host.listing(), &build_settings)?;
    for notice in &built.notices {
        match notice {
            Notice::Info(text) => log::info!("{text}"),
            Notice::Warn(text) => log::warn!("{text}"),
        }
    }
    let mut manifest = built.manifest;
    manifest.pg.id = stanza.id;
    manifest.pg.system_id = stanza.system_id;
    Ok(manifest)
}

/// Marks what need not be copied, and switches to comparison by checksum where times cannot be trusted.
///
/// # Errors
/// A prior manifest that is not one of a finished backup.
pub(super) fn compare(
    plan: &mut Plan,
    manifest: &mut Manifest,
    prior: Option<Manifest>,
    before_copy: i64,
    started: &Started,
) -> Result<()> {
    if let Some(warning) = manifest.start_copy(plan.delta, before_copy, plan.compress) {
        log::warn!("{warning}");
    }
    if let Some(prior) = prior {
        let archive_start = started.wal_file.map(|segment| segment.to_string());
        for warning in manifest.increment(prior, plan.backup_type, archive_start.as_deref())? {
            log::warn!("{warning}");
        }
    }
    plan.delta = manifest.options.delta.unwrap_or(plan.delta);
    Ok(())
}
