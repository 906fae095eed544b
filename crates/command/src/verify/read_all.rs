//! The run over all WAL and then all backups: files are given to the workers, and what they find is entered into the results.

use std::cell::RefCell;
use std::collections::VecDeque;

use super::file::{Item, Reader};
use super::findings::Findings;
use super::memory::Memory;
use super::result::Results;
use super::turn::Turns;
use super::wal::WalWork;
use super::work::{State, Work};
use crate::error::{ErrorCode, Result};
use crate::hosts::repository::measured::Measure;
use crate::jobs;
use crate::run::moved::Moved;
use crate::run::progress::Doing;
use crate::wal::archive::WalArchive;

/// Verifies all files of the scope.
///
/// # Errors
/// A repository that cannot be read any more. That it was stopped is in the results.
pub(super) fn read_all(work: &Work<'_>, findings: &mut Findings) -> Result<Results> {
    let mut archives = VecDeque::new();
    let mut total = 0;
    let mut memory = Memory::load(work.context, work.settings, work.repository);
    let doing = Doing::now(&work.context.progress, "listing WAL");
    for id in &work.scope.archives {
        work.context.cancel.check()?;
        let pass = work.info.archive.cipher_pass.as_ref();
        let storage = &*work.repository.storage;
        let mut listed = WalArchive::new(storage, &work.settings.stanza, id.clone(), pass);
        listed.version_force = work.settings.version_force;
        let range = work.scope.wal.as_ref();
        listed.list(&|segment| range.is_none_or(|range| range.holds(segment)))?;
        // Sizes come from a server, which may say anything.
        for directory in &listed.directories {
            let verified = memory
                .as_mut()
                .and_then(|memory| memory.meet_wal((id, work.info), directory).verified());
            if verified.is_none() {
                let sizes = directory.segments.iter().map(|stored| stored.size);
                total = sizes.fold(total, u64::saturating_add);
            }
        }
        archives.push_back(WalWork(listed));
    }
    for label in &work.scope.backups {
        let verified = memory.as_mut().and_then(|memory| memory.meet_backup(label));
        let listed = work.info.backup.find(label);
        if let (None, Some(listed)) = (verified, listed) {
            total = total.saturating_add(listed.repo_size_delta);
        }
    }
    drop(doing);
    work.repository.storage.announce(total);
    let moved = Moved::new(&work.repository.storage);
    work.context.progress.begin("verify", total, &moved);
    let state = RefCell::new(State {
        work,
        findings,
        results: Results::default(),
        archives,
        next_archive: 0,
        next_backups: VecDeque::new(),
        turns: match &memory {
            Some(memory) if memory.is_by_age() => Turns::Gathered(Vec::new()),
            _ => Turns::InOrder(Some(work.scope.backups.iter().cloned().collect())),
        },
        memory,
        manifest: None,
        waiting: VecDeque::new(),
        references: Vec::new(),
    });
    let reader = Reader {
        measure: Measure::of(work.repository),
        cancel: work.context.cancel.clone(),
        buffer_size: work.settings.buffer_size,
        buffers: jobs::Buffers::default(),
        moved,
    };
    let ran = jobs::run(
        work.settings.pool,
        &work.context.cancel,
        &|items: &Vec<Item>| reader.run(items),
        jobs::Steps {
            next: &mut |_| state.borrow_mut().next_job(),
            done: &mut |items, verdicts, process| {
                let state = &mut *state.borrow_mut();
                state.done(items, verdicts, process);
                if let Some(memory) = &mut state.memory {
                    memory.save_sometimes(work.context.clock.seconds());
                }
                Ok(())
            },
            tick: &mut || Ok(()),
        },
    );
    // What a stop has broken off fails in many ways; it is the stop that ended the run.
    let ended = ran
        .err()
        .map(|error| work.context.cancel.check().err().unwrap_or(error));
    if ended.is_none() {
        work.context.progress.end();
    }
    // Also of a run that was ended before its time: what it has read need not be read again.
    let results = state.into_inner().finish(ended.clone());
    match ended {
        // What was found is told.
        Some(error) if error.code != ErrorCode::Term => Err(error),
        _ => Ok(results),
    }
}
