//! Is the segment in the archive already, and is it the same one?
//!
//! Two ways to find out: for one segment ([`stored_segment`]), and for many in turn ([`Listing`]). With another checksum in its
//! name it is of another history (two primaries), and is never overwritten. With the same checksum it was pushed before and is
//! not stored again, once its bytes were found to have that checksum. A name alone is no proof: a disk that lost its cache, or a
//! program that let two writers into one file, leave a name with other bytes behind it. Whoever is told "it is there" lets
//! PostgreSQL remove the only good copy.

use std::io::Read;
use std::sync::{Mutex, PoisonError};
use std::thread::{Scope, ScopedJoinHandle};
use std::time::{Duration, Instant};

use pgkeep_pipeline::Sha1Digest;
use pgkeep_repo::archive::{self, StoredSegment};
use pgkeep_repo::layout;
use pgkeep_storage::{InfoLevel, ListOptions, StoragePath};

use crate::archive_push::repositories::Target;
use crate::archive_push::segment::WalFile;
use crate::archive_push::settings::Settings;
use crate::error::{Error, ErrorCode, Result};
use crate::run::Context;
use crate::run::cancel::Cancel;
use crate::wal::find::{self, WalFind};
use crate::wal::small_file;
use crate::wal::stored_content;
pub(crate) use crate::wal::stored_content::Content;

/// The segment in the archive of one repository; `None` when it is not there.
///
/// # Errors
/// Those of listing; [`ErrorCode::ArchiveDuplicate`] when there are several.
pub(crate) fn stored_segment(
    context: &Context,
    settings: &Settings,
    target: &Target,
    segment: &str,
) -> Result<Option<StoredSegment>> {
    if let Some(elsewhere) = &target.repository.elsewhere {
        return Ok(elsewhere.find_segment(segment)?);
    }
    let storage = &*target.repository.storage;
    let mut find = WalFind::new(
        storage,
        &settings.stanza,
        &target.archive_id,
        Duration::ZERO,
    );
    find.wait_for(context, segment)
}

/// What [`stored_segment`] finds in one repository, perhaps still to come.
pub(crate) enum Lookup<'scope> {
    Done(Result<Option<StoredSegment>>),
    Running(ScopedJoinHandle<'scope, Result<Option<StoredSegment>>>),
}

impl Lookup<'_> {
    pub(crate) fn is_running(&self) -> bool {
        matches!(self, Self::Running(thread) if !thread.is_finished())
    }

    /// Waits for it.
    pub(crate) fn wait(self) -> Result<Option<StoredSegment>> {
        match self {
            Self::Done(found) => found,
            Self::Running(thread) => thread.join().unwrap_or_else(|_| Err(Error::panicked())),
        }
    }
}

/// Looks the segment up in all repositories at the same time. Only a single one that answers at once is waited for.
pub(crate) fn look_up<'scope>(
    scope: &'scope Scope<'scope, '_>,
    context: &'scope Context,
    settings: &'scope Settings,
    targets: &'scope [Target],
    segment: &'scope str,
) -> Vec<Lookup<'scope>> {
    if let [target] = targets
        && !target.repository.storage.has_latency()
    {
        let found = stored_segment(context, settings, target, segment);
        return vec![Lookup::Done(found)];
    }
    let start = |target| scope.spawn(move || stored_segment(context, settings, target, segment));
    targets
        .iter()
        .map(|target| Lookup::Running(start(target)))
        .collect()
}

/// How long a listing of a slow repository is trusted. Only this cluster's background process pushes meanwhile; another
/// primary that pushes the same segment is noticed this much later.
const TRUSTED: Duration = Duration::from_secs(10);

/// The directory listed last in one repository, for the segments of a run looked up one after the other.
///
/// A local directory is listed for every segment; where that costs round trips, the last listing serves for a while.
#[derive(Debug, Default)]
pub(crate) struct Listing(Mutex<Option<(Instant, String, Vec<String>)>>);

impl Listing {
    /// As [`stored_segment`].
    pub(crate) fn stored_segment(
        &self,
        context: &Context,
        settings: &Settings,
        target: &Target,
        segment: &str,
    ) -> Result<Option<StoredSegment>> {
        let storage = &*target.repository.storage;
        if !storage.has_latency() || target.repository.elsewhere.is_some() {
            return stored_segment(context, settings, target, segment);
        }
        let directory = segment.get(..16).unwrap_or(segment);
        // Locked while listing: the other workers want the same listing.
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

/// What is to be done for one repository.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    /// Store it.
    Missing,
    /// A file of that name is there; the warning, unless `archive-mode-check` is off.
    Same(Option<String>),
}

/// Compares what is stored with what is to be pushed, by name.
///
/// # Errors
/// [`ErrorCode::ArchiveDuplicate`] when they differ.
pub(crate) fn compare(
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
    let error = Error::new(
        ErrorCode::ArchiveDuplicate,
        format!(
            "WAL file '{segment}' already exists in the {repository} archive with a different checksum"
        ),
    );
    if !target.repository.storage.only_adds() {
        return Err(error);
    }
    let path = layout::archive_file(&settings.stanza, &target.archive_id, &stored.to_string());
    Err(error
        .with_hint("does another cluster archive to this stanza, or one that was restored and did not begin a new timeline?")
        .with_hint(make_room("if what is stored is wrong, ", target.repository.key, &path)))
}

/// Who may only add cannot do it.
fn make_room(when: &str, key: u32, path: &StoragePath) -> String {
    format!(
        "{when}remove it with the configuration that keeps the repository, and it is stored again: repo-rm --repo={key} {path}"
    )
}

/// Another file has the name of one that is no segment, where nothing is replaced.
pub(super) fn other_content(name: &str, key: u32, path: &StoragePath) -> Error {
    Error::new(
        ErrorCode::ArchiveDuplicate,
        format!("WAL file '{name}' already exists in the repo{key} archive with other content"),
    )
    .with_hint("does another cluster archive to this stanza?")
    .with_hint(make_room("if what is stored is wrong, ", key, path))
}

/// A damaged segment has the name, where a new one does not take its place.
pub(super) fn damaged(shown: &str, why: &str, hint: String) -> Error {
    Error::new(ErrorCode::Checksum, format!("'{shown}' is damaged ({why})")).with_hint(hint)
}

/// The same where nothing is replaced.
pub(super) fn damaged_and_stays(shown: &str, why: &str, key: u32, path: &StoragePath) -> Error {
    damaged(shown, why, make_room("", key, path))
}

/// Looks at the bytes of the stored segment. The host that has the keys does it.
///
/// # Errors
/// When it cannot be read, which says nothing about its bytes; [`ErrorCode::Term`].
pub(crate) fn check_content(
    settings: &Settings,
    target: &Target,
    stored: &StoredSegment,
    cancel: &Cancel,
) -> Result<Content> {
    if let Some(elsewhere) = &target.repository.elsewhere {
        return Ok(elsewhere.check_segment(stored)?);
    }
    let path = layout::archive_file(&settings.stanza, &target.archive_id, &stored.to_string());
    let storage = &*target.repository.storage;
    let stored = (stored, target.pass.as_ref());
    stored_content::check(storage, &path, stored, settings.buffer_size, cancel)
}

/// The warning about a damaged file that is stored again.
///
/// # Errors
/// [`ErrorCode::Checksum`] when a new one would not take its place, having another name.
pub(crate) fn replaced_warning(
    settings: &Settings,
    target: &Target,
    stored: &StoredSegment,
    why: &str,
) -> Result<String> {
    let (repository, segment) = (target.repository.name(), &stored.name);
    let only_adds = target.repository.storage.only_adds();
    if !only_adds && stored.extension == settings.compress.extension() {
        return Ok(format!(
            "WAL file '{segment}' in the {repository} archive was damaged ({why}) and is stored again"
        ));
    }
    let path = layout::archive_file(&settings.stanza, &target.archive_id, &stored.to_string());
    let (shown, key) = (
        target.repository.storage.display(&path),
        target.repository.key,
    );
    Err(match only_adds {
        true => damaged_and_stays(&shown, why, key, &path),
        false => {
            let hint =
                format!("remove it, and the segment is stored again: repo-rm --repo={key} {path}");
            damaged(&shown, why, hint)
        }
    })
}

/// Whether a file that is no segment is in the archive with the same bytes, where it cannot be written over; `false` where it can.
///
/// # Errors
/// [`ErrorCode::ArchiveDuplicate`] when there is another one of that name.
pub(crate) fn small_file_is_there(
    settings: &Settings,
    target: &Target,
    file: &WalFile,
) -> Result<bool> {
    let storage = &*target.repository.storage;
    if !storage.only_adds() || target.repository.elsewhere.is_some() {
        return Ok(false);
    }
    let name = file.stored_name(None, settings.compress);
    let path = layout::archive_file(&settings.stanza, &target.archive_id, &name);
    let Some(stored) = small_file::read(storage, &path, target.pass.as_ref())? else {
        return Ok(false);
    };
    let mut own = Vec::new();
    file.open()?
        .take(small_file::LONGEST)
        .read_to_end(&mut own)?;
    if stored == own {
        return Ok(true);
    }
    Err(other_content(&name, target.repository.key, &path))
}
