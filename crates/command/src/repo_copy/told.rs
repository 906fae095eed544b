//! What a copy would do, and what it did.

use pgkeep_repo::BackupLabel;

use super::outcome::Done;
use super::plan::Plan;
use super::settings::Settings;
use crate::report::size_text::size_text;
use crate::report::time_text::elapsed_text;
use crate::run::summary::count;

/// What a dry run prints.
pub(super) fn plan(settings: &Settings, plan: &Plan, is_new: bool) -> String {
    let mut text = format!(
        "stanza {}: from repo{} to repo{}\n",
        settings.stanza, settings.from, settings.to
    );
    if is_new {
        text.push_str(&format!("  the stanza is made in repo{}\n", settings.to));
    }
    for set in &plan.sets {
        let what = match set.there {
            true => "is there".to_owned(),
            false => size_text(set.entry.repo_size_delta),
        };
        text.push_str(&format!("  backup {}: {what}\n", set.label()));
    }
    for (id, archive) in &plan.archives {
        let bytes = archive.left.values().map(|stored| stored.size);
        text.push_str(&format!(
            "  WAL of {id}: {}, {}; {} there\n",
            count(archive.left.len() as u64, "file"),
            size_text(bytes.fold(0, u64::saturating_add)),
            archive.there
        ));
        for name in &archive.several {
            text.push_str(&format!(
                "  WAL {name} has several contents and is not copied\n"
            ));
        }
    }
    for label in &plan.without_wal {
        text.push_str(&format!("  {}\n", without_wal(label)));
    }
    text.push_str(&format!("  to be copied: {}\n", size_text(plan.bytes())));
    text
}

/// Of a backup for which `--wal=all` does nothing.
pub(super) fn without_wal(label: &BackupLabel) -> String {
    format!(
        "backup {label} was made without a server and names no WAL: --wal=all copies none for it"
    )
}

/// `3 backups with 214 files and 14 WAL files of main copied from repo1 to repo2, 34MB, 7.2s; 2 backups and 80 WAL files were there`.
pub(super) fn last_line(settings: &Settings, done: &Done, milliseconds: i64) -> String {
    let mut text = format!(
        "{} with {} and {} of {} copied from repo{} to repo{}, {}, {}",
        count(done.sets, "backup"),
        count(done.files, "file"),
        count(done.segments, "WAL file"),
        settings.stanza,
        settings.from,
        settings.to,
        size_text(done.bytes),
        elapsed_text(milliseconds)
    );
    let there = [
        (done.sets_there, "backup"),
        (done.files_there, "file of unfinished backups"),
        (done.segments_there, "WAL file"),
    ];
    let there: Vec<String> = there
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, what)| match what.split_once(' ') {
            Some(("file", of)) => format!("{} {of}", count(*number, "file")),
            _ => count(*number, what),
        })
        .collect();
    if !there.is_empty() {
        let there = crate::run::summary::list(&there);
        text.push_str(&format!("; already there: {there}"));
    }
    text
}
