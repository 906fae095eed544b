//! `--pin`: what is written for a date, a time, `forever` or `none`.

use jiff::ToSpan;
use jiff::civil::Date;
use pgkeep_repo::pin::Pin;

use crate::error::{Error, ErrorCode, Result};
use crate::run::clock::Clock;
use crate::run::time_text;

/// The value of the annotation; empty: it is removed.
///
/// # Errors
/// [`ErrorCode::OptionInvalidValue`] for what is no time, and for a time that is over.
pub(super) fn value(text: &str, clock: &Clock) -> Result<String> {
    match text {
        "none" => return Ok(String::new()),
        "forever" => return Ok(Pin::Forever.to_string()),
        _ => {}
    }
    let until = end_of_day(text, clock)
        .or_else(|| time_text::parse(text, clock.zone()))
        .ok_or_else(|| {
            invalid(
                text,
                match is_too_late(text) {
                    true => "that is later than can be written down: use forever.",
                    false => "use forever, none, a date such as 2027-01-31, or a time such as '2027-01-31 18:00:00+00'.",
                },
            )
        })?;
    if until <= clock.seconds() {
        return Err(invalid(
            text,
            "the time is over: use none to release a backup.",
        ));
    }
    Ok(Pin::Until(until).to_string())
}

/// Seconds since 1970 of the midnight that ends a date.
fn end_of_day(text: &str, clock: &Clock) -> Option<i64> {
    // Only the long form: others, such as 20270131, are more often a mistake than a date.
    let date: Date = text.parse().ok().filter(|_| text.len() == 10)?;
    let next = date.checked_add(1.day()).ok()?;
    let start = clock
        .zone()
        .to_ambiguous_zoned_datetime(next.to_datetime(jiff::civil::Time::midnight()))
        .compatible()
        .ok()?;
    Some(start.timestamp().as_second())
}

/// Whether it is one of the last days of the calendar, which many write who mean for ever: their end has no number.
fn is_too_late(text: &str) -> bool {
    let date = text.get(..10).and_then(|date| date.parse::<Date>().ok());
    date.is_some_and(|date| date.year() == Date::MAX.year())
}

fn invalid(text: &str, hint: &str) -> Error {
    Error::new(
        ErrorCode::OptionInvalidValue,
        format!("'{text}' is not valid for 'pin' option"),
    )
    .with_hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Result<String> {
        value(text, &Clock::fixed("2026-11-29T08:00:00Z".parse().unwrap()))
    }

    #[test]
    fn a_date_ends_with_its_day_and_a_time_at_once() {
        assert_eq!(at("2027-01-31").unwrap(), "2027-02-01T00:00:00Z");
        assert_eq!(at("2026-11-29").unwrap(), "2026-11-30T00:00:00Z");
        assert_eq!(
            at("2027-01-31 18:00:00+01").unwrap(),
            "2027-01-31T17:00:00Z"
        );
        assert_eq!(at("forever").unwrap(), "forever");
        assert_eq!(at("none").unwrap(), "");
    }

    #[test]
    fn the_end_of_the_calendar_is_for_ever() {
        assert_eq!(at("9998-12-31").unwrap(), "9999-01-01T00:00:00Z");
        for text in ["9999-12-31", "9999-12-31 23:59:59+00"] {
            let error = at(text).unwrap_err();
            assert!(error.hints[0].contains("use forever"), "{text}");
            assert!(!error.hints[0].contains("a date such as"), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_or_over_is_refused() {
        for text in [
            "",
            "soon",
            "20270131",
            "2027-02-30",
            "2026-11-28",
            "2026-11-29 07:59:59+00",
        ] {
            assert_eq!(
                at(text).unwrap_err().code,
                ErrorCode::OptionInvalidValue,
                "{text}"
            );
        }
    }
}
