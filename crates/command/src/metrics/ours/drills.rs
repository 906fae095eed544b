//! The drills that were made on this host.

use pgkeep_repo::Stanza;
use serde_json::Value;

use super::super::family::{Families, Metric, labels};
use super::super::settings::Settings;
use crate::drill::history;

const LAST: Metric = Metric::seconds(
    "pgkeep_drill_last_timestamp",
    "When the last drill on this host ended, since 1970",
);
const STATUS: Metric = Metric::plain(
    "pgkeep_drill_last_status",
    "Exit code of the last drill on this host; 0: all proofs passed",
);
const SUCCESS: Metric = Metric::seconds(
    "pgkeep_drill_last_success_timestamp",
    "When the last drill on this host ended that passed all proofs, since 1970",
);
const FAILURES: Metric = Metric::plain(
    "pgkeep_drill_failures_since_success",
    "Drills on this host that failed since the last one that passed",
);
const RESTORE: Metric = Metric::seconds(
    "pgkeep_drill_last_restore",
    "How long the restore of the last drill took",
);
const REPLAY: Metric = Metric::seconds(
    "pgkeep_drill_last_replay",
    "How long the replay of WAL in the last drill took",
);
const AGE: Metric = Metric::seconds(
    "pgkeep_drill_last_data_age",
    "Age of the last transaction that came back when the last drill began",
);

pub(super) fn add(settings: &Settings, stanza: &Stanza, families: &mut Families) {
    // Without a file there was no drill; of one that cannot be read nothing is known.
    let drills = history::read(&settings.log_path, stanza.as_str()).unwrap_or_default();
    let Some(last) = drills.last() else {
        return;
    };
    let of_stanza = labels([("stanza", stanza.as_str())]);
    let stop = |drill: &Value| drill["timestamp"]["stop"].as_i64();
    let passed = |drill: &&Value| drill["result"] == "ok";
    if let Some(stop) = stop(last) {
        families.add(&LAST, &of_stanza, stop);
    }
    let code = match passed(&last) {
        true => Some(0),
        false => last["error"]["code"].as_i64(),
    };
    if let Some(code) = code {
        families.add(&STATUS, &of_stanza, code);
    }
    if let Some(stop) = drills.iter().rev().find(passed).and_then(stop) {
        families.add(&SUCCESS, &of_stanza, stop);
    }
    let failures = drills
        .iter()
        .rev()
        .take_while(|drill| !passed(drill))
        .count();
    families.add(&FAILURES, &of_stanza, failures);
    for (metric, value) in [
        (&RESTORE, &last["time"]["restore-ms"]),
        (&REPLAY, &last["time"]["replay-ms"]),
    ] {
        if let Some(milliseconds) = value.as_f64() {
            families.add(metric, &of_stanza, milliseconds / 1000.0);
        }
    }
    if let Some(age) = last["reached"]["age"].as_i64() {
        families.add(&AGE, &of_stanza, age);
    }
}
