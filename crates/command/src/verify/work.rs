//! The run over all WAL and then all backups: files are given to the workers in the order of the repository, and what they
//! find is entered into the results.
//!
//! Only one manifest is in memory. A file that a backup refers to is read once, with the backup that holds it.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use pgkeep_pipeline::{CompressType, Stage};
use pgkeep_repo::manifest::FileRef;
use pgkeep_repo::{Manifest, layout};
use pgkeep_storage::StoragePath;

use super::file::{Fault, FileKey, Item, Owner, Reader, Verdict};
use super::findings::Findings;
use super::result::{ArchiveResult, BackupResult, Problem, Results, Status};
use super::settings::Settings;
use super::wal::{self, WalWork};
use super::{Scope, manifest};
use crate::error::{Error, ErrorCode, Result};
use crate::hosts::Repository;
use crate::hosts::stanza_info::StanzaInfo;
use crate::jobs;
use crate::run::Context;
use crate::run::moved::Moved;
use crate::run::progress::Doing;
use crate::wal::archive::WalArchive;
use crate::wal::window::{Restorable, Wal};

/// Bytes of a job at most, unless one file has more: small enough that all workers have something to do until the end.
const JOB_BYTES: u64 = 16 << 20;
/// Files of a job on a storage where a file costs round trips, and where not.
const JOB_FILES: (usize, usize) = (256, 16);

/// What the run works on.
pub(super) struct Work<'a> {
    pub context: &'a Context,
    pub settings: &'a Settings,
    pub repository: &'a Repository,
    pub info: &'a StanzaInfo,
    pub scope: Scope,
}

/// A file of `user` that another backup holds, whose verdict is taken over.
struct Reference {
    user: u32,
    holder: u32,
    key: FileKey,
}

/// Where the run is.
struct State<'a> {
    work: &'a Work<'a>,
    findings: &'a mut Findings,
    results: Results,
    archives: VecDeque<WalWork<'a>>,
    next_archive: usize,
    next_backup: usize,
    /// The backup whose files are being given out, and the position of the next.
    manifest: Option<(Manifest, usize)>,
    waiting: VecDeque<Item>,
    references: Vec<Reference>,
}

impl Work<'_> {
    pub(super) fn run(&self, findings: &mut Findings) -> Result<Results> {
        let mut archives = VecDeque::new();
        let mut total = 0;
        let doing = Doing::now(&self.context.progress, "listing WAL");
        for id in &self.scope.archives {
            self.context.cancel.check()?;
            let pass = self.info.archive.cipher_pass.as_ref();
            let storage = &*self.repository.storage;
            let mut listed = WalArchive::new(storage, &self.settings.stanza, id.clone(), pass);
            listed.version_force = self.settings.version_force;
            let range = self.scope.wal.as_ref();
            listed.list(&|segment| range.is_none_or(|range| range.holds(segment)))?;
            // Sizes come from a server, which may say anything.
            total = listed
                .directories
                .iter()
                .flat_map(|directory| &directory.segments)
                .map(|stored| stored.size)
                .fold(total, u64::saturating_add);
            archives.push_back(WalWork(listed));
        }
        total = self
            .scope
            .backups
            .iter()
            .filter_map(|label| self.info.backup.find(label))
            .map(|e| e.repo_size_delta)
            .fold(total, u64::saturating_add);
        drop(doing);
        self.repository.storage.announce(total);
        let moved = Moved::new(&self.repository.storage);
        self.context.progress.begin("verify", total, &moved);
        let state = RefCell::new(State {
            work: self,
            findings,
            results: Results::default(),
            archives,
            next_archive: 0,
            next_backup: 0,
            manifest: None,
            waiting: VecDeque::new(),
            references: Vec::new(),
        });
        let reader = Reader {
            storage: Arc::clone(&self.repository.storage),
            cancel: self.context.cancel.clone(),
            buffer_size: self.settings.buffer_size,
            buffers: Mutex::default(),
            moved,
        };
        jobs::run(
            self.settings.pool,
            &self.context.cancel,
            &|items: &Vec<Item>| reader.run(items),
            jobs::Steps {
                next: &mut |_| state.borrow_mut().next_job(),
                done: &mut |items, verdicts, process| {
                    state.borrow_mut().done(items, verdicts, process);
                    Ok(())
                },
                tick: &mut || Ok(()),
            },
        )?;
        self.context.progress.end();
        Ok(state.into_inner().finish())
    }
}

impl State<'_> {
    /// Files for a worker, in the order of the repository.
    fn next_job(&mut self) -> Result<Option<Vec<Item>>> {
        let slow = self.work.repository.storage.has_latency();
        let most = if slow { JOB_FILES.0 } else { JOB_FILES.1 };
        let (mut job, mut bytes) = (Vec::new(), 0);
        while job.len() < most && bytes < JOB_BYTES {
            if self.waiting.is_empty() && !self.refill()? {
                break;
            }
            let item = self.waiting.pop_front();
            bytes += item.as_ref().map_or(0, |item| item.stored);
            job.extend(item);
        }
        Ok((!job.is_empty()).then_some(job))
    }

    /// Makes the next files wait; `false`: there are no more.
    fn refill(&mut self) -> Result<bool> {
        while self.waiting.is_empty() {
            if self.next_archive < self.work.scope.archives.len() {
                self.refill_wal()?;
            } else if self.manifest.is_some() {
                self.refill_files();
            } else if self.next_backup < self.work.scope.backups.len() {
                self.begin_backup()?;
            } else {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn refill_wal(&mut self) -> Result<()> {
        let at = self.next_archive;
        let Some(work) = self.archives.front_mut() else {
            self.next_archive = self.work.scope.archives.len();
            return Ok(());
        };
        if self.results.archives.len() == at {
            let id = self.work.scope.archives[at].clone();
            if work.0.directories.is_empty() {
                crate::detail!("archive path '{id}' is empty");
            }
            let mut result = ArchiveResult::new(id);
            result.wal.histories = work.0.histories()?;
            self.results.archives.push(result);
        }
        match work.next(&mut self.results.archives[at], at, self.findings)? {
            Some(items) => self.waiting.extend(items),
            None => {
                self.archives.pop_front();
                self.next_archive += 1;
            }
        }
        Ok(())
    }

    fn begin_backup(&mut self) -> Result<()> {
        let work = self.work;
        let label = work.scope.backups[self.next_backup].clone();
        self.next_backup += 1;
        let in_progress = work.scope.current.as_ref() == Some(&label);
        let mut result = BackupResult::new(label);
        let found = manifest::usable(
            work.repository,
            work.settings,
            work.info,
            &mut result,
            in_progress,
            self.findings,
        )?;
        if let Some(manifest) = found {
            result.point = manifest::point(&manifest);
            if manifest.file_count() == 0 {
                log::info!(
                    "backup '{}' manifest does not contain any target files to verify",
                    result.label
                );
                result.status = Status::Invalid;
                self.findings.add(ErrorCode::FileInvalid);
            } else {
                self.manifest = Some((manifest, 0));
            }
        }
        self.results.backups.push(result);
        Ok(())
    }

    /// Some files of the backup in hand.
    fn refill_files(&mut self) {
        let Some((manifest, mut at)) = self.manifest.take() else {
            return;
        };
        let user = self.results.backups.len() - 1;
        while at < manifest.file_count() && self.waiting.is_empty() {
            let file = manifest.file_at(at);
            at += 1;
            self.results.backups[user].checked += 1;
            // A bundle holds no bytes of it.
            if file.size == 0 && manifest.backup.bundle {
                self.results.backups[user].valid += 1;
                continue;
            }
            let item = self.item(&manifest, &file, user);
            let holder = file.reference_label().and_then(|label| {
                self.results.backups[..user]
                    .iter()
                    .position(|backup| backup.complete && backup.label == *label)
            });
            match holder {
                Some(holder) => self.references.push(Reference {
                    user: user as u32,
                    holder: holder as u32,
                    key: item.key(),
                }),
                None => self.waiting.push_back(item),
            }
        }
        if at == manifest.file_count() {
            self.results.backups[user].complete = true;
        } else {
            self.manifest = Some((manifest, at));
        }
    }

    fn item(&self, manifest: &Manifest, file: &FileRef<'_>, user: usize) -> Item {
        let stanza = &self.work.settings.stanza;
        let label = &self.results.backups[user].label;
        let holder = file.reference_label().unwrap_or(label);
        let path = layout::backup_file(
            stanza,
            holder,
            &file.name.to_vec(),
            manifest.stored_as(file),
        );
        let mut stages = Vec::new();
        let (checksum, size) = match file.repo_checksum {
            // The stored bytes have a checksum of their own: nothing needs to be unpacked.
            Some(checksum) => (Some(checksum), file.repo_size),
            None => {
                stages.extend(
                    manifest
                        .cipher_pass
                        .clone()
                        .map(|pass| Stage::Decrypt { pass, raw: false }),
                );
                let kind = manifest.options.compress_type;
                if kind != CompressType::None {
                    stages.push(Stage::Decompress { kind, raw: false });
                }
                (file.checksum, file.size)
            }
        };
        Item {
            owner: Owner::Backup(user),
            path,
            slice: file.bundle.map(|_| manifest.stored_range(file)),
            stored: file.repo_size,
            stages,
            checksum,
            size: Some(size),
        }
    }

    /// Enters what a worker found.
    fn done(&mut self, items: Vec<Item>, verdicts: Vec<Verdict>, process: u32) {
        for (item, verdict) in items.into_iter().zip(verdicts) {
            self.work.context.progress.finished(&self.shown(&item.path));
            let fault = match verdict {
                Verdict::Valid => {
                    match item.owner {
                        Owner::Archive(at) => self.results.archives[at].valid += 1,
                        Owner::Backup(at) => self.results.backups[at].valid += 1,
                    }
                    continue;
                }
                Verdict::Fault(fault) => {
                    self.tell(&item, fault, process);
                    fault
                }
                Verdict::Error(error) => {
                    let shown = self.shown(&item.path);
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
            match item.owner {
                Owner::Archive(at) => {
                    let archive = &mut self.results.archives[at];
                    archive.faults.add(fault);
                    if let Some(segment) = wal::segment_of(&item.path) {
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

    fn problem(&mut self, item: &Item, fault: Fault, error: Option<Error>) {
        let path = self.shown(&item.path);
        self.results.problems.push(Problem { path, fault, error });
    }

    fn tell(&mut self, item: &Item, fault: Fault, process: u32) {
        self.problem(item, fault, None);
        let shown = self.shown(&item.path);
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
    fn judge_moments(&mut self) {
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

    /// Passes the verdicts on files to all backups that refer to them.
    fn finish(mut self) -> Results {
        for Reference { user, holder, key } in std::mem::take(&mut self.references) {
            let (user, holder) = (user as usize, holder as usize);
            match self.results.backups[holder].faulty.get(&key).copied() {
                Some(fault) => self.results.backups[user].fault(fault),
                None => self.results.backups[user].valid += 1,
            }
        }
        self.judge_moments();
        self.results
    }
}
