//! The cluster that is backed up: a running one with its session, or a stopped one with its files alone.
//!
//! Dropping the source closes the session, and the server then ends the backup mode this session had begun. That is how
//! every failure and every signal leaves the cluster in peace.

use std::sync::Arc;
use std::time::Duration;

use pgkeep_postgres::control::ControlFile;
use pgkeep_postgres::data_dir;
use pgkeep_postgres::lsn::Lsn;
use pgkeep_postgres::session::Session;
use pgkeep_repo::pg_history::PgHistoryEntry;
use pgkeep_storage::{InfoLevel, StoragePath};

use super::from_standby::SourceHosts;
use super::settings::{Settings, UseStandby};
use super::standby::Standbys;
use crate::error::{Error, ErrorCode, Result};
use crate::hosts::{
    PgHost,
    cluster::{self, Cluster},
    clusters, pg_host,
};
use crate::run::Context;
use crate::run::cancel::HookGuard;
use crate::run::progress::Doing;

/// How often the cluster is asked whether it still is a primary.
const PING_INTERVAL_MS: i64 = 10_000;

/// Where the files come from.
pub(super) struct Source {
    pub host: Arc<dyn PgHost>,
    pub control: ControlFile,
    /// `None`: the cluster is backed up without asking PostgreSQL.
    cluster: Option<Cluster>,
    standbys: Standbys,
    /// Ends a waiting statement when the run is cancelled.
    _cancel: Option<HookGuard>,
    last_ping: i64,
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source")
            .field("host", &self.host)
            .field("control", &self.control)
            .finish_non_exhaustive()
    }
}

impl Source {
    /// Finds the primary and its standbys, or takes the first data directory when offline.
    ///
    /// # Errors
    /// [`ErrorCode::DbConnect`] without a primary or a standby that is wanted; whatever is wrong with the control file.
    pub(super) fn open(context: &Context, settings: &Settings) -> Result<Self> {
        if settings.online {
            let mut found = clusters::find_all(context)?;
            let primary = found.take_primary()?;
            let standbys = Standbys::find(context, settings, &primary, found)?;
            return Ok(Self::online(context, primary, standbys));
        }
        if settings.standby != UseStandby::No {
            log::warn!(
                "option backup-standby is enabled but backup is offline - backups will be performed from the primary"
            );
        }
        Self::stopped(context, pg_host::open(context, settings.pg_key)?)
    }

    /// A cluster that is not asked.
    ///
    /// # Errors
    /// Whatever is wrong with the control file.
    pub(super) fn stopped(context: &Context, host: Arc<dyn PgHost>) -> Result<Self> {
        let (control, _) = cluster::read_control(context, &*host)?;
        Ok(Self {
            host,
            control,
            cluster: None,
            standbys: Standbys::default(),
            _cancel: None,
            last_ping: 0,
        })
    }

    /// A running cluster and the standbys that may deliver its files.
    pub(super) fn online(context: &Context, cluster: Cluster, standbys: Standbys) -> Self {
        let handle = cluster.session.cancel_handle();
        Self {
            host: Arc::clone(&cluster.host),
            control: cluster.control,
            cluster: Some(cluster),
            standbys,
            _cancel: Some(context.cancel.on_cancel(move || handle.cancel())),
            last_ping: context.clock.milliseconds(),
        }
    }

    /// The session with the cluster; `None` when offline.
    pub(super) fn session(&mut self) -> Option<&mut dyn Session> {
        match &mut self.cluster {
            Some(cluster) => Some(&mut *cluster.session),
            None => None,
        }
    }

    /// The cluster must be the one the stanza is for.
    ///
    /// # Errors
    /// [`ErrorCode::BackupMismatch`].
    pub(super) fn check_stanza(&self, stanza: &PgHistoryEntry) -> Result<()> {
        let control = &self.control;
        if control.version.to_string() == stanza.version && control.system_id == stanza.system_id {
            return Ok(());
        }
        Err(Error::new(
            ErrorCode::BackupMismatch,
            format!(
                "PostgreSQL version {}, system-id {} do not match stanza version {}, system-id {}",
                control.version, control.system_id, stanza.version, stanza.system_id
            ),
        )
        .with_hint("is this the correct stanza?"))
    }

    /// Makes sure that a backup of this cluster makes sense: settings of a running one, no server on a stopped one.
    ///
    /// # Errors
    /// Those of [`cluster::check_same_cluster`] and [`cluster::check_archive_settings`]; [`ErrorCode::PgRunning`].
    pub(super) fn check_ready(&self, context: &Context, settings: &Settings) -> Result<()> {
        if let Some(cluster) = &self.cluster {
            cluster::check_same_cluster(cluster)?;
            return cluster::check_archive_settings(context, cluster);
        }
        let pid_file = StoragePath::from(data_dir::POSTMASTER_PID);
        if self.host.info(&pid_file, InfoLevel::Exists)?.is_none() {
            return Ok(());
        }
        if settings.force {
            log::warn!(
                "--no-online passed and postmaster.pid exists but --force was passed so backup will continue though it \
                 looks like PostgreSQL is running and the backup will probably not be consistent"
            );
            return Ok(());
        }
        Err(Error::new(
            ErrorCode::PgRunning,
            "--no-online passed but postmaster.pid exists - looks like PostgreSQL is running. Shut down PostgreSQL and \
             try again, or use --force.",
        ))
    }

    /// Seconds since 1970: the server's clock, or this host's when offline.
    ///
    /// # Errors
    /// When the server does not answer.
    pub(super) fn time(&mut self, context: &Context) -> Result<i64> {
        match self.session() {
            None => Ok(context.clock.seconds()),
            Some(session) => Ok(seconds(session.time_ms()?)),
        }
    }

    /// Waits until the server's clock shows the next second and returns the second before. A file that is changed from then
    /// on has a later modification time than any file listed before, so the next incremental sees the change.
    ///
    /// # Errors
    /// [`ErrorCode::Kernel`] when the clock does not move; [`ErrorCode::Term`] when the run was cancelled.
    pub(super) fn wait_for_next_second(&mut self, context: &Context) -> Result<i64> {
        let Some(session) = self.session() else {
            return Ok(context.clock.seconds());
        };
        let _doing = Doing::now(&context.progress, "waiting for the next second");
        let mut now = session.time_ms()?;
        let began = seconds(now);
        let mut tries = 0;
        while seconds(now) <= began {
            if tries == 3 {
                return Err(Error::new(
                    ErrorCode::Kernel,
                    format!(
                        "PostgreSQL clock has not advanced to the next second after {tries} tries"
                    ),
                ));
            }
            let left = 1000 - now.rem_euclid(1000);
            context.clock.sleep(Duration::from_millis(left));
            context.cancel.check()?;
            now = session.time_ms()?;
            tries += 1;
        }
        Ok(began)
    }

    /// Waits until a standby has all that was written before the backup began at `start`, if one is to deliver files. The
    /// primary's session is used meanwhile, so that nobody on the way takes it for abandoned.
    ///
    /// # Errors
    /// What is wrong with the standby, unless the primary will do; errors of the primary's session.
    pub(super) fn choose_standby(
        &mut self,
        context: &Context,
        settings: &Settings,
        start: Lsn,
    ) -> Result<()> {
        let Self {
            control,
            cluster,
            standbys,
            last_ping,
            ..
        } = self;
        standbys.choose(context, settings, start, control, &mut || match cluster {
            Some(cluster) if is_due(context, last_ping) => Ok(cluster.session.ping()?),
            _ => Ok(()),
        })
    }

    /// Whether a standby delivers files.
    pub(super) fn has_standby(&self) -> bool {
        self.standbys.host().is_some()
    }

    /// The hosts that files come from.
    pub(super) fn hosts(&self) -> SourceHosts {
        SourceHosts {
            primary: Arc::clone(&self.host),
            standby: self.standbys.host().cloned(),
        }
    }

    /// Makes sure, from time to time or at once with `now`, that the primary still is one, and the standby too.
    ///
    /// # Errors
    /// [`ErrorCode::DbMismatch`] when it is not, or errors of the query.
    pub(super) fn ping(&mut self, context: &Context, now: bool) -> Result<()> {
        if !is_due(context, &mut self.last_ping) && !now {
            return Ok(());
        }
        if let Some(session) = self.session() {
            session.ping()?;
        }
        self.standbys.ping()
    }

    /// Closes the session with the standby: all of its files are copied.
    pub(super) fn leave_standby(&mut self) {
        self.standbys = Standbys::default();
    }

    /// Closes the session: nothing more is asked.
    pub(super) fn disconnect(&mut self) {
        self.cluster = None;
    }
}

/// Whether the time for a ping has come; then the next is due after the interval.
fn is_due(context: &Context, last: &mut i64) -> bool {
    let now = context.clock.milliseconds();
    let due = now - *last >= PING_INTERVAL_MS;
    if due {
        *last = now;
    }
    due
}

fn seconds(milliseconds: u64) -> i64 {
    i64::try_from(milliseconds / 1000).unwrap_or(i64::MAX)
}
