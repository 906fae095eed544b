//! Times as `--target` and `--repo-target-time` give them: `YYYY-MM-DD HH:MM:SS[.fff][±HH[[:]MM]]`, in the local zone if none is named.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// Seconds since 1970 of such a text; fractions are cut off. `None`: not a time of this form.
pub(crate) fn parse(text: &str, zone: &TimeZone) -> Option<i64> {
    let (date, rest) = text.split_at_checked(19)?;
    let bytes = date.as_bytes();
    let separators = [(4, b'-'), (7, b'-'), (10, b' '), (13, b':'), (16, b':')];
    if separators.iter().any(|&(at, byte)| bytes[at] != byte) {
        return None;
    }
    let part = |from: usize, to: usize| {
        digits(&date[from..to]).and_then(|value| i16::try_from(value).ok())
    };
    let byte = |from: usize| part(from, from + 2).and_then(|value| i8::try_from(value).ok());
    let civil = DateTime::new(
        part(0, 4)?,
        byte(5)?,
        byte(8)?,
        byte(11)?,
        byte(14)?,
        byte(17)?,
        0,
    )
    .ok()?;
    let rest = match rest.strip_prefix(['.', ',']) {
        Some(fraction) => fraction.trim_start_matches(|c: char| c.is_ascii_digit()),
        None => rest,
    };
    if rest.is_empty() {
        // A time that the clocks skipped or showed twice is taken as the C library takes it: the first of the two.
        return Some(
            zone.to_ambiguous_zoned_datetime(civil)
                .compatible()
                .ok()?
                .timestamp()
                .as_second(),
        );
    }
    let utc: Timestamp = TimeZone::UTC.to_timestamp(civil).ok()?;
    Some(utc.as_second() - offset(rest)?)
}

/// Microseconds since 1970 of a recovery target; what is finer is cut off. `None`: not a time of this form.
pub(crate) fn parse_micros(text: &str, zone: &TimeZone) -> Option<i64> {
    let seconds = parse(text, zone)?;
    let fraction = text.get(19..)?.strip_prefix(['.', ',']).unwrap_or_default();
    let digits = fraction.bytes().take_while(u8::is_ascii_digit);
    let fraction = digits
        .chain(std::iter::repeat(b'0'))
        .take(6)
        .fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'));
    seconds.checked_mul(1_000_000)?.checked_add(fraction)
}

/// Whether a target names its zone; without it PostgreSQL takes the one of the cluster's settings.
pub(crate) fn has_zone(text: &str) -> bool {
    text.get(19..).is_some_and(|rest| rest.contains(['+', '-']))
}

/// Seconds east of Greenwich: `+02`, `-0330`, `+05:30`.
fn offset(text: &str) -> Option<i64> {
    let sign = match text.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hours, minutes) = text[1..].split_at_checked(2)?;
    let hours = i64::from(digits(hours)?);
    let minutes = match minutes.strip_prefix(':').unwrap_or(minutes) {
        "" => 0,
        minutes if minutes.len() == 2 => i64::from(digits(minutes)?),
        _ => return None,
    };
    (hours <= 15 && minutes <= 59).then_some(sign * (hours * 3600 + minutes * 60))
}

fn digits(text: &str) -> Option<u32> {
    text.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| text.parse().ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utc(text: &str) -> Option<i64> {
        parse(text, &TimeZone::UTC)
    }

    #[test]
    fn times_are_read_with_and_without_fraction_and_zone() {
        let at = utc("2026-11-24 04:01:13").unwrap();
        assert_eq!(at, 1_795_492_873);
        assert_eq!(utc("2026-11-24 04:01:13.999"), Some(at));
        assert_eq!(utc("2026-11-24 04:01:13,5+00"), Some(at));
        assert_eq!(utc("2026-11-24 06:01:13+02"), Some(at));
        assert_eq!(utc("2026-11-24 09:31:13.1+05:30"), Some(at));
        assert_eq!(utc("2026-11-24 00:31:13-0330"), Some(at));
    }

    #[test]
    fn a_fraction_counts_to_the_microsecond() {
        let at = utc("2026-11-24 04:01:13").unwrap() * 1_000_000;
        for (text, micros) in [
            ("2026-11-24 04:01:13", 0),
            ("2026-11-24 04:01:13.086672+00", 86_672),
            ("2026-11-24 04:01:13,5", 500_000),
            ("2026-11-24 06:01:13.1234569+02", 123_456),
            ("2026-11-24 04:01:13.", 0),
        ] {
            assert_eq!(
                parse_micros(text, &TimeZone::UTC),
                Some(at + micros),
                "{text}"
            );
        }
        assert_eq!(parse_micros("now", &TimeZone::UTC), None);
    }

    #[test]
    fn a_time_without_zone_is_local() {
        let zone = TimeZone::fixed(jiff::tz::offset(-5));
        assert_eq!(parse("2026-11-23 23:01:13", &zone), Some(1_795_492_873));
    }

    #[test]
    fn a_zone_is_known_to_be_there() {
        for text in ["2026-11-24 04:01:13+00", "2026-11-24 04:01:13.5-0330"] {
            assert!(has_zone(text), "{text}");
        }
        for text in ["2026-11-24 04:01:13", "2026-11-24 04:01:13.999", ""] {
            assert!(!has_zone(text), "{text}");
        }
    }

    #[test]
    fn other_texts_are_no_times() {
        for text in [
            "",
            "now",
            "2026-11-24",
            "2026-11-24 04:01",
            "2026-11-24T04:01:13",
            "2026-13-24 04:01:13",
            "2026-11-24 04:01:13 UTC",
            "2026-11-24 04:01:13+2",
            "2026-11-24 04:01:13+02:0",
            "2026-11-24 04:61:13",
            "2026-11-24 04:01:13+02:00x",
            "2026-11-24 04:01:1é",
            "+026-11-24 04:01:13",
        ] {
            assert_eq!(utc(text), None, "{text}");
        }
    }
}
