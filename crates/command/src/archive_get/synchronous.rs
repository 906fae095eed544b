//! One file from the repositories straight to its destination: the synchronous get.
//!
//! The file appears whole under its name or not at all.

use std::path::Path;

use pgkeep_storage::posix::PosixStorage;
use pgkeep_storage::{Storage, StoragePath, WriteOptions};

use super::archives;
use super::fetch::fetch;
use super::find::{Find, Found};
use super::settings::Settings;
use crate::archiving::wal_path;
use crate::error::Result;
use crate::hosts::this_host;
use crate::run::Context;

/// Exit status for "not in the archive".
pub(super) const NOT_FOUND: u8 = 1;

/// Fetches one file; the value is the exit status.
///
/// # Errors
/// Those of the control file, of the search and of fetching.
pub(super) fn get(
    context: &Context,
    settings: &Settings,
    request: &str,
    destination: &Path,
) -> Result<u8> {
    let archives = archives::open_all(context, settings)?;
    let found = Find::new(&archives, settings)
        .find(request)
        .map_err(|failed| failed.error)?;
    let local = this_host::directory(Path::new("/"));
    let path = wal_path::from_root(destination);
    remove_left_overs(&local, &path);
    let Found::Copies(copies, _) = found else {
        log::info!("unable to find {request} in the archive");
        context.summary.fact("found", false);
        context.summary.done(missing(settings, request));
        return Ok(NOT_FOUND);
    };
    // Not flushed: after a crash of the machine PostgreSQL asks for the segment again. Renamed, so that it never sees
    // half of one.
    let options = WriteOptions {
        create_path: false,
        sync: false,
        ..WriteOptions::default()
    };
    let fetched = fetch(
        &archives,
        settings,
        &context.cancel,
        request,
        &copies,
        &|| Ok(local.open_write(&path, &options)?),
    )?;
    for warning in &fetched.warnings {
        log::warn!("{warning}");
    }
    let copy = &copies[fetched.copy];
    let repository = &archives.usable[copy.archive].repository;
    context.summary.fact("found", true);
    context.summary.fact("repo-key", repository.key);
    let repository = repository.name();
    log::info!(
        "found {request} in the {repository}: {} archive",
        copy.archive_id
    );
    context.summary.done(format!(
        "{request} of {} fetched from {repository} to {}",
        settings.stanza,
        destination.display()
    ));
    Ok(0)
}

/// What the last line at a terminal says where the exit status alone would tell.
pub(super) fn missing(settings: &Settings, request: &str) -> String {
    format!("{request} of {} is not in the archive", settings.stanza)
}

/// A run that was killed left its half of the file under a name that no other run uses.
fn remove_left_overs(local: &PosixStorage, destination: &StoragePath) {
    // It costs room and nothing else: PostgreSQL must have its segment all the same.
    if let Err(error) = local.remove_left_overs_of(destination) {
        log::debug!("{error}");
    }
}
