//! Times, sizes and states as the page writes them.

use jiff::Timestamp;
use maud::{Markup, html};

use super::super::facts::{Facts, Kind, State};
use crate::report::time_text::time_text;

/// `2026-11-24 04:50`
pub(super) fn time(facts: &Facts, seconds: i64) -> String {
    format(facts, seconds, "%Y-%m-%d %H:%M")
}

/// A time for people and for programs.
pub(super) fn time_element(facts: &Facts, seconds: i64) -> Markup {
    let exact = format(facts, seconds, "%Y-%m-%dT%H:%M:%S%:z");
    html! { time datetime=(exact) { (time(facts, seconds)) } }
}

pub(super) fn format(facts: &Facts, seconds: i64, form: &str) -> String {
    let at = Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH);
    let at = at.to_zoned_datetime(facts.zone.clone());
    at.strftime(form).to_string()
}

/// `3h 4m ago`; a clock may be behind.
pub(super) fn ago(facts: &Facts, seconds: i64) -> String {
    match u64::try_from(facts.at.saturating_sub(seconds)) {
        Ok(age) => format!("{} ago", time_text(age)),
        Err(_) => "in the future".to_owned(),
    }
}

/// How something stands.
pub(super) fn state(state: State) -> &'static str {
    match state {
        State::Ok => "in order",
        State::Warn => "needs attention",
        State::Fail => "failed",
    }
}

/// Its class.
pub(super) fn class(state: State) -> &'static str {
    match state {
        State::Ok => "ok",
        State::Warn => "warn",
        State::Fail => "fail",
    }
}

/// Sign and words; never the colour alone.
pub(super) fn badge(of: State, text: &str) -> Markup {
    html! { span class={ "badge " (class(of)) } { (sign(of)) (text) } }
}

/// A tick, an exclamation mark, a cross.
pub(super) fn sign(of: State) -> Markup {
    let path = match of {
        State::Ok => "M4.6 8.3l2.3 2.3 4.5-4.9",
        State::Warn => "M8 4.2v4.6M8 11.2v.3",
        State::Fail => "M5.3 5.3l5.4 5.4M10.7 5.3l-5.4 5.4",
    };
    html! {
        svg class="sign" viewBox="0 0 16 16" aria-hidden="true" focusable="false" {
            circle cx="8" cy="8" r="7" fill="none" stroke="currentColor" stroke-width="1.5" {}
            path d=(path) fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round" {}
        }
    }
}

/// The shape of a type of set around the origin, `size` large.
pub(super) fn shape(kind: Kind, size: f64) -> String {
    let half = size / 2.0;
    match kind {
        Kind::Full => format!("M{0:.1} {0:.1}h{1:.1}v{1:.1}h-{1:.1}z", -half, size),
        Kind::Diff => format!(
            "M0 {0:.1}L{1:.1} 0L0 {1:.1}L{0:.1} 0z",
            -half * 1.25,
            half * 1.25
        ),
        Kind::Incr => format!(
            "M{0:.1} 0a{1:.1} {1:.1} 0 1 0 {2:.1} 0a{1:.1} {1:.1} 0 1 0 -{2:.1} 0z",
            -half, half, size
        ),
    }
}

/// What the shapes are.
pub(super) fn legend(gaps: bool) -> Markup {
    html! {
        ul class="legend" {
            @for kind in Kind::ALL {
                li {
                    svg viewBox="-7 -7 14 14" aria-hidden="true" focusable="false" { path class=(kind.name()) d=(shape(kind, 10.0)) {} }
                    (kind.name())
                }
            }
            li {
                svg viewBox="0 0 14 14" aria-hidden="true" focusable="false" { rect class="span" y="3" width="14" height="8" {} }
                "can be restored"
            }
            @if gaps {
                li {
                    svg viewBox="0 0 14 14" aria-hidden="true" focusable="false" { rect class="gap" y="3" width="14" height="8" {} }
                    "WAL missing"
                }
            }
        }
    }
}
