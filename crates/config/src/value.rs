//! Values of options: how each kind is read, and where a value came from.
//!
//! Ranges, allow-lists and paths are checked in `resolve`. Invariant: a secret is only ever held as [`Value::Secret`], whose `Debug`
//! prints nothing.

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;

use crate::define::option::Kind;

/// A value in the form the program works with.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Boolean(bool),
    Integer(i64),
    Size(u64),
    Time(Duration),
    /// Strings, paths and choices.
    String(String),
    List(Vec<String>),
    /// Pairs in the order in which their keys were first given.
    Map(Vec<(String, String)>),
    Secret(SecretString),
}

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Nobody said anything.
    Default,
    /// A word of the command line.
    CommandLine,
    /// An environment variable.
    Environment {
        /// Its name.
        variable: String,
    },
    /// A configuration file.
    File {
        /// Path of the file.
        path: Arc<str>,
        /// Section without brackets.
        section: String,
        /// Line in the file, counted from 1 (the first line of a repeated key).
        line: u32,
    },
}

impl Source {
    /// Whether nobody said anything.
    pub fn is_default(&self) -> bool {
        *self == Source::Default
    }
}

/// Reads a number of `kind` (integer, bytes or milliseconds); nothing if the text is not one or does not fit into 64 bits.
pub(crate) fn parse_number(kind: Kind, text: &str) -> Option<i64> {
    match kind {
        Kind::Size => parse_size(text),
        Kind::Time => parse_time(text),
        _ => parse_integer(text),
    }
}

/// A number of `kind` as a value.
pub(crate) fn number_value(kind: Kind, number: i64) -> Value {
    match kind {
        Kind::Size => Value::Size(number.unsigned_abs()),
        Kind::Time => Value::Time(Duration::from_millis(number.unsigned_abs())),
        _ => Value::Integer(number),
    }
}

/// Decimal with an optional sign (`strtoll` also takes a plus).
fn parse_integer(text: &str) -> Option<i64> {
    text.parse().ok()
}

/// Bytes: digits and an optional suffix; all suffixes are powers of 1024.
pub fn parse_size(text: &str) -> Option<i64> {
    let lower = text.to_ascii_lowercase();
    let digits = lower.bytes().take_while(u8::is_ascii_digit).count();
    let power = match &lower[digits..] {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 1,
        "m" | "mb" | "mib" => 2,
        "g" | "gb" | "gib" => 3,
        "t" | "tb" | "tib" => 4,
        "p" | "pb" | "pib" => 5,
        _ => return None,
    };
    let number: i64 = lower[..digits].parse().ok()?;
    number.checked_mul(1024_i64.pow(power))
}

/// Milliseconds: integer and an optional unit, seconds without one.
fn parse_time(text: &str) -> Option<i64> {
    const UNITS: [(&str, i64); 6] = [
        ("ms", 1),
        ("s", 1000),
        ("m", 60 * 1000),
        ("h", 60 * 60 * 1000),
        ("d", 24 * 60 * 60 * 1000),
        ("w", 7 * 24 * 60 * 60 * 1000),
    ];
    let lower = text.to_ascii_lowercase();
    let (number, unit) = UNITS
        .iter()
        .find_map(|(name, unit)| lower.strip_suffix(name).map(|number| (number, *unit)))
        .unwrap_or((&lower, 1000));
    parse_integer(number)?.checked_mul(unit)
}

/// Milliseconds as pgBackRest shows a time that was computed and not typed: seconds, at most three decimals, no trailing zeros.
pub(crate) fn show_seconds(milliseconds: i64) -> String {
    let text = format!("{}.{:03}", milliseconds / 1000, milliseconds % 1000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_powers_of_1024_with_any_suffix_in_any_case() {
        for (text, bytes) in [
            ("0", Some(0)),
            ("5", Some(5)),
            ("5b", Some(5)),
            ("1k", Some(1024)),
            ("1KB", Some(1024)),
            ("1KiB", Some(1024)),
            ("3m", Some(3 << 20)),
            ("2GB", Some(2 << 30)),
            ("4PiB", Some(4 << 50)),
            ("9223372036854775807", Some(i64::MAX)),
            ("9223372036854775808", None),
            ("8192pib", None),
            ("", None),
            ("k", None),
            ("-1", None),
            ("1.5k", None),
            ("1 k", None),
            ("1kk", None),
        ] {
            assert_eq!(parse_size(text), bytes, "{text}");
        }
    }

    #[test]
    fn times_are_seconds_unless_a_unit_is_given() {
        for (text, milliseconds) in [
            ("5", Some(5000)),
            ("300ms", Some(300)),
            ("5S", Some(5000)),
            ("1m", Some(60_000)),
            ("2h", Some(7_200_000)),
            ("1d", Some(86_400_000)),
            ("1w", Some(604_800_000)),
            ("-1", Some(-1000)),
            ("0.5", None),
            ("5x", None),
            ("ms", None),
            ("s", None),
            ("", None),
            ("1 s", None),
            ("9223372036854775807w", None),
        ] {
            assert_eq!(parse_time(text), milliseconds, "{text}");
        }
    }

    #[test]
    fn integers_have_a_sign_and_64_bits() {
        assert_eq!(parse_integer("-7"), Some(-7));
        assert_eq!(parse_integer("+7"), Some(7));
        assert_eq!(parse_integer("9223372036854775808"), None);
        assert_eq!(parse_integer(" 7"), None);
        assert_eq!(parse_integer(""), None);
    }

    #[test]
    fn computed_times_are_shown_in_seconds() {
        assert_eq!(show_seconds(60_000), "60");
        assert_eq!(show_seconds(500), "0.5");
        assert_eq!(show_seconds(1_250), "1.25");
    }
}
