//! What recovery of the chosen set will come to: asked of the archive before anything is touched.

use pgkeep_postgres::recovery::RecoveryTarget;
use pgkeep_postgres::wal::ended;
use pgkeep_postgres::{Lsn, WalSegment};
use pgkeep_repo::Manifest;

use super::archived::Archived;
use super::reach::{self, Extent, Facts, Gap, Last, Needs, Verdict};
use super::settings::Settings;
use super::timeline::Line;
use crate::error::{Error, ErrorCode, Result};
use crate::run::{Context, time_text};

/// Segments that are read at most, from the end on, for the time of the last transaction.
const READ: u64 = 8;

/// The answer for an online backup.
#[derive(Debug)]
pub(super) struct Forecast {
    pub needs: Needs,
    pub extent: Extent,
    pub archived: Archived,
    /// When the last transaction ended that can be replayed, seconds since 1970; only where a time is the target.
    pub last_transaction: Option<i64>,
    pub verdict: Verdict,
}

impl Forecast {
    /// Asks. `None`: an offline backup, or a manifest that does not say what it needs; nothing can be said then.
    ///
    /// # Errors
    /// [`ErrorCode::Term`].
    pub(super) fn ask(
        context: &Context,
        settings: &Settings,
        manifest: &Manifest,
        line: Option<Line>,
    ) -> Result<Option<Self>> {
        let Some((line, needs)) = line.zip(needs(manifest)) else {
            return Ok(None);
        };
        let archived = Archived::ask(context, settings, manifest, &line, needs.start)?;
        let extent = reach::follow(&line, &needs, archived.segment_size, &|timeline, number| {
            archived.first_from(timeline, number)
        });
        let time = match &settings.target {
            RecoveryTarget::Time(text) => time_text::parse_micros(text, context.clock.zone()),
            _ => None,
        };
        let last_transaction = match time.is_some() && extent.missing.is_empty() {
            true => last_transaction(context, &line, &needs, &extent, &archived)?,
            false => Last::Unknown,
        };
        let mut forecast = Self {
            needs,
            extent,
            archived,
            last_transaction: match last_transaction {
                Last::At(last) => Some(last.div_euclid(1_000_000)),
                Last::NoneSince | Last::Unknown => None,
            },
            verdict: Verdict::Reached,
        };
        let verdict = reach::verdict(
            &forecast.needs,
            &forecast.extent,
            &Facts {
                target: &settings.target,
                time,
                last_transaction,
                show_time: &|time| context.clock.offset_text(time),
                show_gap: &|gap| forecast.gap_text(gap),
            },
        );
        forecast.verdict = match doubt(settings, &forecast.archived.unread) {
            Some(why) => verdict.doubted(&why),
            None => verdict,
        };
        Ok(Some(forecast))
    }

    pub(super) fn segment(&self, timeline: pgkeep_postgres::TimelineId, number: u64) -> WalSegment {
        let size = self.archived.segment_size;
        WalSegment::from_lsn(timeline, Lsn(number.saturating_mul(u64::from(size))), size)
    }

    /// `000000010000000000000003`, or the first and the last.
    pub(super) fn gap_text(&self, gap: &Gap) -> String {
        let (first, last) = (
            self.segment(gap.timeline, gap.first),
            self.segment(gap.timeline, gap.last),
        );
        match first == last {
            true => first.to_string(),
            false => format!("{first} to {last}"),
        }
    }

    /// How many segments recovery reads at most.
    pub(super) fn segments(&self) -> u64 {
        let start = self.archived.number(self.needs.start);
        (self.extent.last.1 + 1).saturating_sub(start)
    }

    /// The error of a target that cannot be reached.
    pub(super) fn refusal(&self, settings: &Settings) -> Option<Error> {
        let Verdict::Unreachable(reason) = &self.verdict else {
            return None;
        };
        let error = Error::new(
            ErrorCode::BackupSetInvalid,
            format!("recovery cannot {}: {reason}", goal(&settings.target)),
        );
        let error = match settings.target {
            RecoveryTarget::Time(_) | RecoveryTarget::Lsn(_) if self.extent.missing.is_empty() => error.with_hint(
                "if the cluster is still there, its last WAL may not be archived yet: archive it (pg_switch_wal(), check) and \
                 try again.",
            ),
            _ => error.with_hint("run verify to find out what can be restored, or choose another set with --set."),
        };
        Some(
            error
                .with_hint("--type=default recovers to the end of the WAL that is there.")
                .with_hint("nothing has been changed; --no-target-check or --force goes on in spite of this."),
        )
    }
}

/// `reach lsn 0/5000000`
fn goal(target: &RecoveryTarget) -> String {
    match target {
        RecoveryTarget::Name(name) => format!("reach restore point '{name}'"),
        RecoveryTarget::Xid(xid) => format!("reach transaction {xid}"),
        RecoveryTarget::Time(time) => format!("reach time '{time}'"),
        RecoveryTarget::Lsn(lsn) => format!("reach lsn {lsn}"),
        _ => "make the cluster consistent".to_owned(),
    }
}

/// Why recovery may do otherwise than is known here.
pub(super) fn doubt(settings: &Settings, unread: &[String]) -> Option<String> {
    let given = |wanted: &str| {
        let named = |(name, _): &(String, String)| name.replace('-', "_").starts_with(wanted);
        settings.recovery_options.iter().any(named)
    };
    if given("restore_command") {
        return Some("the WAL comes from a restore_command that was given".to_owned());
    }
    if given("recovery_target") {
        return Some("a target was given as a setting for recovery".to_owned());
    }
    if let RecoveryTarget::Time(text) = &settings.target
        && !time_text::has_zone(text)
    {
        return Some(
            "the target has no time zone, and that of the cluster may not be that of this shell"
                .to_owned(),
        );
    }
    (!unread.is_empty())
        .then(|| format!("not every repository could be read: {}", unread.join("; ")))
}

fn needs(manifest: &Manifest) -> Option<Needs> {
    let header = &manifest.backup;
    let lsn = header.lsn_stop.as_deref()?.parse().ok()?;
    Some(Needs {
        start: header.archive_start.as_deref()?.parse().ok()?,
        stop: header.archive_stop.as_deref()?.parse().ok()?,
        lsn,
        time: header.timestamp_stop,
        holds_wal: manifest.options.archive_copy,
    })
}

/// The last transaction that can be replayed.
fn last_transaction(
    context: &Context,
    line: &Line,
    needs: &Needs,
    extent: &Extent,
    archived: &Archived,
) -> Result<Last> {
    let (timeline, last) = extent.last;
    let stop = archived.number(needs.stop);
    // A branch that begins near the end leads back to its parent, where nothing later can be.
    let from = last.saturating_sub(READ - 1).max(stop);
    for number in (from..=last).rev() {
        let mut segment = None;
        for timeline in
            std::iter::once(timeline).chain(line.history.iter().rev().map(|item| item.timeline))
        {
            if segment.is_none() {
                segment = archived.read(context, timeline, number)?;
            }
        }
        match segment {
            Some(bytes) => {
                // The end of a transaction may lie across two segments. In the last one that is there it is not replayed.
                if number < last && ended::is_cut(&bytes) {
                    return Ok(Last::Unknown);
                }
                if let Some((_, latest)) = ended::times(&bytes) {
                    return Ok(Last::At(latest));
                }
            }
            // What cannot be read may have a later one.
            None => return Ok(Last::Unknown),
        }
    }
    Ok(match from == stop {
        true => Last::NoneSince,
        false => Last::Unknown,
    })
}
