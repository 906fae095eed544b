//! The restore itself: `restore`, told where to, first as a plan and then for real.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::directory::Scratch;
use super::settings::Settings;
use super::{private, process};
use crate::error::{Error, ErrorCode, Result};
use crate::report::size_text::size_text;
use crate::run::Context;

/// The oldest version whose recovery settings are among the others.
const OLDEST: u32 = 12;

/// Room for WAL that is replayed: PostgreSQL keeps about two times `max_wal_size`.
fn wal_room(plan: &Value) -> u64 {
    let size = plan["reach"]["wal-segment-size"].as_u64().unwrap_or(0);
    let [_, (_, most)] = private::wal_sizes(u32::try_from(size).unwrap_or(u32::MAX));
    2 * (most << 20)
}

/// What `restore` is about to do.
#[derive(Debug, Clone, Default)]
pub(crate) struct Plan {
    pub(crate) label: String,
    pub(crate) repo_key: u64,
    pub(crate) major: u32,
    pub(crate) size: u64,
    pub(crate) file_total: u64,
    /// The last segment that recovery can come to; `None`: there is no WAL to replay.
    pub(crate) last_wal: Option<String>,
    /// Bytes of a segment.
    pub(crate) wal_segment_size: Option<u32>,
    /// Where the backup is consistent: replay must come to there at least.
    pub(crate) consistent: Option<String>,
    /// Segments that are missing before it.
    pub(crate) gap: Option<(String, String)>,
    /// What is there but cannot be read.
    pub(crate) unread: Vec<String>,
    /// Room that the files need.
    pub(crate) needed: u64,
    /// Where there is less room than files and WAL need: what is needed, what of it is for WAL, and what is free.
    pub(crate) short: Option<(u64, u64, u64)>,
}

impl Plan {
    /// The backup, for programs.
    pub(crate) fn set(&self) -> Value {
        json!({
            "label": self.label,
            "repo-key": self.repo_key,
            "pg-version": self.major,
            "size": self.size,
            "file-total": self.file_total,
        })
    }
}

/// Asks for the plan, and refuses what would leave the scratch directory.
///
/// # Errors
/// That of the restore.
pub(crate) fn plan(context: &Context, scratch: &Scratch, settings: &Settings) -> Result<Plan> {
    let mut command = restore(context, scratch, settings);
    command.args([
        "--dry-run",
        "--output=json",
        "--log-format=text",
        "--log-level-console=off",
        "--log-level-stderr=warn",
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
                "do not map tablespaces or links in the configuration of restore: they must lie in the scratch directory.",
            ));
        }
    }
    let (for_wal, needed) = (wal_room(&plan), |room: &Value| {
        room["need"].as_u64().unwrap_or(0)
    });
    let short = list(&plan["space"]).iter().find_map(|room| {
        let with_wal = needed(room).saturating_add(for_wal);
        let free = room["free"].as_u64().filter(|free| *free < with_wal)?;
        Some((with_wal, for_wal, free))
    });
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
        wal_segment_size: plan["reach"]["wal-segment-size"]
            .as_u64()
            .and_then(|size| u32::try_from(size).ok()),
        consistent: text(&plan["reach"]["consistent"]["lsn"]),
        gap: text(&gap["start"]).zip(text(&gap["stop"])),
        unread: list(&plan["reach"]["unread"])
            .iter()
            .map(|one| one.as_str().map_or_else(|| one.to_string(), str::to_owned))
            .collect(),
        needed: list(&plan["space"])
            .iter()
            .map(needed)
            .fold(0, u64::saturating_add),
        short,
    })
}

/// Refuses to begin without the room.
///
/// # Errors
/// [`ErrorCode::FileWrite`]
pub(crate) fn refuse_short(scratch: &Scratch, plan: &Plan) -> Result<()> {
    let Some((needed, for_wal, free)) = plan.short else {
        return Ok(());
    };
    Err(Error::new(
        ErrorCode::FileWrite,
        format!(
            "there is not enough room in '{}': {} needed (of which {} for WAL), {} free",
            scratch.root().display(),
            size_text(needed),
            size_text(for_wal),
            size_text(free)
        ),
    )
    .with_hint("choose a directory on another file system with --scratch-path."))
}

/// Refuses a backup of a version that has its recovery settings in a file of their own.
///
/// # Errors
/// [`ErrorCode::VersionNotSupported`]
pub(crate) fn refuse_old(context: &Context, plan: &Plan) -> Result<()> {
    if plan.major >= OLDEST {
        return Ok(());
    }
    Err(Error::new(
        ErrorCode::VersionNotSupported,
        format!(
            "{} needs PostgreSQL {OLDEST} or newer, backup {} is of version {}",
            context.config.command().name(),
            plan.label,
            plan.major
        ),
    ))
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
pub(crate) fn make(
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
        .args(["--reset-db-include", "--log-level-file=off"]);
    match settings.left_out.as_slice() {
        [] => command.arg("--reset-db-exclude"),
        oids => command.args(oids.iter().map(|oid| format!("--db-exclude={oid}"))),
    };
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
                    .map_or(line, |(_, text)| {
                        text.strip_prefix("[DRY-RUN] ").unwrap_or(text)
                    }),
            ),
        }
    }
    let mut lines: Vec<String> = lines.into_iter().map(str::to_owned).collect();
    // A warning before the error may be the cause: of a repository that cannot be read another one is tried.
    lines.extend(warnings(said.lines().take(from)));
    let text = match lines.is_empty() {
        true => format!("it ended with {}", ended.status),
        false => lines.into_iter().take(20).collect::<Vec<_>>().join("\n"),
    };
    let mut error = Error::new(code, format!("{what} failed: {text}"));
    error.hints = hints;
    error
}

/// The first three, with the lines that belong to them: what is to be done about the error is told by its own hints.
fn warnings<'a>(said: impl Iterator<Item = &'a str>) -> Vec<String> {
    let (mut found, mut lines) = (0, Vec::new());
    let mut within = false;
    for line in said {
        if let Some(warning) = line.strip_prefix("WARN: ") {
            found += 1;
            within = found <= 3;
            if within {
                let warning = warning.strip_prefix("[DRY-RUN] ").unwrap_or(warning);
                lines.push(format!("WARN: {warning}"));
            }
        } else if !line.starts_with(' ') {
            within = false;
        } else if within && !line.trim().starts_with("HINT: ") {
            lines.push(line.trim().to_owned());
        }
    }
    lines
}

pub(crate) fn list(value: &Value) -> &[Value] {
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
    fn an_error_has_what_was_warned_of_before_it() {
        use std::os::unix::process::ExitStatusExt;
        let ended = process::Ended {
            status: std::process::ExitStatus::from_raw(75 << 8),
            stdout: String::new(),
            stderr: "WARN: [DRY-RUN] repo1: unable to read it:\n      Permission denied\n      HINT: x\n\
                     INFO: a\n      b\nERROR: [075]: [DRY-RUN] no set\n       HINT: y\n"
                .to_owned(),
        };
        let error = error_of(&ended, "restore");
        assert_eq!(
            error.message,
            "restore failed: no set\nWARN: repo1: unable to read it:\nPermission denied"
        );
        assert_eq!(
            (error.code, error.hints),
            (ErrorCode::BackupSetInvalid, vec!["y".to_owned()])
        );
    }

    #[test]
    fn a_path_that_leads_out_of_the_directory_is_not_within_it() {
        let root = Path::new("/srv/scratch");
        for (path, within) in [
            ("/srv/scratch/data", true),
            ("/srv/scratch/tablespace/..", false),
            ("/srv/scratch/tablespace/../../main", false),
            ("/srv/scratch2/data", false),
            ("", false),
        ] {
            assert_eq!(is_within(Path::new(path), root), within, "{path}");
        }
    }
}
