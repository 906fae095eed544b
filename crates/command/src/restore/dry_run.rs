//! `--dry-run`: prints the plan and what would stand in its way, and changes nothing.

use pgkeep_postgres::recovery::RecoveryTarget;
use serde_json::{Value, json};

use super::existing::Amount;
use super::forecast::Forecast;
use super::plan::Plan;
use super::reach::Gap;
use crate::error::{Error, Result};

/// Prints the plan; fails with the first of what would stop the restore.
///
/// # Errors
/// The first of `obstacles`, or that the target cannot be reached.
pub(super) fn print(plan: &Plan<'_>, mut obstacles: Vec<Error>) -> Result<()> {
    obstacles.extend(plan.refused());
    let output = &plan.context.output;
    if plan.settings.print_json {
        let document = document(plan, &obstacles);
        output.text(&format!("{document}\n"))?;
    } else {
        let mut text = plan.text();
        match obstacles.len() {
            0 => text
                .push_str("\nnothing has been changed: without --dry-run the restore would begin."),
            _ => text.push_str(
                "\nnothing has been changed: the restore would be refused, see the error.",
            ),
        }
        output.text(&format!("{text}\n"))?;
    }
    obstacles.into_iter().next().map_or(Ok(()), Err)
}

/// The plan for programs: one document, lists empty rather than absent, what is not known `null`.
fn document(plan: &Plan<'_>, obstacles: &[Error]) -> Value {
    let (settings, header) = (plan.settings, &plan.manifest.backup);
    let (kind, value) = target(&settings.target);
    json!({
        "stanza": settings.stanza.as_str(),
        "set": {
            "label": plan.chosen.label.as_str(),
            "repo-key": plan.chosen.repository.key,
            "reason": plan.chosen.why,
            "type": header.backup_type.to_string(),
            "pg-version": plan.manifest.pg.version,
            "timestamp": {"start": header.timestamp_start, "stop": header.timestamp_stop},
            "size": plan.size(),
            "file-total": plan.manifest.file_count(),
        },
        "path": plan
            .targets()
            .into_iter()
            .map(|(what, path)| json!({"what": what, "path": path}))
            .collect::<Vec<_>>(),
        "recovery": {"type": kind, "target": value, "timeline": settings.target_timeline},
        "reach": plan.forecast.as_ref().map(reach),
        "existing": {
            "same": amount(&plan.existing.same),
            "differ": amount(&plan.existing.differ),
            "remove": amount(&plan.existing.removed),
            "wal-not-archived": amount(&plan.existing.unarchived),
        },
        "space": plan
            .rooms
            .iter()
            .map(|room| json!({"path": room.paths, "need": room.needed, "free": room.free}))
            .collect::<Vec<_>>(),
        "refused": obstacles
            .iter()
            .map(|error| json!({"code": error.code.number(), "message": error.message, "hint": error.hints}))
            .collect::<Vec<_>>(),
    })
}

fn target(target: &RecoveryTarget) -> (&'static str, Option<&str>) {
    match target {
        RecoveryTarget::Default => ("default", None),
        RecoveryTarget::Immediate => ("immediate", None),
        RecoveryTarget::Name(name) => ("name", Some(name)),
        RecoveryTarget::Xid(xid) => ("xid", Some(xid)),
        RecoveryTarget::Time(time) => ("time", Some(time)),
        RecoveryTarget::Lsn(lsn) => ("lsn", Some(lsn)),
        RecoveryTarget::Standby => ("standby", None),
        RecoveryTarget::Preserve => ("preserve", None),
        RecoveryTarget::None => ("none", None),
    }
}

fn reach(forecast: &Forecast) -> Value {
    let (timeline, last) = forecast.extent.last;
    let gap = |gap: &Gap| {
        json!({
            "start": forecast.segment(gap.timeline, gap.first).to_string(),
            "stop": forecast.segment(gap.timeline, gap.last).to_string(),
        })
    };
    json!({
        "status": forecast.verdict.name(),
        "reason": forecast.verdict.reason(),
        "consistent": {
            "lsn": forecast.needs.lsn.to_string(),
            "wal-start": forecast.needs.start.to_string(),
            "wal-stop": forecast.needs.stop.to_string(),
            "wal-missing": forecast.extent.missing.iter().map(gap).collect::<Vec<_>>(),
            "wal-in-backup": forecast.needs.holds_wal,
        },
        "end": {
            "timeline": timeline.0,
            "lsn": forecast.extent.most.to_string(),
            "wal": forecast.segment(timeline, last).to_string(),
            "wal-stored": forecast.archived.stored(timeline, last),
            "last-transaction": forecast.last_transaction,
            "gap": forecast.extent.gap.as_ref().map(gap),
        },
        "unread": forecast.archived.unread,
        "wal-segment-size": forecast.archived.segment_size,
    })
}

fn amount(amount: &Amount) -> Value {
    json!({"count": amount.count, "bytes": amount.bytes, "first": amount.first})
}
