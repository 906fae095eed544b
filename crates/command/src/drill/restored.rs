//! The restore itself: `restore`, told where to, first as a plan and then for real.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::scratch::Scratch;
use super::settings::Settings;
use super::{private, process};
use crate::error::{Error, ErrorCode, Result};
use crate::report::size_text::size_text;
use crate::run::Context;

/// Room for WAL that is replayed: PostgreSQL keeps about two times `max_wal_size`.
fn wal_room(plan: &Value) -> u64 {
    let size = plan["reach"]["wal-segment-size"].as_u64().unwrap_or(0);
    let [_, (_, most)] = private::wal_sizes(u32::try_from(size).unwrap_or(u32::MAX));
    2 * (most << 20)
}

/// What `restore` is about to do.
#[derive(Debug, Clone, Default)]
pub(super) struct Plan {
    pub(super) label: String,
    pub(super) repo_key: u64,
    pub(super) major: u32,
    pub(super) size: u64,
    pub(super) file_total: u64,
    /// The last segment that recovery can come to; `None`: there is no WAL to replay.
    pub(super) last_wal: Option<String>,
    /// Where the backup is consistent: replay must come to there at least.
    pub(super) consistent: Option<String>,
    /// Segments that are missing before it.
    pub(super) gap: Option<(String, String)>,
    /// What is there but cannot be read.
    pub(super) unread: Vec<String>,
}

/// Asks for the plan, and refuses what has no room or would leave the scratch directory.
///
/// # Errors
/// That of the restore; too little room.
pub(super) fn plan(context: &Context, scratch: &Scratch, settings: &Settings) -> Result<Plan> {
    let mut command = restore(context, scratch, settings);
    command.args([
        "--dry-run",
        "--output=json",
        "--log-format=text",
        "--log-level-console=off",
        "--log-level-stderr=error",
        "restore",
    ]);
    let ended = process::run(context, scratch, "plan", &mut command)?;
    if !ended.status.success() {
        return Err(error_of(&ended, "restore"));
    }
    let plan: Value = serde_json::from_str(ended.stdout.trim()).map_err(|error| {
        Error::new(
            ErrorCode::Format,
            format!("unable to read the plan of the restore: {error}"),
        )
    })?;
    for place in list(&plan["path"]) {
        let path = place["path"].as_str().unwrap_or_default();
        if !is_within(Path::new(path), scratch.root()) {
            return Err(Error::new(
                ErrorCode::LinkDestination,
                format!(
                    "the restore would write to '{path}', which is not in '{}'",
                    scratch.root().display()
                ),
            )
            .with_hint(
                "do not map tablespaces or links in the configuration of restore to use drill.",
            ));
        }
    }
    let for_wal = wal_room(&plan);
    for room in list(&plan["space"]) {
        let needed = room["need"].as_u64().unwrap_or(0).saturating_add(for_wal);
        if let Some(free) = room["free"].as_u64().filter(|free| *free < needed) {
            return Err(Error::new(
                ErrorCode::FileWrite,
                format!(
                    "there is not enough room for the drill in '{}': {} needed (of which {} for WAL), {} free",
                    scratch.root().display(),
                    size_text(needed),
                    size_text(for_wal),
                    size_text(free)
                ),
            )
            .with_hint("choose a directory on another file system with --drill-path."));
        }
    }
    let set = &plan["set"];
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let version = text(&set["pg-version"]).unwrap_or_default();
    let end = &plan["reach"]["end"];
    let gap = &end["gap"];
    Ok(Plan {
        label: text(&set["label"]).unwrap_or_default(),
        repo_key: set["repo-key"].as_u64().unwrap_or(0),
        major: version
            .split('.')
            .next()
            .and_then(|major| major.parse().ok())
            .unwrap_or(0),
        size: set["size"].as_u64().unwrap_or(0),
        file_total: set["file-total"].as_u64().unwrap_or(0),
        last_wal: text(&end["wal"]).filter(|_| end["wal-stored"].as_bool() != Some(false)),
        consistent: text(&plan["reach"]["consistent"]["lsn"]),
        gap: text(&gap["start"]).zip(text(&gap["stop"])),
        unread: list(&plan["reach"]["unread"])
            .iter()
            .map(|one| one.as_str().map_or_else(|| one.to_string(), str::to_owned))
            .collect(),
    })
}

/// Whether it is below the directory, and does not lead out of it again: a tablespace may be called `..`.
fn is_within(path: &Path, root: &Path) -> bool {
    path.starts_with(root)
        && path
            .components()
            .all(|part| part != std::path::Component::ParentDir)
}

/// Restores.
///
/// # Errors
/// That of the restore.
pub(super) fn make(
    context: &Context,
    scratch: &Scratch,
    settings: &Settings,
    plan: &Plan,
) -> Result<()> {
    let mut command = restore(context, scratch, settings);
    // Named, so that it is what was planned even if a backup ends meanwhile.
    if !settings
        .restore
        .iter()
        .any(|word| word.starts_with("--set="))
    {
        command.arg(format!("--set={}", plan.label));
    }
    command.args([
        "--log-format=text",
        "--log-level-console=off",
        "--log-level-stderr=warn",
        "restore",
    ]);
    let ended = process::run(context, scratch, "restore", &mut command)?;
    if ended.status.success() {
        return Ok(());
    }
    Err(error_of(&ended, "restore"))
}

/// The command with all that keeps it in the scratch directory.
fn restore(context: &Context, scratch: &Scratch, settings: &Settings) -> Command {
    let mut command = process::command(scratch, &context.program_path);
    let place = |option: &str, name: &str| format!("--{option}={}", scratch.join(name).display());
    command
        .args(&settings.restore)
        .args([
            place("pg1-path", "data"),
            place("tablespace-map-all", "tablespace"),
        ])
        .args([place("lock-path", "lock"), place("spool-path", "spool")])
        .args([
            "--pg1-local",
            "--archive-mode=off",
            "--reset-link-all",
            "--reset-delta",
        ])
        .args([
            "--reset-tablespace-map",
            "--reset-link-map",
            "--reset-recovery-option",
        ])
        .args([
            "--reset-db-include",
            "--reset-db-exclude",
            "--log-level-file=off",
        ]);
    if !matches!(settings.kind.as_str(), "default" | "none") {
        command.arg("--target-action=promote");
    }
    command
}

/// The error that a command of ours ended with.
pub(super) fn error_of(ended: &process::Ended, what: &str) -> Error {
    let code = ended
        .status
        .code()
        .and_then(|code| u8::try_from(code).ok())
        .and_then(ErrorCode::from_number)
        .unwrap_or(ErrorCode::Execute);
    let said = match ended.stderr.trim() {
        "" => ended.stdout.trim(),
        said => said,
    };
    let mut hints = Vec::new();
    let mut lines = Vec::new();
    let from = said
        .lines()
        .position(|line| line.contains("ERROR: ["))
        .unwrap_or(0);
    for line in said.lines().skip(from).map(str::trim) {
        match line.strip_prefix("HINT: ") {
            Some(hint) => hints.push(hint.to_owned()),
            None => lines.push(
                line.split_once("ERROR: [")
                    .and_then(|(_, rest)| rest.split_once("]: "))
                    .map_or(line, |(_, text)| text),
            ),
        }
    }
    let text = match lines.is_empty() {
        true => format!("it ended with {}", ended.status),
        false => lines.into_iter().take(20).collect::<Vec<_>>().join("\n"),
    };
    let mut error = Error::new(code, format!("{what} failed: {text}"));
    error.hints = hints;
    error
}

pub(super) fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_segments_need_more_room() {
        let plan = |size: u64| serde_json::json!({"reach": {"wal-segment-size": size}});
        assert_eq!(wal_room(&Value::Null), 2 << 30);
        assert_eq!(wal_room(&plan(16 << 20)), 2 << 30);
        assert_eq!(wal_room(&plan(1 << 30)), 4 << 30);
    }

    #[test]
    fn a_path_that_leads_out_of_the_directory_is_not_within_it() {
        let root = Path::new("/srv/drill");
        for (path, within) in [
            ("/srv/drill/data", true),
            ("/srv/drill/tablespace/..", false),
            ("/srv/drill/tablespace/../../main", false),
            ("/srv/drill2/data", false),
            ("", false),
        ] {
            assert_eq!(is_within(Path::new(path), root), within, "{path}");
        }
    }
}
