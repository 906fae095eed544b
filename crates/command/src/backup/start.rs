//! The start of a backup: the server's start function, and the proof that WAL reaches the archive before anything is copied.

use std::sync::Arc;

use pgkeep_postgres::lsn::Lsn;
use pgkeep_postgres::session::{BACKUP_LABEL, Database, Tablespace};
use pgkeep_postgres::wal::segment::WalSegment;

use super::archive::Archive;
use super::cluster::Source;
use super::settings::Settings;
use crate::error::{Error, ErrorCode, Result};
use crate::hosts::{Repository, cluster};
use crate::run::Context;
use crate::run::progress::Doing;

/// What the server said at the start; empty for an offline backup.
#[derive(Debug, Default)]
pub(super) struct Started {
    pub lsn: Option<Lsn>,
    pub wal_file: Option<WalSegment>,
    pub databases: Vec<Database>,
    /// `None`: the server was not asked.
    pub tablespaces: Option<Vec<Tablespace>>,
}

/// Starts the backup.
///
/// # Errors
/// Whatever [`Source::check_ready`] and [`Source::choose_standby`] find, what the server answers, [`ErrorCode::DbMismatch`] when what it says and what is
/// on disk do not fit, and the errors of waiting for a segment.
pub(super) fn start(
    context: &Context,
    settings: &Settings,
    repository: &Repository,
    archive: Option<&Archive>,
    source: &mut Source,
) -> Result<Started> {
    source.check_ready(context, settings)?;
    let (host, timeline) = (Arc::clone(&source.host), source.control.timeline);
    let Some(session) = source.session() else {
        return Ok(Started::default());
    };
    let kind = if settings.start_fast {
        "requested immediate"
    } else {
        "next regular"
    };
    log::info!("execute backup start: backup begins after the {kind} checkpoint completes");
    let (timeout, checkpoint_timeout) = (session.timeout(), session.checkpoint_timeout());
    if !settings.start_fast && timeout <= checkpoint_timeout {
        log::warn!(
            "start-fast is disabled and db-timeout ({}s) is smaller than the PostgreSQL checkpoint_timeout ({}s) - \
             timeout may occur before the backup starts",
            timeout.as_secs(),
            checkpoint_timeout.as_secs()
        );
    }
    let before = if archive.is_some() {
        Some(session.current_wal_file()?)
    } else {
        None
    };
    let doing = Doing::now(
        &context.progress,
        if settings.start_fast {
            "waiting for the checkpoint"
        } else {
            "waiting for the next regular checkpoint (start-fast is off)"
        },
    );
    let started = session.start_backup(BACKUP_LABEL, settings.start_fast)?;
    drop(doing);
    // The server and the directory must be the same cluster: its checkpoint is then in the control file on disk.
    let (control, _) = cluster::read_control(context, &*host)?;
    if control.checkpoint < started.lsn {
        return Err(Error::new(
            ErrorCode::DbMismatch,
            format!(
                "current checkpoint '{}' is less than backup start '{}'",
                control.checkpoint, started.lsn
            ),
        ));
    }
    if before == Some(started.wal_file) {
        // Nothing was written since the last switch, so the start did not switch either: force one, to see it archived.
        session.switch_wal_for_archive()?;
    }
    if started.wal_file.timeline != timeline {
        return Err(Error::new(
            ErrorCode::DbMismatch,
            format!(
                "WAL timeline {} does not match pg_control timeline {}",
                started.wal_file.timeline.0, timeline.0
            ),
        ));
    }
    let databases = session.databases()?;
    let tablespaces = session.tablespaces()?;
    log::info!(
        "backup start archive = {}, lsn = {}",
        started.wal_file,
        started.lsn.as_printed_by(control.version)
    );
    source.choose_standby(context, settings, started.lsn)?;
    if let (Some(archive), Some(segment)) = (archive, before) {
        // Archiving that does not work would fail the backup at its end; better to know now.
        let prior = if segment == started.wal_file {
            ""
        } else {
            "prior "
        };
        log::info!("check archive for {prior}segment {segment}");
        archive.finder(settings, repository).wait_for_and(
            context,
            &segment.to_string(),
            &mut || source.ping(context, false),
        )?;
    }
    Ok(Started {
        lsn: Some(started.lsn),
        wal_file: Some(started.wal_file),
        databases,
        tablespaces: Some(tablespaces),
    })
}
