//! The run over all WAL and then all backups: files are given to the workers, and what they find is entered into the results.

use std::cell::RefCell;
use std::collections::VecDeque;

use super::file::{Item, Reader};
use super::findings::Findings;
use super::result::Results;
use super::wal::WalWork;
use super::work::{State, Work};
use crate::error::Result;
use crate::hosts::repository::measured::Measure;
use crate::jobs;
use crate::run::moved::Moved;
use crate::run::progress::Doing;
use crate::wal::archive::WalArchive;

/// Verifies all files of the scope.
///
/// # Errors
/// A repository that cannot be read any more, or a stop.
pub(super) fn read_all(work: &Work<'_>, findings: &mut Findings) -> Result<Results> {
    let mut archives = VecDeque::new();
    let mut total = 0;
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
        total = listed
            .directories
            .iter()
            .flat_map(|directory| &directory.segments)
            .map(|stored| stored.size)
            .fold(total, u64::saturating_add);
        archives.push_back(WalWork(listed));
    }
    total = work
        .scope
        .backups
        .iter()
        .filter_map(|label| work.info.backup.find(label))
        .map(|e| e.repo_size_delta)
        .fold(total, u64::saturating_add);
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
        next_backup: 0,
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
    jobs::run(
        work.settings.pool,
        &work.context.cancel,
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
    work.context.progress.end();
    Ok(state.into_inner().finish())
}
