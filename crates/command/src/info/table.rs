//! A compact view for people: one line a repository with the moments it can restore, one line a backup with size and age.
//!
//! Not pgBackRest's, so it may change; programs read the JSON. WAL counts by name: `verify` reads it.

use comfy_table::{CellAlignment, Table, presets};

use super::details::{self, Shown};
use super::settings::Settings;
use super::text::status_line;
use crate::report::size_text::size_text;
use crate::report::time_text::time_text;
use crate::run::Context;
use crate::stanzas::{self, RepositoryReport, StanzaReport};
use crate::wal::window::{Restorable, Window};

/// All stanzas, an empty line between two.
pub(super) fn render(context: &Context, settings: &Settings, stanzas: &[StanzaReport]) -> String {
    if stanzas.is_empty() {
        return "No stanzas exist in the repository.\n".to_owned();
    }
    let each: Vec<String> = stanzas
        .iter()
        .map(|stanza| one(context, settings, stanza))
        .collect();
    each.join("\n")
}

fn one(context: &Context, settings: &Settings, stanza: &StanzaReport) -> String {
    let status = stanza.status(settings.full);
    let mut text = format!(
        "stanza {}: {}\n",
        stanza.name,
        status_line(settings, stanza, &status)
    );
    if !settings.full {
        return text;
    }
    let mut repositories = table(&[
        "repo",
        "status",
        "backups",
        "stored",
        "newest",
        "restorable from",
        "to",
    ]);
    right(&mut repositories, &[2, 3, 4]);
    for report in &stanza.repositories {
        repositories.add_row(repository(context, report));
    }
    push(&mut text, &repositories);
    let shown = details::backups(settings, stanza);
    if shown.is_empty() {
        return text;
    }
    let mut backups = table(&[
        "repo",
        "backup",
        "age",
        "took",
        "database",
        "copied",
        "stored",
        "restorable to",
        "",
    ]);
    right(&mut backups, &[2, 3, 4, 5, 6]);
    for shown in &shown {
        backups.add_row(backup(context, shown));
    }
    text.push('\n');
    push(&mut text, &backups);
    text
}

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header);
    table
}

fn right(table: &mut Table, columns: &[usize]) {
    for &column in columns {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
}

/// Lines without blanks at their ends.
fn push(text: &mut String, table: &Table) {
    for line in table.lines() {
        text.push(' ');
        text.push_str(line.trim_end());
        text.push('\n');
    }
}

fn repository(context: &Context, report: &RepositoryReport) -> Vec<String> {
    let entries = report
        .backup_info
        .as_ref()
        .map_or(&[][..], |info| info.entries());
    let stored = entries
        .iter()
        .map(|entry| entry.repo_size_delta)
        .fold(0, u64::saturating_add);
    let newest = entries
        .last()
        .map_or_else(String::new, |entry| age(context, entry.timestamp_stop));
    let (from, to) = span(context, report);
    let status = report.status.repository_message();
    vec![
        report.key.to_string(),
        status.lines().next().unwrap_or_default().to_owned(),
        entries.len().to_string(),
        size_text(stored),
        newest,
        from,
        to,
    ]
}

/// The moments up to the newest that can be restored, without a break.
fn span(context: &Context, report: &RepositoryReport) -> (String, String) {
    match stanzas::span(report) {
        None => ("nothing".to_owned(), String::new()),
        Some(span) => (
            context.clock.offset_text(span.since),
            end(context, &span.window),
        ),
    }
}

fn end(context: &Context, window: &Window) -> String {
    match window.stored {
        Some(stored) => format!("{} ({})", context.clock.offset_text(stored), window.last),
        None => "the end of the backup".to_owned(),
    }
}

fn backup(context: &Context, shown: &Shown<'_>) -> Vec<String> {
    let entry = shown.entry;
    let restorable = match stanzas::restorable(shown.repository, entry) {
        None | Some(Restorable::Damaged) => String::new(),
        Some(Restorable::Inconsistent(_)) => "nothing: its WAL is missing".to_owned(),
        Some(Restorable::AsItIs) => "its own end only".to_owned(),
        Some(Restorable::Windows(windows)) => windows
            .iter()
            .max_by_key(|window| (window.timeline, window.end))
            .map(|window| end(context, window))
            .unwrap_or_default(),
    };
    let note = match entry.error {
        Some(true) => "page errors",
        _ => "",
    };
    vec![
        shown.repository.key.to_string(),
        entry.label.to_string(),
        age(context, entry.timestamp_stop),
        time_text(entry.timestamp_stop.saturating_sub(entry.timestamp_start)),
        size_text(entry.size),
        size_text(entry.size_delta),
        size_text(entry.repo_size_delta),
        restorable,
        note.to_owned(),
    ]
}

fn age(context: &Context, seconds: u64) -> String {
    let now = u64::try_from(context.clock.seconds()).unwrap_or(0);
    time_text(now.saturating_sub(seconds))
}
