//! The stop of a backup: the server's stop function and the files it returns.

use std::io::Write;

use pgkeep_pipeline::{CompressType, Pipeline, Report, Stage};
use pgkeep_postgres::data_dir::{BACKUP_LABEL, TABLESPACE_MAP};
use pgkeep_postgres::lsn::Lsn;
use pgkeep_postgres::wal::segment::WalSegment;
use pgkeep_repo::layout::{self, StoredAs};
use pgkeep_repo::manifest::{FileData, Manifest, PG_DATA};
use pgkeep_storage::{Ticket, WriteOptions};

use super::cluster::Source;
use super::plan::Plan;
use super::settings::Settings;
use crate::detail;
use crate::error::{Error, ErrorCode, Result};
use crate::hosts::Repository;
use crate::run::Context;
use crate::run::progress::Doing;

/// Mode bits that a file made by us may take over from the data directory: no execution, no writing by others.
const FILE_MODE: u32 = 0o644;

/// What the server said at the stop; only the time for an offline backup.
#[derive(Debug)]
pub(super) struct Stopped {
    pub lsn: Option<Lsn>,
    pub wal_file: Option<WalSegment>,
    /// Seconds since 1970.
    pub time: i64,
    /// Files that are on their way.
    pub tickets: Vec<Ticket>,
}

/// Stops the backup and stores what the server returns, since a restored cluster cannot start without.
///
/// # Errors
/// What the server answers; errors of storing.
pub(super) fn stop(
    context: &Context,
    settings: &Settings,
    plan: &Plan,
    repository: &Repository,
    source: &mut Source,
    manifest: &mut Manifest,
) -> Result<Stopped> {
    let Some(session) = source.session() else {
        return Ok(Stopped {
            lsn: None,
            wal_file: None,
            time: context.clock.seconds(),
            tickets: Vec::new(),
        });
    };
    log::info!("execute backup stop and wait for all WAL segments to archive");
    let doing = Doing::now(
        &context.progress,
        "waiting for the server to end the backup",
    );
    let version = session.server_version();
    let stopped = session.stop_backup()?;
    drop(doing);
    let time = i64::try_from(stopped.time_ms / 1000).unwrap_or(i64::MAX);
    log::info!(
        "backup stop archive = {}, lsn = {}",
        stopped.wal_file,
        stopped.lsn.as_printed_by(version)
    );
    let files = [
        (BACKUP_LABEL, Some(&stopped.backup_label)),
        (TABLESPACE_MAP, stopped.tablespace_map.as_ref()),
    ];
    let mut tickets = Vec::new();
    for (name, content) in files {
        if let Some(content) = content {
            tickets.push(put(
                settings,
                plan,
                repository,
                manifest,
                name,
                content.as_bytes(),
                time,
            )?);
            detail!("wrote '{name}' file returned from backup stop function");
        }
    }
    Ok(Stopped {
        lsn: Some(stopped.lsn),
        wal_file: Some(stopped.wal_file),
        time,
        tickets,
    })
}

/// Owner and mode of files that are not in the data directory: those of the directory.
pub(super) fn base_attributes(manifest: &Manifest) -> FileData {
    manifest
        .path(PG_DATA)
        .map_or_else(FileData::default, |base| FileData {
            mode: base.mode & FILE_MODE,
            user: base.user,
            group: base.group,
            ..FileData::default()
        })
}

/// Begins to store one file of the data directory, and adds it to the manifest.
fn put(
    settings: &Settings,
    plan: &Plan,
    repository: &Repository,
    manifest: &mut Manifest,
    name: &str,
    content: &[u8],
    time: i64,
) -> Result<Ticket> {
    let lost = || Error::new(ErrorCode::Assert, "the manifest has no label yet");
    let label = manifest.backup.label.clone().ok_or_else(lost)?;
    let name = [PG_DATA, b"/", name.as_bytes()].concat();
    let target = layout::backup_file(
        &settings.stanza,
        &label,
        &name,
        StoredAs::Whole(plan.compress.extension()),
    );
    let mut stages = vec![Stage::Sha1];
    if plan.compress != CompressType::None {
        stages.push(Stage::Compress {
            kind: plan.compress,
            level: plan.level,
            raw: false,
        });
    }
    if let Some(pass) = &manifest.cipher_pass {
        stages.push(Stage::Encrypt {
            pass: pass.clone(),
            raw: false,
        });
    }
    let plain = stages.len() == 1;
    stages.extend([Stage::Sha1, Stage::Size]);
    let mut running = Pipeline::new(stages).start(settings.buffer_bytes());
    let mut stored = Vec::new();
    running.push(content, &mut stored)?;
    let reports = running.finish(&mut stored)?;
    // Atomic, unlike data files: a rest of it must not look like the file the server starts from.
    let mut write = repository
        .storage
        .open_write(&target, &WriteOptions::default())?;
    write.write_all(&stored)?;
    let ticket = write.finish()?;
    let mut checksums = reports.iter().filter_map(Report::sha1);
    let checksum = checksums.next();
    let data = FileData {
        size: content.len() as u64,
        size_original: content.len() as u64,
        repo_size: stored.len() as u64,
        timestamp: time,
        checksum,
        repo_checksum: if plain { None } else { checksums.next() },
        ..base_attributes(manifest)
    };
    manifest.add_file(&name, &data);
    Ok(ticket)
}
