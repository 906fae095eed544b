//! Before the first change: a target that cannot be reached is refused, and who sits at the terminal is asked whether files may
//! be overwritten or removed.
//!
//! Only as `pgkeep`. Nobody is asked without a terminal, nor with `--force`, which says it already.

use super::plan::Plan;
use super::reach::Verdict;
use crate::error::{Error, ErrorCode, Result};

impl Plan<'_> {
    /// The error of a target that cannot be reached, if that is to stop the restore.
    pub(super) fn refused(&self) -> Option<Error> {
        let settings = self.settings;
        let refusal = self.forecast.as_ref()?.refusal(settings)?;
        if settings.target_check && !settings.forced {
            return Some(refusal);
        }
        log::warn!("{}; going on because this was asked for", refusal.message);
        None
    }

    /// Warns, refuses, asks.
    ///
    /// # Errors
    /// [`ErrorCode::BackupSetInvalid`] for a target that cannot be reached, [`ErrorCode::PathNotEmpty`] when the answer is no.
    pub(super) fn consent(&self) -> Result<()> {
        if let Some(refusal) = self.refused() {
            return Err(refusal);
        }
        if let Some(Verdict::Unsure(why)) = self.forecast.as_ref().map(|forecast| &forecast.verdict)
        {
            log::warn!("recovery may not reach its target: {why}");
        }
        for room in self.rooms.iter().filter(|room| room.is_short()) {
            log::warn!(
                "there may not be enough room in {}, see the plan",
                room.paths.join(", ")
            );
        }
        if !self.existing.is_touched() || self.settings.forced {
            return Ok(());
        }
        let question = format!(
            "{}\n\nFiles are about to be overwritten or removed. Go on? [y/N] ",
            self.text()
        );
        match self.context.prompt.ask(&question)? {
            None => Ok(()),
            Some(answer) if matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes") => Ok(()),
            Some(_) => Err(Error::new(
                ErrorCode::PathNotEmpty,
                "the restore was not confirmed, nothing has been changed",
            )
            .with_hint("--force does not ask, but overwrites every file (with --delta those with another size or time).")),
        }
    }
}
