//! What `serve` tells of its own reading, so that an alert can be made of metrics that are old.

use super::super::family::{Families, Metric, labels};

const READ: Metric = Metric::seconds(
    "pgkeep_served_timestamp",
    "When serve read what it answers with, since 1970",
);
const STATUS: Metric = Metric::plain(
    "pgkeep_served_status",
    "Exit code of the last attempt of serve to read it; 0: it was read",
);

pub(crate) fn add(families: &mut Families, read: i64, status: u8) {
    families.add(&READ, &labels([]), read);
    families.add(&STATUS, &labels([]), i64::from(status));
}
