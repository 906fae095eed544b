//! The end of a restore, whose order is what makes an interrupted one harmless.
//!
//! Everything but the control file is durable before the control file gets its name; without it no server starts.

use std::io::{Read, Write};
use std::path::Path;

use pgkeep_postgres::PgVersion;
use pgkeep_postgres::control::{self, CONTROL_FILE};
use pgkeep_postgres::data_dir;
use pgkeep_repo::{Manifest, layout};
use pgkeep_storage::posix::write_failure;
use pgkeep_storage::{FileTree, InfoLevel, ReadOptions, StoragePath};

use super::durable::Durable;
use super::modes::{self, Moment};
use super::targets::{self, Found};
use super::worker::Worker;
use crate::error::{Error, Result};

/// Makes all durable and gives the control file its name.
///
/// # Errors
/// Those of the file system; then the cluster has no control file and the restore can be repeated.
pub(super) fn finish(
    worker: &Worker<'_>,
    durable: &Durable,
    version: PgVersion,
    found: &[Found],
) -> Result<()> {
    let (tree, manifest, places) = (worker.tree, worker.manifest, worker.places);
    // First what was restored, recovery settings included: the manifest in the data directory, by which an interrupted
    // delta restore is known as one, goes only when it is not needed any more.
    durable.finish(tree, manifest, places, found)?;
    modes::settle_paths(tree, manifest, places, Moment::BeforeControlFile)?;
    tree.remove(&places.in_data_dir(layout::MANIFEST))?;
    tree.sync_paths(&[places.in_data_dir("")])?;
    // A stop that comes later is too late to matter; one that came before leaves a cluster that cannot be started.
    worker.context.cancel.check()?;
    let temporary = places.file(data_dir::CONTROL_FILE);
    if tree.info(&temporary, InfoLevel::Exists)?.is_none() {
        log::warn!("backup does not contain '{CONTROL_FILE}' -- cluster will not start");
    } else {
        if manifest.options.online {
            invalidate(
                tree,
                manifest,
                &temporary,
                worker.settings.version_force.unwrap_or(version),
            )?;
        }
        let mode = manifest.file(data_dir::CONTROL_FILE).map(|file| file.mode);
        if let Some(mode) = mode.filter(|mode| modes::file_is_settled_later(*mode)) {
            tree.set_mode_durably(&temporary, mode)?;
        }
        log::info!(
            "restore {CONTROL_FILE} (performed last to ensure aborted restores cannot be started)"
        );
        // Flushes the directory too. If the host goes down before that, the name may still be the temporary one, which
        // is safe.
        tree.rename(&temporary, &places.in_data_dir(CONTROL_FILE))?;
    }
    let global = places.in_data_dir(CONTROL_FILE).parent();
    crate::detail!("sync path '{}'", tree.display(&global));
    if targets::directory(tree, &global)?.is_some() {
        tree.sync_paths(&[global])?;
    }
    modes::settle_paths(tree, manifest, places, Moment::AfterControlFile)
}

/// Puts a checkpoint into the control file that cannot be, so that a server without backup label does not start from a
/// wrong one.
fn invalidate(
    tree: &dyn FileTree,
    manifest: &Manifest,
    place: &StoragePath,
    version: PgVersion,
) -> Result<()> {
    let mut bytes = Vec::new();
    tree.open_read(place, &ReadOptions::default())?
        .take(control::FILE_SIZE as u64 + 1)
        .read_to_end(&mut bytes)?;
    control::invalidate_checkpoint(&mut bytes, version)?;
    let file = manifest.file(data_dir::CONTROL_FILE);
    let mode = file.as_ref().map_or(0o600, |file| file.mode);
    let mut written = tree.open_update(place, modes::file_at_work(mode))?;
    let failed =
        |error: std::io::Error| Error::from(write_failure(Path::new(&tree.display(place)), &error));
    written.write_all(&bytes).map_err(failed)?;
    if let Some(file) = file {
        tree.set_modified(place, file.timestamp)?;
    }
    written.sync_all().map_err(failed)
}
