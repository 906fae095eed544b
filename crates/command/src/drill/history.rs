//! The drills of a stanza that were made on this host: one JSON object in a line, the newest last.
//!
//! The file is replaced as a whole, so that it is the old one or the new one whenever a drill dies. What is in it
//! and tells of no drill is left out.

use std::path::Path;

use pgkeep_storage::{StoragePath, WriteOptions, copy};
use serde_json::Value;

use super::settings::Settings;
use crate::error::Result;
use crate::hosts::this_host;
use crate::locks::{self, Turn};
use crate::report::table;
use crate::report::time_text::elapsed_text;
use crate::run::Context;

/// Drills that are kept, and how large a file can get by them.
const KEPT: usize = 100;
const LIMIT: u64 = 64 << 20;

/// Seconds since 1970 of a time that can be: before the year 10000.
const TIMES: std::ops::Range<i64> = 0..253_402_300_800;

/// Adds one. A history that cannot be written changes nothing of the drill.
pub(super) fn add(context: &Context, settings: &Settings, drill: &Value) {
    let write = || -> Result<()> {
        // Two drills in two directories may end at once, and each keeps what the other has added. Who may not write into the lock path
        // has no turn: then one of the two may be lost.
        let path = locks::path(context);
        let _turn = Turn::at(&path, &settings.stanza, "drill-history", &|| Ok(()));
        let mut all = read(&settings.log_path, &settings.stanza)?;
        all.push(drill.clone());
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
    let drills = read(&settings.log_path, &settings.stanza)?;
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
            Some(message) => one_line(message),
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

/// What an error says in one line: what follows a colon at the end of its first line belongs to it.
pub(crate) fn one_line(message: &str) -> String {
    let mut lines = message.lines();
    let first = lines.next().unwrap_or_default();
    match lines.next() {
        Some(second) if first.ends_with(':') => format!("{first} {}", second.trim()),
        _ => first.to_owned(),
    }
}

/// The drills in the file, the newest last; none without one.
///
/// # Errors
/// A file that cannot be read.
pub(crate) fn read(log_path: &Path, stanza: &str) -> Result<Vec<Value>> {
    let storage = this_host::directory(log_path);
    let bytes = this_host::read_state(&storage, &name(stanza), LIMIT)?.unwrap_or_default();
    let values = bytes
        .split(|byte| *byte == b'\n')
        .filter_map(|line| serde_json::from_slice(line).ok());
    Ok(values.filter(is_drill).collect())
}

/// What is no drill has none of its times.
fn is_drill(value: &Value) -> bool {
    let time = |name: &str| value["timestamp"][name].as_i64();
    let is_time = |name: &str| time(name).is_some_and(|time| TIMES.contains(&time));
    value["result"].is_string() && is_time("start") && is_time("stop")
}

fn name(stanza: &str) -> StoragePath {
    StoragePath::from(format!("{stanza}-drill.history").as_str())
}

#[cfg(test)]
#[allow(clippy::disallowed_methods)] // files that are no history
mod tests {
    use pgkeep_config::Program;
    use serde_json::json;

    use super::*;
    use crate::run::test_context;

    fn context(place: &Path) -> Context {
        let place = place.display();
        let log_path = format!("--log-path={place}");
        let file = format!("[global]\nlock-path={place}/lock\n");
        test_context::with_file(Program::PgKeep, "drill", &[log_path.as_str()], &file)
    }

    fn drill(stop: i64) -> Value {
        json!({"stanza": "demo", "result": "ok", "timestamp": {"start": stop - 1, "stop": stop}})
    }

    #[test]
    fn what_is_no_drill_is_left_out_and_goes() {
        let place = tempfile::tempdir().unwrap();
        let context = context(place.path());
        let settings = Settings::from(&context).unwrap();
        let file = place.path().join("demo-drill.history");
        let mut text = format!("{}\n{{}}\n[]\n7\nnot JSON\n\n", drill(10)).into_bytes();
        text.extend_from_slice(b"\xff\x00\n{\"result\":\"ok\",\"timestamp\":{\"start\":1,");
        for time in [i64::MAX, i64::MIN, -1] {
            text.extend_from_slice(
                format!(
                    "\n{}",
                    json!({"result": "ok", "timestamp": {"start": 1, "stop": time}})
                )
                .as_bytes(),
            );
        }
        std::fs::write(&file, text).unwrap();
        let kept = || read(place.path(), "demo").unwrap();
        assert_eq!(kept(), [drill(10)]);
        add(&context, &settings, &drill(20));
        assert_eq!(kept(), [drill(10), drill(20)]);
        assert_eq!(std::fs::read_to_string(&file).unwrap().lines().count(), 2);
    }

    #[test]
    fn an_error_of_a_list_is_shown_with_the_first_of_it() {
        let text =
            "the server ended before recovery was finished:\n  FATAL:  no such point\n  LOG:  end";
        let line = "the server ended before recovery was finished: FATAL:  no such point";
        assert_eq!(one_line(text), line);
        assert_eq!(one_line("page 3 is invalid\nmore"), "page 3 is invalid");
        assert_eq!(
            one_line("a list without entries:"),
            "a list without entries:"
        );
        assert_eq!(one_line(""), "");
    }

    #[test]
    fn what_is_no_history_is_neither_waited_for_nor_read() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("demo-drill.history");
        let refused = |why: &str| {
            let error = read(place.path(), "demo").unwrap_err();
            assert!(error.message.contains(why), "{error}");
            std::fs::remove_file(&file).unwrap();
        };
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mkfifoat(rustix::fs::CWD, &file, mode).unwrap();
        refused("no regular file");
        std::os::unix::fs::symlink("/dev/zero", &file).unwrap();
        refused("no regular file");
        let large = std::fs::File::create(&file).unwrap();
        large.set_len(1 << 40).unwrap();
        refused("more than");
        std::fs::create_dir(&file).unwrap();
        assert!(read(place.path(), "demo").is_err());
    }

    #[test]
    fn drills_that_end_at_once_are_all_kept() {
        let place = tempfile::tempdir().unwrap();
        let context = context(place.path());
        let settings = Settings::from(&context).unwrap();
        let (context, settings) = (&context, &settings);
        std::thread::scope(|scope| {
            for one in 1..=4 {
                scope.spawn(move || {
                    (0..10).for_each(|number| add(context, settings, &drill(one * 100 + number)));
                });
            }
        });
        assert_eq!(read(place.path(), "demo").unwrap().len(), 40);
    }
}
