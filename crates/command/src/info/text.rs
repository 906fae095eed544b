//! The text form of `info`, line for line pgBackRest's.

use std::fmt::Write;

use pgkeep_config::Program;
use pgkeep_repo::BackupType;
use pgkeep_repo::pin::Pin;

use super::details::{self, Place, Shown};
use super::document;
use super::settings::Settings;
use crate::report::size_text::size_text;
use crate::report::{lock_text, pin_text};
use crate::run::Context;
use crate::stanzas::{Running, StanzaReport, Status, percent};

/// All stanzas, an empty line between two.
pub(super) fn render(context: &Context, settings: &Settings, stanzas: &[StanzaReport]) -> String {
    if stanzas.is_empty() {
        return "No stanzas exist in the repository.\n".to_owned();
    }
    let mut out = String::new();
    for (at, stanza) in stanzas.iter().enumerate() {
        if at > 0 {
            out.push('\n');
        }
        one(context, settings, stanza, &mut out);
    }
    out
}

fn one(context: &Context, settings: &Settings, stanza: &StanzaReport, out: &mut String) {
    let status = stanza.status(settings.full);
    out.push_str(&format!(
        "stanza: {}\n    status: {}\n",
        stanza.name,
        status_line(settings, stanza, &status)
    ));
    let running: Vec<_> = stanza
        .repositories
        .iter()
        .filter(|report| report.backup.size > 0)
        .collect();
    if running.len() > 1 {
        for report in running {
            let done = percent(report.backup.size_complete, report.backup.size);
            let _ = writeln!(out, "        repo{} backup: {done} complete", report.key);
        }
    }
    if !settings.full {
        return;
    }
    if matches!(
        status,
        Status::Mixed | Status::PgMismatch | Status::Other(_)
    ) {
        repositories(stanza, out);
    }
    if status != Status::MissingPath {
        let cipher = document::cipher(&stanza.repositories);
        let _ = writeln!(out, "    cipher: {cipher}");
        if cipher == "mixed" {
            for report in &stanza.repositories {
                let _ = writeln!(out, "        repo{}: {}", report.key, report.cipher);
            }
        }
    }
    clusters(context, settings, stanza, out);
}

pub(super) fn status_line(settings: &Settings, stanza: &StanzaReport, status: &Status) -> String {
    let is_error = *status != Status::Ok && (!settings.full || *status != Status::Mixed);
    let label = match status {
        Status::Ok => "ok",
        _ if is_error => "error",
        _ => "mixed",
    };
    let mut backup = Running::default();
    for report in &stanza.repositories {
        backup.held |= report.backup.held;
        backup.size += report.backup.size;
        backup.size_complete += report.backup.size_complete;
    }
    let mut parts = Vec::new();
    if is_error {
        parts.push(status.message().to_owned());
    }
    if backup.held {
        parts.push(format!("backup/expire running{}", backup.percent_text()));
    }
    if stanza.restore.held {
        parts.push(format!("restore running{}", stanza.restore.percent_text()));
    }
    if parts.is_empty() {
        label.to_owned()
    } else {
        format!("{label} ({})", parts.join(", "))
    }
}

fn repositories(stanza: &StanzaReport, out: &mut String) {
    let several = stanza.repositories.len() > 1;
    let indent = if several {
        " ".repeat(15)
    } else {
        " ".repeat(12)
    };
    for report in &stanza.repositories {
        if several {
            let _ = write!(out, "        repo{}: ", report.key);
        }
        match &report.status {
            Status::Ok => out.push_str("ok\n"),
            Status::Other(text) => {
                if several {
                    out.push_str("error (other)\n");
                }
                let _ = writeln!(
                    out,
                    "{indent}{}",
                    text.replace('\n', &format!("\n{indent}"))
                );
            }
            other => {
                let _ = writeln!(out, "error ({})", other.message());
            }
        }
    }
}

/// Everything of one cluster (system id and version) over all repositories.
struct Cluster<'a> {
    system_id: u64,
    version: &'a str,
    min: Option<&'a str>,
    max: Option<&'a str>,
    backups: Vec<Shown<'a>>,
}

fn clusters(context: &Context, settings: &Settings, stanza: &StanzaReport, out: &mut String) {
    let Some(current) = stanza.current() else {
        return;
    };
    let mut groups: Vec<Cluster<'_>> = Vec::new();
    for archive in stanza
        .repositories
        .iter()
        .flat_map(|report| &report.archives)
    {
        let entry = &archive.entry;
        let at = groups
            .iter()
            .position(|group| group.system_id == entry.system_id && group.version == entry.version);
        let at = at.unwrap_or_else(|| {
            let (system_id, version) = (entry.system_id, entry.version.as_str());
            groups.push(Cluster {
                system_id,
                version,
                min: None,
                max: None,
                backups: Vec::new(),
            });
            groups.len() - 1
        });
        let group = &mut groups[at];
        if let (Some(min), Some(max)) = (archive.min.as_deref(), archive.max.as_deref()) {
            group.min = Some(group.min.map_or(min, |known| known.min(min)));
            group.max = Some(group.max.map_or(max, |known| known.max(max)));
        }
    }
    let mut only = None;
    for shown in details::backups(settings, stanza) {
        let history = shown
            .repository
            .backup_info
            .as_ref()
            .and_then(|info| info.history.find(shown.entry.pg_id));
        let Some(entry) = history else { continue };
        let at = groups
            .iter()
            .position(|group| group.system_id == entry.system_id && group.version == entry.version);
        if let Some(at) = at {
            groups[at].backups.push(shown);
            only = settings.set.is_some().then_some(at);
        }
    }
    let is_current = |group: &Cluster<'_>| {
        group.system_id == current.system_id && group.version == current.version
    };
    let mut last = String::new();
    for (at, group) in groups.iter().enumerate() {
        if only.is_some_and(|only| only != at) {
            continue;
        }
        if is_current(group) {
            last.push_str("\n    db (current)");
            cluster(context, settings, group, &mut last);
        } else if group.min.is_some() || !group.backups.is_empty() {
            out.push_str("\n    db (prior)");
            cluster(context, settings, group, out);
        }
    }
    out.push_str(&last);
}

fn cluster(context: &Context, settings: &Settings, group: &Cluster<'_>, out: &mut String) {
    let wal = match (group.min, group.max) {
        (Some(min), Some(max)) => format!("{min}/{max}"),
        _ => "none present".to_owned(),
    };
    let _ = writeln!(
        out,
        "\n        wal archive min/max ({}): {wal}",
        group.version
    );
    for shown in &group.backups {
        backup(context, settings, shown, out);
    }
}

fn backup(context: &Context, settings: &Settings, shown: &Shown<'_>, out: &mut String) {
    let entry = shown.entry;
    let _ = writeln!(
        out,
        "\n        {} backup: {}",
        entry.backup_type.name(),
        entry.label
    );
    let mut line = |text: String| {
        let _ = writeln!(out, "            {text}");
    };
    let time = |seconds| {
        context
            .clock
            .offset_text(i64::try_from(seconds).unwrap_or(i64::MAX))
    };
    line(format!(
        "timestamp start/stop: {} / {}",
        time(entry.timestamp_start),
        time(entry.timestamp_stop)
    ));
    line(match (&entry.archive_start, &entry.archive_stop) {
        (Some(start), Some(stop)) => format!("wal start/stop: {start} / {stop}"),
        _ => "wal start/stop: n/a".to_owned(),
    });
    if settings.set.is_some()
        && let (Some(start), Some(stop)) = (&entry.lsn_start, &entry.lsn_stop)
    {
        line(format!("lsn start/stop: {start} / {stop}"));
    }
    line(format!(
        "database size: {}, database backup size: {}",
        size_text(entry.size),
        size_text(entry.size_delta)
    ));
    let set_size = match entry.repo_size_map {
        None => format!("backup set size: {}, ", size_text(entry.repo_size)),
        Some(_) => String::new(),
    };
    line(format!(
        "repo{}: {set_size}backup size: {}",
        shown.repository.key,
        size_text(entry.repo_size_delta)
    ));
    if let Some(grade) = shown.repository.durability.get(&entry.label) {
        line(format!("durability: {grade}"));
    }
    if let Some(until) = shown.repository.locked.get(&entry.label) {
        line(format!(
            "locked: {}",
            lock_text::until(&context.clock, *until)
        ));
    }
    // Under the name pgbackrest the note alone shows it, as in pgBackRest.
    if context.config.program() == Program::PgKeep
        && let Some(pin) = Pin::of(entry)
    {
        line(format!("pinned: {}", pin_text::text(&context.clock, &pin)));
    }
    if let Some(references) = &entry.references {
        if settings.set.is_some() {
            let list: Vec<&str> = references.iter().map(|label| label.as_str()).collect();
            line(format!("backup reference list: {}", list.join(", ")));
        } else {
            let count = |wanted| {
                references
                    .iter()
                    .filter(|label| label.backup_type() == wanted)
                    .count()
            };
            let mut total = format!("backup reference total: {} full", count(BackupType::Full));
            for (wanted, name) in [(BackupType::Diff, "diff"), (BackupType::Incr, "incr")] {
                if count(wanted) > 0 {
                    let _ = write!(total, ", {} {name}", count(wanted));
                }
            }
            line(total);
        }
    }
    let manifest = shown
        .repository
        .manifest
        .as_ref()
        .filter(|_| settings.set.is_some());
    let mut errors = Vec::new();
    if let Some(manifest) = manifest {
        let databases: Vec<String> = details::databases(manifest)
            .iter()
            .map(|(name, oid)| format!("{} ({oid})", lossy(name)))
            .collect();
        let list = if databases.is_empty() {
            "none".to_owned()
        } else {
            databases.join(", ")
        };
        line(format!("database list: {list}"));
        list_places("symlinks:", &details::links(manifest), &mut line);
        list_places("tablespaces:", &details::tablespaces(manifest), &mut line);
        errors = details::errors(manifest);
    }
    if !errors.is_empty() {
        let list: Vec<String> = errors.iter().map(|name| lossy(name)).collect();
        line(format!("error list: {}", list.join(", ")));
    } else if entry.error == Some(true) {
        line("error(s) detected during backup".to_owned());
    }
    if settings.set.is_some() && !entry.annotations.is_empty() {
        line("annotation(s)".to_owned());
        for (key, value) in &entry.annotations {
            line(format!("    {}: {}", lossy(key), lossy(value)));
        }
    }
}

fn list_places(title: &str, places: &[Place], line: &mut dyn FnMut(String)) {
    if places.is_empty() {
        return;
    }
    line(title.to_owned());
    for place in places {
        let oid = place.oid.map(|oid| format!(" ({oid})")).unwrap_or_default();
        line(format!(
            "    {}{oid} => {}",
            lossy(&place.name),
            lossy(&place.destination)
        ));
    }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
