//! The drills of a stanza that were made on this host: one JSON object in a line, the newest last.
//!
//! The file is replaced as a whole, so that it is the old one or the new one whenever a drill dies.

use std::path::Path;

use pgkeep_storage::{StoragePath, WriteOptions, copy};
use serde_json::Value;

use super::settings::Settings;
use crate::error::Result;
use crate::hosts::this_host;
use crate::report::table;
use crate::report::time_text::elapsed_text;
use crate::run::Context;

/// Drills that are kept, and how large a file can get by them.
const KEPT: usize = 100;
const LIMIT: u64 = 64 << 20;

/// Adds one. A history that cannot be written changes nothing of the drill.
pub(super) fn add(settings: &Settings, drill: &Value) {
    let write = || -> Result<()> {
        let mut all = read(&settings.log_path, &settings.stanza)?;
        all.push(drill.to_string());
        let from = all.len().saturating_sub(KEPT);
        let text: String = all[from..].iter().map(|line| format!("{line}\n")).collect();
        let storage = this_host::directory(&settings.log_path);
        copy::write_all(
            &*storage,
            &name(&settings.stanza),
            &WriteOptions::default(),
            text.as_bytes(),
        )?;
        Ok(())
    };
    if let Err(error) = write() {
        log::warn!("unable to keep the history of drills: {}", error.text());
    }
}

/// Shows all.
///
/// # Errors
/// A file that cannot be read.
pub(super) fn show(context: &Context, settings: &Settings) -> Result<()> {
    let drills: Vec<Value> = read(&settings.log_path, &settings.stanza)?
        .iter()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    if settings.json {
        return context.output.text(&format!("{}\n", Value::Array(drills)));
    }
    if drills.is_empty() {
        return context.output.text(&format!(
            "no drill of stanza {} on this host\n",
            settings.stanza
        ));
    }
    let mut table = table::new(&["drill", "backup", "restore", "replay", "reached", "result"]);
    for drill in &drills {
        let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
        let time = |value: &Value| value.as_i64().map_or_else(|| "-".to_owned(), elapsed_text);
        let result = match drill["error"]["message"].as_str() {
            Some(message) => message.lines().next().unwrap_or_default().to_owned(),
            None => "ok".to_owned(),
        };
        table.add_row(vec![
            context
                .clock
                .local_text(drill["timestamp"]["start"].as_i64().unwrap_or(0)),
            text(&drill["set"]["label"]),
            time(&drill["time"]["restore-ms"]),
            time(&drill["time"]["replay-ms"]),
            text(&drill["reached"]["lsn"]),
            result,
        ]);
    }
    context.output.text(&format!("{table}\n"))
}

/// The lines of the file; none without one.
///
/// # Errors
/// A file that cannot be read.
pub(crate) fn read(log_path: &Path, stanza: &str) -> Result<Vec<String>> {
    let storage = this_host::directory(log_path);
    let bytes = copy::read_all(&*storage, &name(stanza), LIMIT)?.unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    Ok(text.lines().map(str::to_owned).collect())
}

fn name(stanza: &str) -> StoragePath {
    StoragePath::from(format!("{stanza}-drill.history").as_str())
}
