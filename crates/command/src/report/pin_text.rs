//! Until when a backup is pinned, for people.

use pgkeep_repo::pin::Pin;

use crate::run::clock::Clock;

/// `until 2026-12-31 12:00:00+00`
pub(crate) fn text(clock: &Clock, pin: &Pin) -> String {
    match pin {
        Pin::Until(seconds) if pin.holds(clock.seconds()) => {
            format!("until {}", clock.offset_text(*seconds))
        }
        Pin::Until(seconds) => format!("ended {}", clock.offset_text(*seconds)),
        Pin::Forever => "until it is released".to_owned(),
        Pin::Unreadable(value) => format!("until it is released ('{value}' is no time)"),
    }
}
