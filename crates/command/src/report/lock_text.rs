//! Until when a file is locked, for people.

use pgkeep_storage::protection::KeptUntil;

use crate::run::clock::Clock;

/// `until 2026-12-31 12:00:00+00`
pub(crate) fn until(clock: &Clock, until: KeptUntil) -> String {
    match until {
        KeptUntil::Time(seconds) => format!("until {}", clock.offset_text(seconds)),
        KeptUntil::Hold => "until a legal hold is ended".to_owned(),
    }
}
