//! What a backup came to, in one line for people and as facts for programs.

use pgkeep_repo::{BackupLabel, BackupType, Manifest};

use super::plan::Plan;
use super::settings::Settings;
use crate::report::size_text::size_text;
use crate::report::time_text::elapsed_text;
use crate::run::summary::{Summary, count};

/// The facts, named as in `backup.info`.
pub(super) fn note(summary: &Summary, manifest: &Manifest, page_warnings: u32) {
    let totals = manifest.totals();
    for (name, value) in [
        ("size", totals.size),
        ("size-delta", totals.size_delta),
        ("repo-size-delta", totals.repo_size_delta),
        ("file-total", manifest.file_count() as u64),
        ("page-error-file-total", page_warnings.into()),
    ] {
        summary.fact(name, value);
    }
    // With block increments nobody knows how much of the earlier sets it needs.
    if !manifest.backup.block_incr {
        summary.fact("repo-size", totals.repo_size);
    }
}

/// `full backup 20261128-172351F of main in repo1: 660MB, 48MB stored, 7.2s`.
pub(super) fn text(
    settings: &Settings,
    plan: &Plan,
    label: &BackupLabel,
    manifest: &Manifest,
    page_warnings: u32,
    milliseconds: i64,
) -> String {
    let totals = manifest.totals();
    let size = match plan.backup_type {
        BackupType::Full => size_text(totals.size),
        BackupType::Diff | BackupType::Incr => format!(
            "{} of {} changed",
            size_text(totals.size_delta),
            size_text(totals.size)
        ),
    };
    let mut text = format!(
        "{} backup {label} of {} in repo{}: {size}, {} stored, {}",
        plan.backup_type,
        settings.stanza,
        settings.repo_key,
        size_text(totals.repo_size_delta),
        elapsed_text(milliseconds)
    );
    if page_warnings > 0 {
        let files = count(page_warnings.into(), "file");
        text.push_str(&format!("; {files} with invalid pages, see the warnings"));
    }
    text
}
