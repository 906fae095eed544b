//! Is the segment in the archive already, and is it the same one?
//!
//! Two ways to ask: for one segment ([`stored_segment`]), and for many in turn ([`Listing`]).
//! A segment that is there with the same checksum was pushed before and is not stored again, once its bytes were found to
//! have that checksum ([`super::stored_content`]); with another checksum in its name it is of another history (two
//! primaries), and is never overwritten.

use std::sync::{Mutex, PoisonError};
use std::thread::{Scope, ScopedJoinHandle};
use std::time::{Duration, Instant};

use pgkeep_pipeline::Sha1Digest;
use pgkeep_repo::archive::{self, StoredSegment};
use pgkeep_repo::layout;
use pgkeep_storage::{InfoLevel, ListOptions};

use super::settings::Settings;
use super::target::{Target, panicked};
use crate::error::{Error, ErrorCode, Result};
use crate::run::Context;
use crate::wal::find::{self, WalFind};

/// What is to be done for one repository.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Presence {
    /// Store it.
    Missing,
    /// A file of that name is there; the warning, unless `archive-mode-check` is off.
    Same(Option<String>),
}

/// The segment in the archive of one repository; `None` when it is not there.
///
/// # Errors
/// Those of listing; [`ErrorCode::ArchiveDuplicate`] when there are several.
pub(super) fn stored_segment(
    context: &Context,
    settings: &Settings,
    target: &Target,
    segment: &str,
) -> Result<Option<StoredSegment>> {
    let storage = &*target.repository.storage;
    let mut find = WalFind::new(
        storage,
        &settings.stanza,
        &target.archive_id,
        Duration::ZERO,
    );
    find.wait_for(context, segment)
}

/// The answer of one repository to [`stored_segment`], perhaps still to come.
pub(super) enum Asked<'scope> {
    Known(Result<Option<StoredSegment>>),
    Coming(ScopedJoinHandle<'scope, Result<Option<StoredSegment>>>),
}

impl Asked<'_> {
    pub(super) fn is_pending(&self) -> bool {
        matches!(self, Self::Coming(thread) if !thread.is_finished())
    }

    /// Waits for it.
    pub(super) fn answer(self) -> Result<Option<StoredSegment>> {
        match self {
            Self::Known(answer) => answer,
            Self::Coming(thread) => thread.join().unwrap_or_else(|_| Err(panicked())),
        }
    }
}

/// Asks many repositories at once. Only a single one that answers at once is waited for.
pub(super) fn ask<'scope>(
    scope: &'scope Scope<'scope, '_>,
    context: &'scope Context,
    settings: &'scope Settings,
    targets: &'scope [Target],
    segment: &'scope str,
) -> Vec<Asked<'scope>> {
    if let [target] = targets
        && !target.repository.storage.has_latency()
    {
        let answer = stored_segment(context, settings, target, segment);
        return vec![Asked::Known(answer)];
    }
    let ask = |target| scope.spawn(move || stored_segment(context, settings, target, segment));
    targets
        .iter()
        .map(|target| Asked::Coming(ask(target)))
        .collect()
}

/// How long a listing of a slow repository is trusted. Only this cluster's background process pushes meanwhile; another
/// primary that pushes the same segment is noticed this much later.
const TRUSTED: Duration = Duration::from_secs(10);

/// The directory listed last in one repository, with the segments of a run asked one after the other.
///
/// A local directory is listed for every segment; where that costs round trips, the last listing serves for a while.
#[derive(Debug, Default)]
pub(super) struct Listing(Mutex<Option<(Instant, String, Vec<String>)>>);

impl Listing {
    /// As [`stored_segment`].
    pub(super) fn stored_segment(
        &self,
        context: &Context,
        settings: &Settings,
        target: &Target,
        segment: &str,
    ) -> Result<Option<StoredSegment>> {
        let storage = &*target.repository.storage;
        if !storage.has_latency() {
            return stored_segment(context, settings, target, segment);
        }
        let directory = segment.get(..16).unwrap_or(segment);
        // Held while listing: the other workers want the same listing.
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !last
            .as_ref()
            .is_some_and(|(when, listed, _)| listed == directory && when.elapsed() < TRUSTED)
        {
            let path = layout::wal_path(&settings.stanza, &target.archive_id, directory);
            let options = ListOptions {
                level: InfoLevel::Exists,
                ..ListOptions::default()
            };
            let names = storage.list(&path, &options)?.unwrap_or_default();
            let names = names
                .into_iter()
                .map(|info| info.name.to_string())
                .collect();
            *last = Some((Instant::now(), directory.to_owned(), names));
        }
        let names = last.as_ref().map_or(&[][..], |(_, _, names)| names);
        let found = archive::find_segment(segment, names.iter().map(String::as_str));
        find::the_only_one(segment, found)
    }
}

/// Compares what is stored with what is to be pushed.
///
/// # Errors
/// [`ErrorCode::ArchiveDuplicate`] when they differ.
pub(super) fn judge(
    settings: &Settings,
    target: &Target,
    segment: &str,
    stored: Option<&StoredSegment>,
    checksum: Sha1Digest,
) -> Result<Presence> {
    let Some(stored) = stored else {
        return Ok(Presence::Missing);
    };
    let repository = target.repository.name();
    if stored.checksum == checksum.to_string() {
        let warning = format!(
            "WAL file '{segment}' already exists in the {repository} archive with the same checksum\n\
             HINT: this is valid in some recovery scenarios but may also indicate a problem."
        );
        return Ok(Presence::Same(settings.mode_check.then_some(warning)));
    }
    Err(Error::new(
        ErrorCode::ArchiveDuplicate,
        format!(
            "WAL file '{segment}' already exists in the {repository} archive with a different checksum"
        ),
    ))
}
