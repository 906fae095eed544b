//! What the demonstration shows at the end: rows, files, page checksums.

use std::collections::BTreeMap;
use std::path::Path;

use pgkeep_pipeline::{Pipeline, RunningReader, Stage};
use pgkeep_storage::{FileType, InfoLevel, ListOptions, ReadOptions, Storage, StoragePath};

use super::report::Report;
use super::shell;
use super::workplace::Workplace;
use crate::error::{Error, ErrorCode, Result};
use crate::hosts::this_host;
use crate::run::Context;

/// Both values must be the same.
pub(super) fn same(what: &str, expected: &str, found: &str, report: &Report) -> Result<()> {
    if expected == found {
        return report.proof(&format!("{what}: {found}"));
    }
    Err(Error::new(
        ErrorCode::Checksum,
        format!("{what}: expected '{expected}' but found '{found}'"),
    ))
}

/// Every file of two data directories must be the same, but for what a restore changes on purpose.
pub(super) fn same_files(
    context: &Context,
    source: &Path,
    copy: &Path,
    report: &Report,
) -> Result<()> {
    let (left, right) = (checksums(context, source)?, checksums(context, copy)?);
    let mut different = Vec::new();
    for name in left
        .keys()
        .chain(right.keys().filter(|name| !left.contains_key(*name)))
    {
        if left.get(name) != right.get(name) {
            different.push(name.as_str());
        }
    }
    if !different.is_empty() {
        return Err(Error::new(
            ErrorCode::Checksum,
            format!("files differ after restore: {}", different.join(", ")),
        ));
    }
    report.proof(&format!(
        "{} files of the restored copy are the same as in the cluster (SHA-1)",
        left.len()
    ))
}

/// Names that a backup leaves out or a restore changes on purpose.
fn is_expected_to_differ(name: &str) -> bool {
    matches!(
        name,
        "global/pg_control" | "postmaster.opts" | "backup_manifest" | "backup_label.old"
    ) || name.starts_with("pg_stat_tmp/")
        || name.starts_with("pg_replslot/")
        || name.starts_with("pg_dynshmem/")
        || name.starts_with("pg_notify/")
        || name.starts_with("pg_serial/")
        || name.starts_with("pg_snapshots/")
        || name.starts_with("pg_subtrans/")
        || name.ends_with("/pg_internal.init")
        || name == "recovery.signal"
        || name == "postgresql.auto.conf"
}

fn checksums(context: &Context, root: &Path) -> Result<BTreeMap<String, String>> {
    let storage = this_host::directory(root);
    let mut names = Vec::new();
    let options = ListOptions {
        level: InfoLevel::Type,
        ..ListOptions::default()
    };
    storage.list_tree(&StoragePath::root(), &options, &mut |info| {
        if info.kind == FileType::File && !is_expected_to_differ(&info.name.to_string()) {
            names.push(info.name);
        }
        Ok(())
    })?;
    let mut found = BTreeMap::new();
    for name in names {
        context.cancel.check()?;
        let read = storage.open_read(&name, &ReadOptions::default())?;
        let mut reader = RunningReader::new(
            read,
            Pipeline::new(vec![Stage::Sha1]).start(1 << 20),
            1 << 20,
        );
        std::io::copy(&mut reader, &mut std::io::sink())?;
        let digest = reader.reports().and_then(|reports| reports.first()?.sha1());
        found.insert(
            name.to_string(),
            digest.map(|digest| digest.to_string()).unwrap_or_default(),
        );
    }
    Ok(found)
}

/// PostgreSQL's own tool must find every page of the restored copy intact.
pub(super) fn page_checksums(place: &Workplace, copy: &Path, report: &Report) -> Result<()> {
    let control = place.server_command("pg_controldata", &[]);
    let tool = Path::new(control.get_program()).with_file_name("pg_checksums");
    if !tool.exists() {
        return report
            .fact("pg_checksums is not installed, so pages are not checked a second time");
    }
    // The tool wants a cluster that was shut down; the restored copy of a stopped one is.
    let output = shell::run(
        place.server_command("pg_checksums", &["--check", "-D", &copy.to_string_lossy()]),
    )?;
    let blocks = output
        .lines()
        .find(|line| line.starts_with("Blocks scanned"))
        .unwrap_or("all blocks scanned");
    report.proof(&format!(
        "pg_checksums finds no bad page: {}",
        blocks
            .to_lowercase()
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
    ))
}
