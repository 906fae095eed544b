//! One cluster of a run: its server, its data directory and what its control file says.
//!
//! A cluster is only used when the server behind the socket and the data directory on disk are the same;
//! otherwise a backup would be of another cluster than the one that was told to start it.

use std::sync::Arc;
use std::time::Duration;

use pgkeep_config::option;
use pgkeep_postgres::PgVersion;
use pgkeep_postgres::control::{self, ControlFile};
use pgkeep_postgres::session::Session;
use pgkeep_storage::StoragePath;

use crate::error::{Error, ErrorCode, Result};
use crate::hosts::repository::append_only::archiving_program;
use crate::hosts::{PgHost, pg_host};
use crate::report::advice;
use crate::run::context::Context;

/// Name of the control file inside a data directory.
pub const PG_CONTROL: &str = "global/pg_control";

/// Bytes of the control file, which a backup stores whole.
const CONTROL_SIZE: u64 = 8192;

/// A running cluster with its data directory, session and control file.
pub struct Cluster {
    pub host: Arc<dyn PgHost>,
    pub session: Box<dyn Session>,
    pub control: ControlFile,
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cluster")
            .field("host", &self.host)
            .field("control", &self.control)
            .finish_non_exhaustive()
    }
}

impl Cluster {
    /// `pg2 ('/pg/data')`, for messages.
    #[must_use]
    pub fn name(&self) -> String {
        format!("pg{} ('{}')", self.host.key(), self.host.path().display())
    }
}

/// The version every cluster is taken for (`pg-version-force`).
///
/// # Errors
/// [`ErrorCode::OptionInvalidValue`] when it is not a known version.
pub fn forced_version(context: &Context) -> Result<Option<PgVersion>> {
    let config = &context.config;
    match config.string(option::PG_VERSION_FORCE) {
        None => Ok(None),
        Some(text) => text.parse().map(Some).map_err(|_| {
            Error::new(
                ErrorCode::OptionInvalidValue,
                format!("'{text}' is not valid for 'pg-version-force' option"),
            )
        }),
    }
}

/// The control file of a data directory and its image of 8192 bytes as it is stored in a backup.
///
/// The server may be writing it: after a failure it is read again until two reads give the same bytes.
///
/// # Errors
/// When it cannot be read, or is damaged, or is of a version that is not known.
pub fn read_control(context: &Context, host: &dyn PgHost) -> Result<(ControlFile, Vec<u8>)> {
    let force = forced_version(context)?;
    let mut last: Option<Vec<u8>> = None;
    loop {
        let bytes = host.read_small(&StoragePath::from(PG_CONTROL), CONTROL_SIZE)?;
        match ControlFile::parse(&bytes, force) {
            Ok(control) => return Ok((control, control::padded(&bytes)?)),
            Err(error) if last.as_deref() == Some(&bytes) => return Err(error.into()),
            Err(_) => {
                last = Some(bytes);
                context.clock.sleep(Duration::from_millis(50));
            }
        }
    }
}

/// Connects to one cluster and makes sure that server and data directory belong together.
///
/// # Errors
/// [`ErrorCode::DbConnect`], or [`ErrorCode::DbMismatch`] when they do not.
pub fn connect(context: &Context, key: u32) -> Result<Cluster> {
    let host = pg_host::open(context, key)?;
    let session = host.connect()?;
    let (control, _) = read_control(context, &*host)?;
    Ok(Cluster {
        host,
        session,
        control,
    })
}

/// Version and data directory as the server says them must be those of the control file and of the option.
///
/// # Errors
/// [`ErrorCode::DbMismatch`].
pub fn check_same_cluster(cluster: &Cluster) -> Result<()> {
    let (session, control) = (&cluster.session, &cluster.control);
    let path = cluster.host.path().to_string_lossy();
    if session.server_version() == control.version
        && same_directory(session.data_directory(), &path)
    {
        return Ok(());
    }
    Err(Error::new(
        ErrorCode::DbMismatch,
        format!(
            "version '{}' and path '{}' queried from cluster do not match version '{}' and '{path}' read from '{path}/{PG_CONTROL}'",
            session.server_version(),
            session.data_directory(),
            control.version,
        ),
    )
    .with_hint(format!("the pg{0}-path and pg{0}-port settings likely reference different clusters.", cluster.host.key())))
}

/// A standby must be one of the primary's: pgBackRest takes any, and then backs up the files of a foreign cluster.
///
/// # Errors
/// [`ErrorCode::DbMismatch`].
pub fn check_follows(primary: &Cluster, standby: &Cluster) -> Result<()> {
    let (of_primary, of_standby) = (&primary.control, &standby.control);
    let difference = if of_standby.system_id != of_primary.system_id {
        format!(
            "system identifier {} does not match {}",
            of_standby.system_id, of_primary.system_id
        )
    } else if of_standby.version != of_primary.version {
        format!(
            "version {} does not match {}",
            of_standby.version, of_primary.version
        )
    } else {
        return Ok(());
    };
    Err(Error::new(
        ErrorCode::DbMismatch,
        format!(
            "standby {} is of another cluster than primary {}: {difference}",
            standby.name(),
            primary.name()
        ),
    )
    .with_hint(format!(
        "are pg{0}-path, pg{0}-port and pg{0}-socket-path those of a standby of pg{1}?",
        standby.host.key(),
        primary.host.key()
    )))
}

/// A link to the data directory counts as the directory.
fn same_directory(a: &str, b: &str) -> bool {
    let trim = |path: &str| path.trim_end_matches('/').to_owned();
    trim(a) == trim(b)
}

/// Settings without which no WAL reaches the archive.
///
/// # Errors
/// [`ErrorCode::ArchiveDisabled`], [`ErrorCode::FeatureNotSupported`], [`ErrorCode::ArchiveCommandInvalid`].
pub fn check_archive_settings(context: &Context, cluster: &Cluster) -> Result<()> {
    let config = &context.config;
    if cluster.session.is_standby() || !config.boolean(option::ARCHIVE_CHECK) {
        return Ok(());
    }
    match cluster.session.archive_mode() {
        "off" => {
            return Err(Error::new(
                ErrorCode::ArchiveDisabled,
                "archive_mode must be enabled",
            )
            .with_hint(
                "in the server: alter system set archive_mode = on; this takes effect when the server is restarted.",
            ));
        }
        "always" if config.boolean(option::ARCHIVE_MODE_CHECK) => {
            return Err(Error::new(
                ErrorCode::FeatureNotSupported,
                "archive_mode=always not supported",
            )
            .with_hint(
                "set archive_mode = on and restart the server; with --no-archive-mode-check only if no standby archives to this stanza.",
            ));
        }
        _ => {}
    }
    let command = cluster.session.archive_command();
    let program = archiving_program(config);
    if command.contains("pgbackrest") {
        return Ok(());
    }
    if command.contains("pgkeep") {
        if program == "pgbackrest" {
            log::warn!(
                "archive_command of {} does not contain pgbackrest\n\
                 HINT: pgBackRest refuses to back up this cluster; archive through a link named pgbackrest to keep the way back open.",
                cluster.name()
            );
        }
        return Ok(());
    }
    let shown = if command.is_empty() {
        "[null]"
    } else {
        command
    };
    Err(Error::new(
        ErrorCode::ArchiveCommandInvalid,
        format!("archive_command '{shown}' must contain pgbackrest"),
    )
    .with_hint(format!(
        "in the server: {}",
        advice::set_archive_command(program, context.stanza()?)
    )))
}
