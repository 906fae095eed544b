//! The plan: what is about to happen, said before anything does.
//!
//! Our own addition, so it is shown at `info` only to users of our own program; under the name pgbackrest the
//! output stays pgBackRest's, and a short plan is at `detail`.

use std::fmt::Write as _;

use pgkeep_config::Program;
use pgkeep_postgres::recovery::RecoveryTarget;
use pgkeep_repo::Manifest;
use pgkeep_repo::manifest::{TargetKind, pg_name};

use super::chosen::Chosen;
use super::existing::{Amount, Existing};
use super::forecast::Forecast;
use super::reach::Verdict;
use super::room::Room;
use super::settings::Settings;
use crate::report::size_text::size_text;
use crate::run::Context;
use crate::run::summary::count;

/// All that is known before the first change.
pub(super) struct Plan<'a> {
    pub context: &'a Context,
    pub settings: &'a Settings,
    pub chosen: &'a Chosen,
    pub manifest: &'a Manifest,
    /// `None`: an offline backup, or not asked.
    pub forecast: Option<Forecast>,
    pub existing: Existing,
    pub rooms: Vec<Room>,
}

impl Plan<'_> {
    /// Reports the plan in the log.
    pub(super) fn report(&self) {
        let text = self.text();
        match self.context.config.program() {
            Program::PgKeep => log::info!("{text}"),
            Program::PgBackRest => crate::detail!("{text}"),
        }
    }

    /// Bytes of all files.
    pub(super) fn size(&self) -> u64 {
        let files = self.manifest.files();
        files.map(|file| file.size).fold(0, u64::saturating_add)
    }

    /// Lines for people.
    pub(super) fn text(&self) -> String {
        let (chosen, manifest) = (self.chosen, self.manifest);
        let mut text = format!(
            "restore plan\nset: {} of {}, {}\n     {} backup of PostgreSQL {} that ended {}\nsize: {}, file total = {}",
            chosen.label,
            chosen.repository.name(),
            chosen.why,
            manifest.backup.backup_type,
            manifest.pg.version,
            self.context
                .clock
                .offset_text(manifest.backup.timestamp_stop),
            size_text(self.size()),
            manifest.file_count(),
        );
        for (what, path) in self.targets() {
            let _ = write!(text, "\n{what}: {path}");
        }
        self.recovery(&mut text);
        self.changes(&mut text);
        for room in &self.rooms {
            let free = room.free.map_or_else(|| "not known".to_owned(), size_text);
            let short = if room.is_short() { ": NOT ENOUGH" } else { "" };
            let _ = write!(
                text,
                "\nspace for {}: {} needed, {free} free{short}",
                room.paths.join(", "),
                size_text(room.needed)
            );
        }
        text
    }

    /// What lies where.
    pub(super) fn targets(&self) -> Vec<(String, String)> {
        let show = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let targets = self.manifest.targets().iter();
        targets
            .map(|target| {
                let path = show(&self.manifest.target_path(target));
                match &target.kind {
                    TargetKind::Path => ("data directory".to_owned(), path),
                    TargetKind::Tablespace { oid, name } => {
                        (format!("tablespace {} ({oid})", show(name)), path)
                    }
                    TargetKind::Link { file } => {
                        let file = file.as_deref().map(show);
                        let path =
                            file.map_or_else(|| path.clone(), |file| format!("{path}/{file}"));
                        (format!("link {}", show(pg_name(&target.name))), path)
                    }
                }
            })
            .collect()
    }

    fn recovery(&self, text: &mut String) {
        let _ = write!(text, "\nrecovery: {}", recovery(self.settings));
        let Some(forecast) = &self.forecast else {
            if !self.manifest.options.online {
                text.push_str("\nWAL needed: none, the backup was made of a stopped cluster");
            }
            return;
        };
        match &forecast.verdict {
            Verdict::Reached => match self.settings.target {
                RecoveryTarget::Time(_) | RecoveryTarget::Lsn(_) => {
                    text.push_str("\ntarget: is reached")
                }
                RecoveryTarget::None | RecoveryTarget::Preserve => {}
                RecoveryTarget::Immediate => {
                    let _ = write!(
                        text,
                        "\nends at: {}, when the backup ended",
                        forecast.needs.lsn
                    );
                }
                _ => self.end(text, forecast),
            },
            Verdict::Open(why) => {
                let _ = write!(text, "\ntarget: not known yet, {why}");
            }
            Verdict::Unsure(why) => {
                let _ = write!(text, "\ntarget: may not be reached: {why}");
            }
            Verdict::Unreachable(why) => {
                let _ = write!(text, "\ntarget: NOT REACHABLE: {why}");
            }
        }
        self.wal(text, forecast);
    }

    /// Where the WAL ends, for recovery that goes as far as it leads.
    fn end(&self, text: &mut String, forecast: &Forecast) {
        let (timeline, number) = forecast.extent.last;
        let _ = write!(
            text,
            "\nends at: {} on timeline {timeline}, the end of WAL {}",
            forecast.extent.most,
            forecast.segment(timeline, number)
        );
        if let Some(at) = forecast.archived.stored(timeline, number) {
            let _ = write!(text, " stored {}", self.context.clock.offset_text(at));
        }
        if let Some(gap) = &forecast.extent.gap {
            let _ = write!(text, "; then WAL is missing: {}", forecast.gap_text(gap));
        }
    }

    fn wal(&self, text: &mut String, forecast: &Forecast) {
        let needs = &forecast.needs;
        let consistent = match needs.start == needs.stop {
            true => format!("{} makes", needs.start),
            false => format!("{} to {} make", needs.start, needs.stop),
        };
        let _ = write!(text, "\nWAL needed: {consistent} the cluster consistent");
        if forecast.extent.missing.is_empty() {
            text.push_str(match needs.holds_wal {
                true => " (the backup has a copy)",
                false => " (all in the archive)",
            });
            let (timeline, number) = forecast.extent.last;
            let _ = write!(
                text,
                ", WAL is there up to {} ({})",
                forecast.segment(timeline, number),
                count(forecast.segments(), "segment")
            );
        } else {
            let gaps: Vec<String> = forecast
                .extent
                .missing
                .iter()
                .map(|gap| forecast.gap_text(gap))
                .collect();
            let _ = write!(text, "; missing: {}", gaps.join(", "));
        }
    }

    fn changes(&self, text: &mut String) {
        let (settings, existing) = (self.settings, &self.existing);
        let how = match (settings.delta, settings.force) {
            (true, true) => "files with the same size and time are kept",
            (true, false) => "files with the same checksum are kept",
            (false, true) => "all files are overwritten",
            // Where they are not, the restore is refused, and that is told as an error.
            (false, false) => "none may be there without --delta or --force",
        };
        let _ = write!(text, "\nexisting files: {how}");
        // Without force the checksum decides, which is known only once the file is read.
        let (if_same, if_other) = match settings.force {
            true => ("", ""),
            false => (", if the checksum agrees", ", where the content differs"),
        };
        if existing.same.count > 0 {
            let _ = write!(
                text,
                "\nto be kept: {} with the size and time of the backup{if_same}",
                total(&existing.same, "file")
            );
        }
        if existing.differ.count > 0 {
            let what = format!(
                "to be overwritten: {}{if_other}",
                total(&existing.differ, "file")
            );
            named(text, &what, &existing.differ);
        }
        if existing.removed.count == 0 {
            text.push_str("\nto be removed: nothing");
        } else {
            let amount = total(&existing.removed, "file or directory");
            named(
                text,
                &format!("to be removed: {amount} not in the backup"),
                &existing.removed,
            );
        }
        if existing.unarchived.count > 0 {
            let amount = total(&existing.unarchived, "file");
            let what = format!(
                "WARNING: WAL that is not archived yet goes with pg_wal, archive it first if it is needed: {amount}"
            );
            named(text, &what, &existing.unarchived);
        }
    }
}

/// `3 files, 22.1MB`
fn total(amount: &Amount, what: &str) -> String {
    let counted = match (what, amount.count) {
        ("file or directory", 2..) => format!("{} files or directories", amount.count),
        (what, number) => count(number, what),
    };
    match amount.bytes {
        0 => counted,
        bytes => format!("{counted}, {}", size_text(bytes)),
    }
}

fn named(text: &mut String, what: &str, amount: &Amount) {
    let _ = write!(text, "\n{what}");
    for name in &amount.first {
        let _ = write!(text, "\n  {name}");
    }
    let shown = amount.first.len() as u64;
    if amount.count > shown {
        let _ = write!(text, "\n  and {} more", amount.count - shown);
    }
}

fn recovery(settings: &Settings) -> String {
    let target = match &settings.target {
        RecoveryTarget::Default => "to the end of the archive".to_owned(),
        RecoveryTarget::Immediate => "until the cluster is consistent".to_owned(),
        RecoveryTarget::Name(name) => format!("to restore point '{name}'"),
        RecoveryTarget::Xid(xid) => format!("to transaction {xid}"),
        RecoveryTarget::Time(time) => format!("to time '{time}'"),
        RecoveryTarget::Lsn(lsn) => format!("to lsn {lsn}"),
        RecoveryTarget::Standby => "as a standby".to_owned(),
        RecoveryTarget::Preserve => "settings stay as they are".to_owned(),
        RecoveryTarget::None => "no recovery settings".to_owned(),
    };
    match &settings.target_timeline {
        Some(timeline) => format!("{target}, timeline {timeline}"),
        None => target,
    }
}
