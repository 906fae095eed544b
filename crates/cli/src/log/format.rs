//! The shape of a log line, as scripts that read pgBackRest's logs expect it.
//!
//! `2026-11-24 04:50:26.003 P00   INFO: text`, following lines indented to the text, errors with `[056]: ` in front.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use pgkeep_command::error::without_numbers;

use crate::printable::printable;

/// Levels of pgBackRest, which has one between info and debug.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    Off,
    Error,
    Warn,
    Info,
    Detail,
    Debug,
    Trace,
}

impl Level {
    /// The level with this name in an option value.
    pub(crate) fn from_option(name: &str) -> Option<Self> {
        Some(match name {
            "off" => Self::Off,
            "error" => Self::Error,
            "warn" => Self::Warn,
            "info" => Self::Info,
            "detail" => Self::Detail,
            "debug" => Self::Debug,
            "trace" => Self::Trace,
            _ => return None,
        })
    }

    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Off => "OFF",
            Self::Error => "ERROR",
            Self::Warn => "WARN",
            Self::Info => "INFO",
            Self::Detail => "DETAIL",
            Self::Debug => "DEBUG",
            Self::Trace => "TRACE",
        }
    }
}

/// One message and where it comes from.
#[derive(Debug)]
pub(crate) struct Entry<'a> {
    pub(crate) level: Level,
    /// Number of the worker, 0 for the main thread.
    pub(crate) process: u32,
    /// Exit code of an error.
    pub(crate) code: Option<u8>,
    pub(crate) dry_run: bool,
    pub(crate) text: &'a str,
}

/// What stands in front of the level.
#[derive(Debug, Clone)]
pub(crate) struct Header {
    /// With date and time.
    pub(crate) timestamp: bool,
    /// Digits of the process number: 2, or 3 when there can be more than 99 workers.
    pub(crate) process_digits: usize,
    pub(crate) zone: TimeZone,
}

impl Header {
    /// A whole line (or several), with the line feed at the end, for stdout and the log file.
    pub(crate) fn render(&self, entry: &Entry<'_>, now: Timestamp) -> String {
        let mut line = String::with_capacity(entry.text.len() + 48);
        if self.timestamp {
            let now = now.to_zoned_datetime(self.zone.clone());
            line.push_str(&now.strftime("%Y-%m-%d %H:%M:%S").to_string());
            line.push_str(&format!(".{:03} ", now.subsec_nanosecond() / 1_000_000));
        }
        line.push_str(&format!(
            "P{:0width$} {:>6}: ",
            entry.process,
            entry.level.text(),
            width = self.process_digits
        ));
        finish(line, entry)
    }
}

/// A line for stderr, which starts with the level.
pub(crate) fn render_plain(entry: &Entry<'_>) -> String {
    finish(format!("{}: ", entry.level.text()), entry)
}

fn finish(mut line: String, entry: &Entry<'_>) -> String {
    // The code does not count for the indentation.
    let indent = " ".repeat(line.len());
    if let Some(code) = entry.code {
        line.push_str(&format!("[{code:03}]: "));
    }
    if entry.dry_run {
        line.push_str("[DRY-RUN] ");
    }
    for (number, text) in printable(entry.text).split('\n').enumerate() {
        if number > 0 {
            line.push('\n');
            line.push_str(&indent);
        }
        line.push_str(text);
    }
    line.push('\n');
    line
}

/// What a record says: errors of the operating system in its words only, and with where it comes from if it is for debugging.
pub(crate) fn message(level: Level, record: &log::Record<'_>) -> String {
    let text = without_numbers(record.args().to_string());
    match record.module_path() {
        _ if level < Level::Debug => text,
        module => format!("{}: {text}", module.unwrap_or(record.target())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_the_system_are_said_in_its_words() {
        let error = std::io::Error::from_raw_os_error(2);
        let said = |level| {
            message(
                level,
                &log::Record::builder()
                    .args(format_args!("unable to look: {error}; left"))
                    .target("target")
                    .build(),
            )
        };
        assert_eq!(
            said(Level::Warn),
            "unable to look: No such file or directory; left"
        );
        assert_eq!(
            said(Level::Debug),
            "target: unable to look: No such file or directory; left"
        );
    }

    fn header(timestamp: bool) -> Header {
        Header {
            timestamp,
            process_digits: 2,
            zone: TimeZone::UTC,
        }
    }

    fn entry(level: Level, code: Option<u8>, text: &str) -> Entry<'_> {
        Entry {
            level,
            process: 0,
            code,
            dry_run: false,
            text,
        }
    }

    #[test]
    fn a_line_has_time_process_level_and_text() {
        let now: Timestamp = "2026-11-24T04:50:26.003Z".parse().unwrap();
        let line = header(true).render(&entry(Level::Info, None, "text"), now);
        assert_eq!(line, "2026-11-24 04:50:26.003 P00   INFO: text\n");
        let line = header(false).render(
            &Entry {
                process: 3,
                ..entry(Level::Detail, None, "x")
            },
            now,
        );
        assert_eq!(line, "P03 DETAIL: x\n");
    }

    #[test]
    fn following_lines_are_indented_to_the_text_not_counting_the_code() {
        let now: Timestamp = "2026-11-24T04:50:26.003Z".parse().unwrap();
        let line = header(true).render(&entry(Level::Error, Some(56), "a\nHINT: b"), now);
        assert_eq!(
            line,
            format!(
                "2026-11-24 04:50:26.003 P00  ERROR: [056]: a\n{}HINT: b\n",
                " ".repeat(36)
            )
        );
        assert_eq!(
            render_plain(&entry(Level::Error, Some(48), "a\nb")),
            "ERROR: [048]: a\n       b\n"
        );
    }

    #[test]
    fn nothing_in_a_message_moves_the_cursor() {
        assert_eq!(
            render_plain(&entry(Level::Warn, None, "file '\u{1b}[1A\r'")),
            "WARN: file '\\x1b[1A\\x0d'\n"
        );
    }

    #[test]
    fn a_dry_run_is_marked_after_the_code() {
        let entry = Entry {
            dry_run: true,
            ..entry(Level::Error, Some(75), "a")
        };
        assert_eq!(render_plain(&entry), "ERROR: [075]: [DRY-RUN] a\n");
    }
}
