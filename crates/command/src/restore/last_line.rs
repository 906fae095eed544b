//! What a restore came to, in one line and as facts for programs; and what is so when it ends before that.

use pgkeep_postgres::recovery::RecoveryTarget;

use super::progress::Copied;
use super::settings::Settings;
use super::worker::Worker;
use crate::report::size_text::size_text;
use crate::report::time_text::elapsed_text;
use crate::run::summary::Summary;

/// The facts.
pub(super) fn note(summary: &Summary, worker: &Worker<'_>, copied: &Copied) {
    let label = worker.manifest.backup.label.as_ref();
    summary.fact("label", label.map(ToString::to_string));
    summary.fact("repo-key", worker.repository.key);
    let path = String::from_utf8_lossy(&worker.settings.data_dir);
    summary.fact("path", path.into_owned());
    summary.fact("size", copied.size);
    summary.fact("size-written", copied.written);
    summary.fact("file-total", worker.manifest.file_count() as u64);
    summary.fact("page-error-file-total", copied.bad_files);
}

/// `20261128-172351F of main restored from repo1 to /data: 660MB, 7.2s; start PostgreSQL to recover`.
pub(super) fn text(worker: &Worker<'_>, copied: &Copied, milliseconds: i64) -> String {
    let settings = worker.settings;
    let label = worker.manifest.backup.label.as_ref();
    let size = match copied.written == copied.size {
        true => size_text(copied.size),
        false => format!(
            "{} of {} written, the rest was there",
            size_text(copied.written),
            size_text(copied.size)
        ),
    };
    format!(
        "{} of {} restored from {} to {}: {size}, {}; {}",
        label.map_or_else(|| "backup".to_owned(), ToString::to_string),
        settings.stanza,
        worker.repository.name(),
        String::from_utf8_lossy(&settings.data_dir),
        elapsed_text(milliseconds),
        match settings.target {
            RecoveryTarget::None => "start PostgreSQL",
            _ => "start PostgreSQL to recover",
        }
    )
}

/// From the moment on when the cluster is touched.
pub(super) fn unfinished(settings: &Settings) -> String {
    let option = if settings.cleans() {
        ""
    } else {
        " with --delta"
    };
    format!(
        "{} is not complete and cannot be started: run it again{option} to finish it",
        String::from_utf8_lossy(&settings.data_dir)
    )
}
