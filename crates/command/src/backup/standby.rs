//! The standby of a backup: which of those found may serve, which one does, and whether it still is one.
//!
//! A standby serves once it has replayed, and has on disk, everything up to the start of the backup, on the primary's
//! timeline and for the primary's system identifier. Its session stays open while files are copied and is asked from time to
//! time: a standby that was promoted writes what the primary never had.

use std::sync::Arc;

use pgkeep_config::Program;
use pgkeep_postgres::control::ControlFile;
use pgkeep_postgres::lsn::Lsn;
use pgkeep_postgres::session::replay::{self, Patience};
use pgkeep_postgres::{Error as PgError, ErrorKind};

use super::settings::{Settings, UseStandby};
use crate::error::{Error, ErrorCode, Result};
use crate::hosts::PgHost;
use crate::hosts::cluster::{self, Cluster};
use crate::hosts::clusters::Clusters;
use crate::run::Context;
use crate::run::cancel::HookGuard;
use crate::run::progress::Doing;

/// pgBackRest's warning of a run that would rather have had a standby.
const NONE_FOUND: &str = "unable to find a standby to perform the backup, using primary instead";

/// Standbys that may serve, later the one that does.
#[derive(Default)]
pub(super) struct Standbys {
    /// In the order in which they are tried.
    candidates: Vec<Follower>,
    chosen: Option<Follower>,
}

/// One standby with its session.
struct Follower {
    cluster: Cluster,
    /// Ends a waiting statement when the run is cancelled.
    _cancel: HookGuard,
}

impl std::fmt::Debug for Standbys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Standbys")
            .field("chosen", &self.host())
            .finish_non_exhaustive()
    }
}

impl Standbys {
    /// The standbys of the primary among those found.
    ///
    /// # Errors
    /// [`ErrorCode::DbConnect`] when there is none and one was asked for; [`ErrorCode::DbMismatch`] for one that is of another
    /// cluster, unless the primary will do.
    pub(super) fn find(
        context: &Context,
        settings: &Settings,
        primary: &Cluster,
        found: Clusters,
    ) -> Result<Self> {
        let mut candidates = Vec::new();
        if settings.standby == UseStandby::No {
            return Ok(Self::default());
        }
        let reach_hint = found.reach_hint();
        for standby in found.standbys {
            let fits = cluster::check_same_cluster(&standby)
                .and_then(|()| cluster::check_follows(primary, &standby));
            match fits {
                Ok(()) => candidates.push(Follower::new(context, standby)),
                Err(error) if settings.standby == UseStandby::Yes => return Err(error),
                Err(error) => warn_of(&standby, &error),
            }
        }
        if candidates.is_empty() {
            if settings.standby == UseStandby::Yes {
                let error = Error::new(
                    ErrorCode::DbConnect,
                    "unable to find standby cluster - cannot proceed",
                );
                return Err(match reach_hint {
                    Some(hint) => error.with_hint(hint),
                    None => error.with_hint(
                        "is a standby configured for this stanza (pg2-path, …), and does it run in recovery? With backup-standby=prefer the primary would do.",
                    ),
                });
            }
            log::warn!("{NONE_FOUND}");
        }
        Ok(Self {
            candidates,
            chosen: None,
        })
    }

    /// Waits until one has replayed up to the start of the backup. Others are let go. `primary`: its control file;
    /// `keep_alive` is called while waiting.
    ///
    /// # Errors
    /// What is wrong with the last one, unless the primary will do; errors of `keep_alive`.
    pub(super) fn choose(
        &mut self,
        context: &Context,
        settings: &Settings,
        start: Lsn,
        primary: &ControlFile,
        keep_alive: &mut dyn FnMut() -> Result<()>,
    ) -> Result<()> {
        let candidates = std::mem::take(&mut self.candidates);
        let mut left = candidates.len();
        let _doing = (left > 0).then(|| Doing::now(&context.progress, "waiting for the standby"));
        let patience = Patience {
            timeout: settings.archive_timeout,
            renewed: settings.standby == UseStandby::Yes,
        };
        for mut follower in candidates {
            left -= 1;
            log::info!("wait for replay on the standby to reach {start}");
            match follower.catch_up(context, start, primary, patience, keep_alive)? {
                Ok(()) => {
                    log::info!("replay on the standby reached {start}");
                    if context.config.program() == Program::PgKeep {
                        log::info!("copy files from the standby {}", follower.cluster.name());
                    }
                    self.chosen = Some(follower);
                    return Ok(());
                }
                Err(error) if left == 0 && settings.standby == UseStandby::Yes => {
                    return Err(error);
                }
                Err(error) => warn_of(&follower.cluster, &error),
            }
            if left == 0 {
                log::warn!("{NONE_FOUND}");
            }
        }
        Ok(())
    }

    /// The host of the one that was chosen.
    pub(super) fn host(&self) -> Option<&Arc<dyn PgHost>> {
        self.chosen.as_ref().map(|follower| &follower.cluster.host)
    }

    /// Makes sure that the one that was chosen still is a standby.
    ///
    /// # Errors
    /// [`ErrorCode::DbMismatch`] when it is not, or errors of the query.
    pub(super) fn ping(&mut self) -> Result<()> {
        let Some(Follower { cluster, .. }) = &mut self.chosen else {
            return Ok(());
        };
        cluster.session.ping().map_err(|error| {
            Error::from(error).with_hint(format!(
                "files were copied from {}: run the backup again when a standby follows the primary, or with --no-backup-standby.",
                cluster.name()
            ))
        })
    }
}

impl Follower {
    fn new(context: &Context, cluster: Cluster) -> Self {
        let handle = cluster.session.cancel_handle();
        Self {
            cluster,
            _cancel: context.cancel.on_cancel(move || handle.cancel()),
        }
    }

    /// Waits until its files have everything up to the start of the backup. What is wrong with it is the value, an error ends
    /// the run.
    fn catch_up(
        &mut self,
        context: &Context,
        start: Lsn,
        primary: &ControlFile,
        patience: Patience,
        keep_alive: &mut dyn FnMut() -> Result<()>,
    ) -> Result<std::result::Result<(), Error>> {
        let checkpoint = self.cluster.control.checkpoint;
        if checkpoint > start {
            // It cannot be following the primary.
            return Ok(Err(Error::new(
                ErrorCode::DbMismatch,
                format!("standby checkpoint '{checkpoint}' is ahead of target '{start}'"),
            )));
        }
        let mut ends_run = None;
        let waited = replay::wait(&mut *self.cluster.session, start, patience, &mut |pause| {
            context.clock.sleep(pause);
            context
                .cancel
                .check()
                .and_then(|()| keep_alive())
                .map_err(|error| {
                    ends_run = Some(error);
                    PgError::new(ErrorKind::Cancelled, "the run has ended")
                })
        });
        if let Some(error) = ends_run {
            return Err(error);
        }
        // A signal ends the statement that is running.
        context.cancel.check()?;
        Ok(waited
            .map_err(Error::from)
            .and_then(|()| self.check_control(context, primary)))
    }

    /// The checkpoint may have brought another timeline.
    fn check_control(&mut self, context: &Context, primary: &ControlFile) -> Result<()> {
        let (control, _) = cluster::read_control(context, &*self.cluster.host)?;
        if control.timeline == primary.timeline {
            return Ok(());
        }
        Err(Error::new(
            ErrorCode::DbMismatch,
            format!(
                "standby is on timeline {} but expected {}",
                control.timeline.0, primary.timeline.0
            ),
        ))
    }
}

fn warn_of(standby: &Cluster, error: &Error) {
    log::warn!(
        "unable to use standby {}: {}",
        standby.name(),
        error.named_text()
    );
}
