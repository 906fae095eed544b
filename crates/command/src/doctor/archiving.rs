//! Whether WAL leaves the cluster: what its archiver says, and what waits in `pg_wal`.

use pgkeep_postgres::session::{Archived, Health};
use pgkeep_postgres::wal::name;
use pgkeep_repo::Stanza;
use pgkeep_storage::{InfoLevel, StoragePath};

use super::check::{ARCHIVER, WAL_WAITING};
use crate::hosts::PgHost;
use crate::report::advice;
use crate::report::finding::{Finding, Subject};
use crate::report::time_text::time_text;

/// The archiver's marks of files it has to do.
const STATUS: &str = "pg_wal/archive_status";
/// From how long on waiting WAL is worth a warning, beyond `archive_timeout`: the archiver looks once a minute.
const PATIENCE: i64 = 300;

/// `now`: seconds since 1970 by our clock, which is also that of the files.
pub(super) fn examine(
    subject: &Subject,
    stanza: &Stanza,
    health: &Health,
    host: &dyn PgHost,
    now: i64,
) -> Vec<Finding> {
    vec![
        archiver(subject, stanza, health),
        waiting(subject, stanza, health, host, now),
    ]
}

fn archiver(subject: &Subject, stanza: &Stanza, health: &Health) -> Finding {
    let ago = |event: &Archived| time_text(u64::try_from(health.now - event.at).unwrap_or(0));
    let last = match &health.last_archived {
        Some(event) => format!("{} archived {} ago", event.file, ago(event)),
        None => "nothing archived yet".to_owned(),
    };
    match &health.last_failed {
        Some(failed)
            if health
                .last_archived
                .as_ref()
                .is_none_or(|done| done.at < failed.at) =>
        {
            subject.fail(
                &ARCHIVER,
                format!("{} failed {} ago; {last}", failed.file, ago(failed)),
                format!(
                    "look into the server's log for the reason; then try: {}",
                    advice::pgkeep(stanza.as_str(), "check")
                ),
            )
        }
        _ => subject.ok(&ARCHIVER, last),
    }
}

fn waiting(
    subject: &Subject,
    stanza: &Stanza,
    health: &Health,
    host: &dyn PgHost,
    now: i64,
) -> Finding {
    let listed = match host.list(&StoragePath::from(STATUS), InfoLevel::Basic) {
        Ok(listed) => listed.unwrap_or_default(),
        Err(error) => return subject.not_tested(&WAL_WAITING, error.to_string()),
    };
    let ready: Vec<i64> = listed
        .iter()
        .filter(|info| {
            let file = info.name.to_string();
            file.strip_suffix(".ready").is_some_and(name::is_segment)
        })
        .map(|info| info.modified)
        .collect();
    let Some(oldest) = ready.iter().min() else {
        return subject.ok(&WAL_WAITING, "none");
    };
    let age = (now - oldest).max(0);
    let seen = format!(
        "{} segments, the oldest for {}",
        ready.len(),
        time_text(age.unsigned_abs())
    );
    let limit = PATIENCE + i64::try_from(health.archive_timeout.as_secs()).unwrap_or(0);
    if age > limit {
        let mend = format!(
            "archive-async=y and a higher process-max in [global:archive-push]; if it does not move at all: {}",
            advice::pgkeep(stanza.as_str(), "check")
        );
        subject.warn(&WAL_WAITING, seen, mend)
    } else {
        subject.ok(&WAL_WAITING, seen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::finding::Grade;

    fn at(seconds: i64) -> Option<Archived> {
        Some(Archived {
            file: "000000010000000000000001".into(),
            at: seconds,
        })
    }

    #[test]
    fn the_archiver_fails_when_nothing_was_archived_since_it_failed() {
        let grade = |last_archived, last_failed| {
            let health = Health {
                last_archived,
                last_failed,
                now: 100,
                ..Health::default()
            };
            let stanza = Stanza::new("main").unwrap();
            archiver(&Subject::default(), &stanza, &health).grade
        };
        assert_eq!(grade(None, None), Grade::Ok);
        assert_eq!(grade(at(5), at(4)), Grade::Ok);
        assert_eq!(grade(at(4), at(5)), Grade::Fail);
        assert_eq!(grade(None, at(5)), Grade::Fail);
    }
}
