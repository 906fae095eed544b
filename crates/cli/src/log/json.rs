//! A log line as one JSON object (`log-format=json`), for programs that collect logs.
//!
//! Names of fields are those of PostgreSQL's `jsonlog` and of pgBackRest's JSON: `timestamp` (RFC 3339), `level`, `pid`, `process`,
//! `command`, `stanza`, `message`, of an error `code` and `hint`, of the line that ends a command `result`.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value};

use super::format::Entry;
use crate::printable::printable;

/// Marks a line of a text that says what to do.
const HINT: &str = "HINT: ";

/// What every line of a run has.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names {
    /// `backup`, `archive-push:async`; `None`: the options are not read yet.
    pub(crate) command: Option<String>,
    pub(crate) stanza: Option<String>,
}

/// The line, with its line feed. `zone`: with the time, in that zone.
pub(super) fn render(
    names: &Names,
    entry: &Entry<'_>,
    result: Option<&Value>,
    zone: Option<&TimeZone>,
    now: Timestamp,
) -> String {
    let mut line = Map::new();
    let mut put = |name: &str, value: Value| line.insert(name.to_owned(), value);
    if let Some(zone) = zone {
        let now = now.to_zoned_datetime(zone.clone());
        let text = now.strftime("%Y-%m-%dT%H:%M:%S%.3f%:z").to_string();
        put("timestamp", text.into());
    }
    put("level", entry.level.text().to_ascii_lowercase().into());
    put("pid", std::process::id().into());
    put("process", entry.process.into());
    if let Some(command) = &names.command {
        put("command", command.as_str().into());
    }
    if let Some(stanza) = &names.stanza {
        put("stanza", stanza.as_str().into());
    }
    if entry.dry_run {
        put("dry-run", true.into());
    }
    // What somebody prints from it later must be as harmless as a line of text.
    let text = printable(entry.text);
    let (message, hints) = match entry.code {
        Some(_) => apart(&text),
        None => (&*text, Vec::new()),
    };
    if let Some(code) = entry.code {
        put("code", code.into());
    }
    put("message", message.into());
    if !hints.is_empty() {
        put("hint", hints.into());
    }
    if let Some(result) = result {
        put("result", result.clone());
    }
    let mut line = Value::Object(line).to_string();
    line.push('\n');
    line
}

/// The message, and the hints that end it. Those in its midst are of one repository among several, and stay there.
fn apart(text: &str) -> (&str, Vec<&str>) {
    let (mut message, mut hints) = (text, Vec::new());
    while let Some((before, last)) = message.rsplit_once('\n')
        && let Some(hint) = last.strip_prefix(HINT)
    {
        hints.insert(0, hint);
        message = before;
    }
    (message, hints)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::format::Level;
    use super::*;

    fn entry(level: Level, code: Option<u8>, text: &str) -> Entry<'_> {
        Entry {
            level,
            process: 0,
            code,
            dry_run: false,
            text,
        }
    }

    fn now() -> Timestamp {
        "2026-11-24T04:50:26.003Z".parse().unwrap()
    }

    fn value(entry: &Entry<'_>) -> Value {
        let line = render(&Names::default(), entry, None, None, now());
        assert_eq!(line.matches('\n').count(), 1, "{line}");
        let mut value: Value = serde_json::from_str(&line).unwrap();
        let pid = value.as_object_mut().unwrap().remove("pid");
        assert_eq!(pid, Some(std::process::id().into()));
        value
    }

    #[test]
    fn a_line_is_one_object_with_time_level_command_and_stanza() {
        let names = Names {
            command: Some("backup".to_owned()),
            stanza: Some("demo".to_owned()),
        };
        let zone = TimeZone::fixed(jiff::tz::offset(2));
        let entry = Entry {
            process: 3,
            dry_run: true,
            ..entry(Level::Detail, None, "a \"b\"\nc")
        };
        let result = json!({"outcome": "ok"});
        let line = render(&names, &entry, Some(&result), Some(&zone), now());
        let pid = std::process::id();
        assert_eq!(
            line,
            format!(
                r#"{{"timestamp":"2026-11-24T06:50:26.003+02:00","level":"detail","pid":{pid},"process":3,"command":"backup","stanza":"demo","dry-run":true,"message":"a \"b\"\nc","result":{{"outcome":"ok"}}}}
"#
            )
        );
    }

    #[test]
    fn an_error_has_its_code_and_the_hints_that_end_it() {
        let text = "a\nHINT: of repo1\nb\nHINT: c\nHINT: d";
        assert_eq!(
            value(&entry(Level::Error, Some(56), text)),
            json!({"level": "error", "process": 0, "code": 56,
                "message": "a\nHINT: of repo1\nb", "hint": ["c", "d"]})
        );
        assert_eq!(
            value(&entry(Level::Error, Some(56), "a")),
            json!({"level": "error", "process": 0, "code": 56, "message": "a"})
        );
    }

    #[test]
    fn nothing_in_a_message_moves_the_cursor_or_ends_the_line() {
        assert_eq!(
            value(&entry(Level::Warn, None, "'\u{1b}[1A\r\u{9b}' \u{2028}\n")),
            json!({"level": "warn", "process": 0, "message": "'\\x1b[1A\\x0d\\x9b' \u{2028}\n"})
        );
    }
}
