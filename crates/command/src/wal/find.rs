//! Waiting for WAL segments to arrive in the archive of a repository.

use std::time::{Duration, Instant};

use pgkeep_repo::archive::{self, StoredSegment};
use pgkeep_repo::{ArchiveId, Stanza, layout};
use pgkeep_storage::{InfoLevel, ListOptions, Storage};

use crate::error::{Error, ErrorCode, Result};
use crate::locks::stop_file;
use crate::run::context::Context;
use crate::run::progress::Doing;

/// First pause between two searches; each later one is longer, up to [`LONGEST_WAIT`].
const FIRST_WAIT: Duration = Duration::from_millis(50);
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// Searches segments in one archive; keeps the last listing, as consecutive segments share a directory.
#[derive(Debug)]
pub struct WalFind<'a> {
    pub storage: &'a dyn Storage,
    pub stanza: &'a Stanza,
    pub archive_id: &'a ArchiveId,
    /// How long to wait for a segment (`archive-timeout`); zero: search once.
    pub timeout: Duration,
    listing: Option<(String, Vec<String>)>,
}

impl<'a> WalFind<'a> {
    #[must_use]
    pub fn new(
        storage: &'a dyn Storage,
        stanza: &'a Stanza,
        archive_id: &'a ArchiveId,
        timeout: Duration,
    ) -> Self {
        Self {
            storage,
            stanza,
            archive_id,
            timeout,
            listing: None,
        }
    }

    /// The stored file of a segment, waiting for it up to the timeout. With a timeout of zero `Ok(None)` says it is not there.
    ///
    /// # Errors
    /// [`ErrorCode::ArchiveTimeout`] when it did not arrive, [`ErrorCode::ArchiveDuplicate`] when there are several.
    pub fn wait_for(&mut self, context: &Context, segment: &str) -> Result<Option<StoredSegment>> {
        self.wait_for_and(context, segment, &mut || Ok(()))
    }

    /// The same, and `meanwhile` is called once a second, so that sessions are used and seen to live.
    ///
    /// # Errors
    /// Those of [`Self::wait_for`] and of `meanwhile`.
    pub fn wait_for_and(
        &mut self,
        context: &Context,
        segment: &str,
        meanwhile: &mut dyn FnMut() -> Result<()>,
    ) -> Result<Option<StoredSegment>> {
        let began = Instant::now();
        let mut asked = began;
        let mut pause = FIRST_WAIT;
        let _doing = Doing::now(
            &context.progress,
            &format!("waiting for WAL segment {segment} to be archived"),
        );
        loop {
            context.cancel.check()?;
            if asked.elapsed() >= LONGEST_WAIT {
                asked = Instant::now();
                meanwhile()?;
            }
            if let Some(found) = self.search(segment)? {
                return Ok(Some(found));
            }
            if self.timeout.is_zero() {
                return Ok(None);
            }
            if began.elapsed() >= self.timeout {
                let error = not_archived(segment, self.timeout);
                // Made since the command began.
                return Err(match stop_file::check(context) {
                    Err(stopped) if stopped.code == ErrorCode::Stop => {
                        error.with_hint(format!("{} now.", stopped.message))
                    }
                    _ => error,
                });
            }
            // What was listed does not hold the segment: list again after the pause.
            self.listing = None;
            context.clock.sleep(pause.min(self.timeout));
            pause = (pause * 2).min(LONGEST_WAIT);
        }
    }

    fn search(&mut self, segment: &str) -> Result<Option<StoredSegment>> {
        let directory = archive::wal_directory(segment).ok_or_else(|| {
            Error::new(
                ErrorCode::Assert,
                format!("'{segment}' is not the name of a WAL segment"),
            )
        })?;
        if self
            .listing
            .as_ref()
            .is_none_or(|(listed, _)| listed != directory)
        {
            let path = layout::wal_path(self.stanza, self.archive_id, directory);
            let options = ListOptions {
                level: InfoLevel::Exists,
                ..ListOptions::default()
            };
            let names = self.storage.list(&path, &options)?.unwrap_or_default();
            let names = names
                .into_iter()
                .map(|info| info.name.to_string())
                .collect();
            self.listing = Some((directory.to_owned(), names));
        }
        let names = self.listing.as_ref().map_or(&[][..], |(_, names)| names);
        the_only_one(
            segment,
            archive::find_segment(segment, names.iter().map(String::as_str)),
        )
    }
}

/// The one stored file of a segment, of all that were found.
///
/// # Errors
/// [`ErrorCode::ArchiveDuplicate`] when there are several.
pub fn the_only_one(segment: &str, mut found: Vec<StoredSegment>) -> Result<Option<StoredSegment>> {
    if found.len() > 1 {
        let list: Vec<String> = found.iter().map(ToString::to_string).collect();
        return Err(Error::new(
            ErrorCode::ArchiveDuplicate,
            format!(
                "duplicates found in archive for WAL segment {segment}: {}",
                list.join(", ")
            ),
        )
        .with_hint("are multiple primaries archiving to this stanza?"));
    }
    Ok(found.pop())
}

fn not_archived(segment: &str, timeout: Duration) -> Error {
    Error::new(
        ErrorCode::ArchiveTimeout,
        format!(
            "WAL segment {segment} was not archived before the {}ms timeout",
            timeout.as_millis()
        ),
    )
    .with_hint(
        "check the archive_command to ensure that all options are correct (especially --stanza).",
    )
    .with_hint("check the PostgreSQL server log for errors.")
    .with_hint("run the 'start' command if the stanza was previously stopped.")
}
