//! With `--age`: what is read in which order. What was verified longest ago comes first, so that a run that is ended after some time
//! goes on the next day where it is due, and in the end everything has had its turn.
//!
//! A backup is read after those it refers to. So a full backup and all that depend on it have their turn together.

use std::collections::{BTreeMap, VecDeque};

use pgkeep_repo::BackupLabel;

use super::file::Item;
use super::memory;
use super::met::Met;
use super::turn::{Turn, Turns};
use super::work::State;

impl State<'_> {
    /// What a directory of WAL comes to: `unit` is its name here, its own, and what is known of it.
    pub(super) fn enter_wal(
        &mut self,
        at: usize,
        unit: Option<(String, String, Met)>,
        mut items: Vec<Item>,
        is_single: bool,
    ) {
        let (Some(memory), Some((unit, name, met))) = (&mut self.memory, unit) else {
            self.waiting.extend(items);
            return;
        };
        let result = &mut self.results.archives[at];
        let count = items.len() as u64;
        let (verified, before) = match met {
            Met::Verified(at) => (at, count),
            Met::Due(part) => part.map_or((0, 0), |(at, files)| (at, files.min(count))),
        };
        if before > 0 {
            result.checked -= before;
            result.skipped.push((name, verified, before));
        }
        if met.verified().is_some() {
            return;
        }
        items.retain(|item| item.position >= before);
        for item in &items {
            memory.give_out(&unit, item.position);
        }
        memory.passed(&unit, count);
        memory.complete(&unit);
        if !is_single {
            memory.fail(&unit);
        }
        let last = memory.last(&unit);
        match &mut self.turns {
            Turns::Gathered(turns) => turns.push((last, Turn::Wal(items))),
            _ => self.waiting.extend(items),
        }
    }

    /// What is read next, once all WAL was looked through.
    pub(super) fn next_turn(&mut self) -> Option<Turn> {
        if let Turns::Gathered(turns) = &mut self.turns {
            let mut turns = std::mem::take(turns);
            turns.extend(self.families());
            turns.sort_by_key(|(last, _)| *last);
            self.turns = Turns::ByAge(turns.into_iter().map(|(_, turn)| turn).collect());
        }
        match &mut self.turns {
            Turns::InOrder(backups) => backups.take().map(Turn::Backups),
            Turns::ByAge(turns) => turns.pop_front(),
            Turns::Gathered(_) => None,
        }
    }

    /// Full backups with those that depend on them, each with the time when the longest overdue of them was verified. Where none is
    /// due only manifests are read, at the end.
    fn families(&mut self) -> Vec<(i64, Turn)> {
        let Some(memory) = &mut self.memory else {
            return Vec::new();
        };
        let mut families: BTreeMap<BackupLabel, (i64, VecDeque<BackupLabel>)> = BTreeMap::new();
        for label in &self.work.scope.backups {
            let unit = memory::backup(label);
            let due = memory.meet_backup(label).is_none();
            let last = if due { memory.last(&unit) } else { i64::MAX };
            let family = families
                .entry(label.full_label())
                .or_insert((i64::MAX, VecDeque::new()));
            family.0 = family.0.min(last);
            family.1.push_back(label.clone());
        }
        let turn = |(last, labels)| (last, Turn::Backups(labels));
        families.into_values().map(turn).collect()
    }
}
