//! For people: the moments that each backup can be restored to.

use std::fmt::Write as _;

use super::result::Results;
use crate::run::Context;
use crate::wal::window::{Gap, Point, Restorable, Window};

/// Lines, each with a line feed in front; nothing if it is known of no backup.
pub(super) fn render(context: &Context, results: &Results) -> String {
    let mut text = String::new();
    for backup in &results.backups {
        let (Some(point), Some(restorable)) = (&backup.point, &backup.restorable) else {
            continue;
        };
        if text.is_empty() {
            text.push_str("\n  can be restored to:");
        }
        let _ = write!(text, "\n    {}: ", backup.label);
        text.push_str(&moments(context, point, restorable));
    }
    text
}

fn moments(context: &Context, point: &Point, restorable: &Restorable) -> String {
    match restorable {
        Restorable::Damaged => "nothing, files of the backup are missing or damaged".to_owned(),
        Restorable::Inconsistent(gaps) => format!(
            "nothing, WAL that it needs is missing or damaged: {}",
            gaps.iter().map(gap).collect::<Vec<_>>().join(", ")
        ),
        Restorable::AsItIs => format!(
            "{} only, it was made without WAL",
            context.clock.offset_text(point.time)
        ),
        Restorable::Windows(windows) => windows
            .iter()
            .map(|window| stretch(context, point, window))
            .collect::<Vec<_>>()
            .join("\n      "),
    }
}

fn stretch(context: &Context, point: &Point, window: &Window) -> String {
    let mut text = format!(
        "timeline {}, from {}",
        window.timeline,
        context.clock.offset_text(point.time)
    );
    if let Some(lsn) = point.lsn {
        let _ = write!(text, " ({lsn})");
    }
    let _ = match window.stored {
        Some(stored) => write!(
            text,
            " to {}, the end of WAL {} stored {}",
            window.end,
            window.last,
            context.clock.offset_text(stored)
        ),
        // WAL ends inside the backup.
        None => write!(text, " only, no WAL follows"),
    };
    if let Some(missing) = &window.gap {
        let _ = write!(text, "; then WAL is missing or damaged: {}", gap(missing));
    }
    text
}

fn gap(gap: &Gap) -> String {
    if gap.first == gap.last {
        gap.first.to_string()
    } else {
        format!("{} to {}", gap.first, gap.last)
    }
}
