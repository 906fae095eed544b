//! What asynchronous archiving has in the spool of this host.

use pgkeep_repo::Stanza;

use super::super::family::{Families, Metric, labels};
use super::super::settings::Settings;
use crate::archiving::spool::{ERROR, OK, Queue, Spool};

const FETCHED: Metric = Metric::plain(
    "pgkeep_spool_fetched_segments",
    "WAL segments that were fetched ahead of PostgreSQL",
);
const PUSHED: Metric = Metric::plain(
    "pgkeep_spool_pushed_segments",
    "WAL segments that were pushed ahead of PostgreSQL, which has not asked for them yet",
);
const FAILED: Metric = Metric::plain(
    "pgkeep_spool_push_errors",
    "Errors that the last attempt to push WAL left",
);

pub(super) fn add(settings: &Settings, stanza: &Stanza, families: &mut Families) {
    let of_stanza = labels([("stanza", stanza.as_str())]);
    let names = |queue| {
        // Where there is no queue, nothing is archived asynchronously.
        Spool::new(&settings.spool_path, stanza, queue).names().ok()
    };
    if let Some(names) = names(Queue::In) {
        let segments = names.iter().filter(|name| !name.contains('.')).count();
        families.add(&FETCHED, &of_stanza, segments);
    }
    if let Some(names) = names(Queue::Out) {
        let ending = |ending: &str| names.iter().filter(|name| name.ends_with(ending)).count();
        families.add(&PUSHED, &of_stanza, ending(OK));
        families.add(&FAILED, &of_stanza, ending(ERROR));
    }
}
