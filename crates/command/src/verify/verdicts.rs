//! Enters what the workers found into the results, and at the end what follows from it for every backup.

use pgkeep_storage::StoragePath;

use super::file::{Fault, Item, Owner, Verdict};
use super::memory;
use super::result::{Problem, Results, Status};
use super::wal;
use super::work::{Reference, State};
use crate::error::{Error, ErrorCode};
use crate::jobs;
use crate::wal::window::{Restorable, Wal};

impl State<'_> {
    /// Enters what a worker found.
    pub(super) fn done(&mut self, items: Vec<Item>, verdicts: Vec<Verdict>, process: u32) {
        for (item, verdict) in items.into_iter().zip(verdicts) {
            self.work
                .context
                .progress
                .finished(&self.shown(&item.file.path));
            let fault = match verdict {
                Verdict::Valid => {
                    match item.owner {
                        Owner::Archive(at) => self.results.archives[at].valid += 1,
                        Owner::Backup(at) => self.results.backups[at].valid += 1,
                    }
                    self.remember(&item, true);
                    continue;
                }
                Verdict::Fault(fault) => {
                    self.tell(&item, fault, process);
                    fault
                }
                Verdict::Error(error) => {
                    let shown = self.shown(&item.file.path);
                    self.problem(&item, Fault::Other, Some(error.clone()));
                    jobs::as_process(process, || {
                        log::info!(
                            "invalid result {shown}: [{}] {}",
                            error.code.number(),
                            error.text()
                        );
                    });
                    self.findings.add(error.code);
                    Fault::Other
                }
            };
            self.remember(&item, false);
            match item.owner {
                Owner::Archive(at) => {
                    let archive = &mut self.results.archives[at];
                    archive.faults.add(fault);
                    if let Some(segment) = wal::segment_of(&item.file.path) {
                        archive.wal.remove(segment);
                    }
                }
                Owner::Backup(at) => {
                    self.results.backups[at].fault(fault);
                    self.results.backups[at].faulty.insert(item.key(), fault);
                }
            }
        }
    }

    /// Whether a file is sound, of what it belongs to.
    fn remember(&mut self, item: &Item, is_sound: bool) {
        let Some(memory) = &mut self.memory else {
            return;
        };
        let unit = match item.owner {
            Owner::Archive(at) => {
                let directory = item.file.path.parent();
                let name = String::from_utf8_lossy(directory.file_name()).into_owned();
                memory::wal(&self.results.archives[at].id, &name)
            }
            Owner::Backup(at) => memory::backup(&self.results.backups[at].label),
        };
        match is_sound {
            true => memory.sound(&unit, item.position),
            false => memory.unsound(&unit, item.position),
        }
    }

    fn problem(&mut self, item: &Item, fault: Fault, error: Option<Error>) {
        let path = self.shown(&item.file.path);
        self.results.problems.push(Problem { path, fault, error });
    }

    fn tell(&mut self, item: &Item, fault: Fault, process: u32) {
        self.problem(item, fault, None);
        let shown = self.shown(&item.file.path);
        let (text, code) = match fault {
            Fault::Missing => ("file missing", ErrorCode::FileMissing),
            Fault::Checksum => ("invalid checksum", ErrorCode::Checksum),
            Fault::Size | Fault::Other => ("invalid size", ErrorCode::FileInvalid),
        };
        if fault == Fault::Missing && matches!(item.owner, Owner::Archive(_)) {
            // It was there when the directory was listed: an expire may have removed it since, and rightly.
            jobs::as_process(process, || log::warn!("{text} '{shown}'"));
            return;
        }
        jobs::as_process(process, || log::info!("{text} '{shown}'"));
        self.findings.add(code);
    }

    /// A path below the stanza's directory, as messages name files.
    fn shown(&self, path: &StoragePath) -> String {
        let text = path.to_string();
        let stanza = format!("/{}/", self.work.settings.stanza);
        text.split_once(&stanza)
            .map_or(text.clone(), |(_, below)| below.to_owned())
    }

    /// What each backup can be restored to. WAL that a listed backup needs and that is not there is a finding.
    fn find_moments(&mut self) {
        let Results {
            archives, backups, ..
        } = &mut self.results;
        let none = Wal::default();
        for backup in backups {
            let Some(point) = &backup.point else { continue };
            let archive = archives.iter().find(|archive| archive.id == point.archive);
            let wal = archive.map_or(&none, |archive| &archive.wal);
            let restorable = match backup.status {
                Status::Valid => wal.restorable(point),
                _ => Restorable::Damaged,
            };
            // A backup that ended while this ran may need WAL that was not there yet when the archive was listed.
            if let Restorable::Inconsistent(gaps) = &restorable
                && self.work.info.backup.find(&backup.label).is_some()
            {
                for gap in gaps {
                    crate::detail!(
                        "backup '{}' needs WAL {} to {}, which is missing or not valid",
                        backup.label,
                        gap.first,
                        gap.last
                    );
                }
                self.findings.note(ErrorCode::FileMissing);
            }
            backup.restorable = Some(restorable);
        }
    }

    /// Passes the verdicts on files to all backups that refer to them. `ended`: why the run has ended before everything was read.
    pub(super) fn finish(mut self, ended: Option<Error>) -> Results {
        for Reference { user, holder, key } in std::mem::take(&mut self.references) {
            let (user, holder) = (user as usize, holder as usize);
            match self.results.backups[holder].faulty.get(&key).copied() {
                Some(fault) => self.results.backups[user].fault(fault),
                None => self.results.backups[user].valid += 1,
            }
        }
        // Of what was not read nobody knows what it can be restored to.
        if ended.is_none() {
            self.find_moments();
        }
        if let Some(mut memory) = self.memory.take() {
            let damaged = (self.results.backups.iter())
                .filter(|backup| backup.status != Status::Valid)
                .map(|backup| memory::backup(&backup.label));
            damaged.for_each(|unit| memory.fail(&unit));
            memory.save();
            self.results
                .backups
                .sort_by(|one, other| one.label.cmp(&other.label));
        }
        if ended.is_some() {
            let Results {
                archives, backups, ..
            } = &mut self.results;
            archives.retain(|archive| archive.faults.total() > 0 || !archive.duplicates.is_empty());
            backups.retain(|backup| backup.status != Status::Valid);
        }
        Results {
            ended,
            ..self.results
        }
    }
}
