//! The plan: what is about to happen, said before anything does.
//!
//! Our own addition, so it is shown at `info` only to users of our own program; under the original's name its output
//! stays the original's, and the plan is at `detail`.

use std::fmt::Write as _;

use pgkeep_config::Program;
use pgkeep_postgres::recovery::RecoveryTarget;
use pgkeep_repo::Manifest;
use pgkeep_repo::manifest::{TargetKind, pg_name};
use pgkeep_storage::Storage;

use super::choose_set::Chosen;
use super::clean::{Change, Found};
use super::settings::Settings;
use crate::runtime::Context;
use crate::runtime::size_text::size_text;

/// Names of what is removed are listed up to this many; all of them are at `detail` when it happens.
const NAMED: usize = 20;

/// Reports the plan.
pub(super) fn report(
    context: &Context,
    settings: &Settings,
    chosen: &Chosen,
    manifest: &Manifest,
    found: &[Found],
    tree: &dyn Storage,
) {
    let text = text(settings, chosen, manifest, found, tree);
    match context.config.program() {
        Program::PgKeep => log::info!("{text}"),
        Program::PgBackRest => crate::detail!("{text}"),
    }
}

fn text(
    settings: &Settings,
    chosen: &Chosen,
    manifest: &Manifest,
    found: &[Found],
    tree: &dyn Storage,
) -> String {
    let show = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let size: u64 = manifest
        .files()
        .map(|file| file.size)
        .fold(0, u64::saturating_add);
    let mut text = format!(
        "restore plan\nset: {} of {}, PostgreSQL {}\nsize: {}, file total = {}",
        chosen.label,
        chosen.repository.name(),
        manifest.pg.version,
        size_text(size),
        manifest.file_count(),
    );
    for target in manifest.targets() {
        let path = show(&manifest.target_path(target));
        let _ = match &target.kind {
            TargetKind::Path => write!(text, "\ndata directory: {path}"),
            TargetKind::Tablespace { oid, name } => {
                write!(text, "\ntablespace {} ({oid}): {path}", show(name))
            }
            TargetKind::Link { file: None } => {
                write!(text, "\nlink {}: {path}", show(pg_name(&target.name)))
            }
            TargetKind::Link { file: Some(file) } => {
                write!(
                    text,
                    "\nlink {}: {path}/{}",
                    show(pg_name(&target.name)),
                    show(file)
                )
            }
        };
    }
    let _ = write!(text, "\nrecovery: {}", recovery(settings));
    let how = match (settings.delta, settings.force) {
        (true, true) => "files with the same size and time are kept",
        (true, false) => "files with the same checksum are kept",
        (false, true) => "all files are overwritten",
        (false, false) => "the targets are empty",
    };
    let _ = write!(text, "\nexisting files: {how}");
    removals(&mut text, found, tree);
    text
}

fn recovery(settings: &Settings) -> String {
    let target = match &settings.target {
        RecoveryTarget::Default => "to the end of the archive".to_owned(),
        RecoveryTarget::Immediate => "until the cluster is consistent".to_owned(),
        RecoveryTarget::Name(name) => format!("to restore point '{name}'"),
        RecoveryTarget::Xid(xid) => format!("to transaction {xid}"),
        RecoveryTarget::Time(time) => format!("to time '{time}'"),
        RecoveryTarget::Lsn(lsn) => format!("to lsn {lsn}"),
        RecoveryTarget::Standby => "as a standby".to_owned(),
        RecoveryTarget::Preserve => "settings stay as they are".to_owned(),
        RecoveryTarget::None => "no recovery settings".to_owned(),
    };
    match &settings.target_timeline {
        Some(timeline) => format!("{target}, timeline {timeline}"),
        None => target,
    }
}

fn removals(text: &mut String, found: &[Found], tree: &dyn Storage) {
    let removed = || {
        found
            .iter()
            .flat_map(|target| &target.changes)
            .filter_map(|change| match change {
                Change::Remove(_, path) => Some(path),
                _ => None,
            })
    };
    let count = removed().count();
    if count == 0 {
        text.push_str("\nto be removed: nothing");
        return;
    }
    let _ = write!(text, "\nto be removed: {count} not in the backup");
    for path in removed().take(NAMED) {
        let _ = write!(text, "\n  {}", tree.display(path));
    }
    if count > NAMED {
        let _ = write!(text, "\n  and {} more", count - NAMED);
    }
}
