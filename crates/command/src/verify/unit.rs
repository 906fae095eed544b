//! A backup or a directory of WAL, in a run that remembers: what of it was read, and what is written down of it.

use std::collections::BTreeSet;

use super::met::Met;
use super::record::{Part, Verified};

/// When the run began, and since when what was verified is not due.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    began: i64,
    since: i64,
}

impl Times {
    pub(super) fn new(began: i64, age: i64) -> Self {
        Self {
            began,
            since: began.saturating_sub(age),
        }
    }

    /// When it was verified, if that is not too long ago. Times that have not come yet count for nothing.
    pub(super) fn fresh(&self, known: &Verified) -> Option<i64> {
        (self.since..=self.began)
            .contains(&known.at)
            .then_some(known.at)
    }

    /// When it had its turn last: what is damaged and larger than the time of a run must not take all turns.
    pub(super) fn last(&self, known: &Verified) -> i64 {
        let last = known.at.max(known.tried);
        if last > self.began { 0 } else { last }
    }
}

/// A backup or a directory of WAL in this run.
#[derive(Debug, Default)]
pub(super) struct Unit {
    of: String,
    /// When it was verified before. It is not read now.
    skipped: Option<i64>,
    /// What was read of it before this run.
    before: Option<Part>,
    /// Files that were given out and not read yet, by their position in the order of all.
    open: BTreeSet<u64>,
    /// The position up to which all were given out, or need not be read.
    passed: u64,
    /// All its files were given out.
    complete: bool,
    failed: bool,
}

impl Unit {
    /// What it is now, and what is known of it.
    pub(super) fn of(of: &str, known: Option<&Verified>, times: &Times) -> Self {
        let known = known.filter(|known| known.of == of);
        let part = known.and_then(|known| known.part);
        Self {
            of: of.to_owned(),
            skipped: known.and_then(|known| times.fresh(known)),
            before: part.filter(|part| (1..=times.began).contains(&part.at)),
            ..Self::default()
        }
    }

    pub(super) fn met(&self) -> Met {
        match self.skipped {
            Some(at) => Met::Verified(at),
            None => Met::Due(self.before.map(|part| (part.at, part.files))),
        }
    }

    pub(super) fn give_out(&mut self, position: u64) {
        self.open.insert(position);
        self.passed(position + 1);
    }

    pub(super) fn passed(&mut self, position: u64) {
        self.passed = self.passed.max(position);
    }

    pub(super) fn complete(&mut self) {
        self.complete = true;
    }

    /// The file at this position was read.
    pub(super) fn sound(&mut self, position: u64) {
        self.open.remove(&position);
    }

    pub(super) fn fail(&mut self) {
        self.failed = true;
    }

    pub(super) fn has_failed(&self) -> bool {
        self.failed
    }

    /// What is written down; `None`: nothing is known of it.
    pub(super) fn verified(&self, known: Option<&Verified>, times: &Times) -> Option<Verified> {
        let ended = self.complete && self.open.is_empty();
        if self.failed {
            let tried = Verified {
                tried: times.began,
                ..Verified::default()
            };
            return (!ended).then_some(tried);
        }
        // Of a backup whose turn did not come it is not known what it is.
        let same = |known: &&Verified| self.of.is_empty() || known.of == self.of;
        let known = known.filter(same).cloned();
        if self.skipped.is_some() {
            return known;
        }
        let first = self.before.map_or(times.began, |part| part.at);
        if ended {
            return Some(Verified {
                at: first,
                of: self.of.clone(),
                ..Verified::default()
            });
        }
        // The run ended before: it stays as long overdue as it was, and is gone on with.
        let known = known.filter(|known| known.at <= times.began);
        let files = self.open.first().copied().unwrap_or(self.passed);
        if files == 0 {
            return known;
        }
        Some(Verified {
            part: Some(Part { at: first, files }),
            of: self.of.clone(),
            ..known.unwrap_or_default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_damaged_and_larger_than_a_run_lets_others_have_their_turn() {
        let times = Times::new(1000, 100);
        let mut unit = Unit::of("x", None, &times);
        unit.give_out(0);
        unit.give_out(1);
        unit.sound(0);
        unit.fail();
        let tried = unit.verified(None, &times).unwrap();
        assert_eq!((tried.at, tried.part, times.fresh(&tried)), (0, None, None));
        let later = Times::new(2000, 100);
        assert_eq!(later.last(&tried), 1000);
        assert_eq!(Unit::of("x", Some(&tried), &later).met(), Met::Due(None));
        // Where all of it was read it comes first again, and is told again.
        unit.sound(1);
        unit.complete();
        assert_eq!(unit.verified(Some(&tried), &times), None);
    }

    #[test]
    fn a_part_ends_before_the_first_file_that_was_not_read() {
        let times = Times::new(1000, 100);
        let mut unit = Unit::of("x", None, &times);
        (0..5).for_each(|position| unit.give_out(position));
        for position in [0, 1, 3] {
            unit.sound(position);
        }
        let known = unit.verified(None, &times).unwrap();
        let part = Part { at: 1000, files: 2 };
        assert_eq!((known.at, known.part), (0, Some(part)));
        let met = |of| Unit::of(of, Some(&known), &Times::new(2000, 100)).met();
        assert_eq!(met("x"), Met::Due(Some((1000, 2))));
        assert_eq!(met("y"), Met::Due(None));
    }
}
