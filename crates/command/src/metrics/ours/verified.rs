//! What `verify` found on this host.

use std::path::Path;

use pgkeep_repo::Stanza;

use super::super::family::{Families, Metric, labels};
use super::super::settings::Settings;
use crate::hosts::repository;
use crate::run::Context;
use crate::stanzas::RepositoryReport;
use crate::verify::last_run;

const LAST: Metric = Metric::seconds(
    "pgkeep_verify_last_timestamp",
    "When the last verify of the whole repository on this host ended, since 1970",
);
const STATUS: Metric = Metric::plain(
    "pgkeep_verify_last_status",
    "Exit code of the last verify of the whole repository on this host; 0: all is in order",
);
const OLDEST: Metric = Metric::seconds(
    "pgkeep_verify_oldest_timestamp",
    "Since when the longest unverified of what verify --age remembers has not been read, since 1970",
);

pub(super) fn add(
    context: &Context,
    settings: &Settings,
    stanza: &Stanza,
    report: &RepositoryReport,
    families: &mut Families,
) {
    // What could be read is open still.
    let Some(repository) = report
        .backup_info
        .as_ref()
        .and_then(|_| repository::open(context, report.key).ok())
    else {
        return;
    };
    let known = last_run::of(
        context,
        Path::new(&settings.spool_path),
        stanza,
        &repository,
    );
    let of_repo = labels([
        ("repo_key", &report.key.to_string()),
        ("stanza", stanza.as_str()),
    ]);
    if let Some(last) = known.last {
        families.add(&LAST, &of_repo, last.stop);
        families.add(&STATUS, &of_repo, i64::from(last.code));
    }
    if let Some(oldest) = known.oldest {
        families.add(&OLDEST, &of_repo, oldest);
    }
}
