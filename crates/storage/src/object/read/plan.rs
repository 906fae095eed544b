//! Which requests deliver the ranges that are wanted: near ones become one, long ones several.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::Range;

/// Longest piece that one request fetches: several are under way, and each waits in memory as a whole.
pub(super) const PIECE: u64 = 4 << 20;

/// Neighbouring ranges that are fetched as one; what lies between is thrown away.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Run {
    offset: u64,
    /// `None`: to the end of the object.
    end: Option<u64>,
    /// Wanted parts of it, ascending.
    wanted: Vec<(u64, Option<u64>)>,
}

/// One request and what of its answer is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fetch {
    pub(super) offset: u64,
    pub(super) length: u64,
    wanted: Vec<(u64, Option<u64>)>,
}

/// The requests of one file, made one after the other.
#[derive(Debug)]
pub(super) struct Plan {
    runs: VecDeque<Run>,
    /// Where the next request of the first run begins.
    at: u64,
    /// Size of the object once it is known: nothing is asked for behind it.
    size: Option<u64>,
    /// How much of the whole object the reader expects to need.
    expected: Option<u64>,
}

impl Plan {
    /// `ranges` empty: the whole object, of which `expected` bytes are asked for before its size is known. Ranges no
    /// further apart than `read_over` are fetched as one.
    pub(super) fn new(ranges: &[Range], read_over: u64, expected: Option<u64>) -> Self {
        let expected = expected.filter(|_| ranges.is_empty());
        let whole = [Range {
            offset: 0,
            length: None,
        }];
        let ranges = if ranges.is_empty() { &whole } else { ranges };
        let mut runs: VecDeque<Run> = VecDeque::new();
        for range in ranges.iter().filter(|range| range.length != Some(0)) {
            let end = range
                .length
                .map(|length| range.offset.saturating_add(length));
            if let Some(last) = runs.back_mut()
                && let Some(last_end) = last.end
                && range.offset >= last_end
                && range.offset - last_end <= read_over
            {
                last.end = end;
                last.wanted.push((range.offset, end));
                continue;
            }
            runs.push_back(Run {
                offset: range.offset,
                end,
                wanted: vec![(range.offset, end)],
            });
        }
        Self {
            at: runs.front().map_or(0, |run| run.offset),
            runs,
            size: None,
            expected,
        }
    }

    /// Whether all that the reader expects to need was asked for.
    pub(super) fn has_expected(&self) -> bool {
        self.expected.is_some_and(|expected| self.at >= expected)
    }

    /// Tells the size of the object.
    pub(super) fn know_size(&mut self, size: u64) {
        self.size = Some(size);
    }

    /// Takes back the last request, which was not sent.
    pub(super) fn put_back(&mut self, fetch: &Fetch) {
        self.at = fetch.offset;
    }

    /// The next request. `sure`: not beyond what is known or was named, so that nothing is asked for in vain.
    pub(super) fn next(&mut self, sure: bool) -> Option<Fetch> {
        loop {
            let run = self.runs.front()?;
            let end = match (run.end, self.size) {
                (Some(end), Some(size)) => end.min(size),
                (Some(end), None) | (None, Some(end)) => end,
                (None, None) => match self.expected.filter(|expected| self.at < *expected) {
                    Some(expected) => expected,
                    None if sure => return None,
                    None => self.at.saturating_add(PIECE),
                },
            };
            if self.at >= end {
                self.runs.pop_front();
                self.at = self.runs.front().map_or(0, |run| run.offset);
                continue;
            }
            let fetch = Fetch {
                offset: self.at,
                length: (end - self.at).min(PIECE),
                wanted: run.wanted.clone(),
            };
            self.at += fetch.length;
            return Some(fetch);
        }
    }
}

impl Fetch {
    /// What is wanted of the bytes that came.
    pub(super) fn pick(&self, bytes: &Bytes) -> impl Iterator<Item = Bytes> {
        let from = self.offset;
        let to = from + bytes.len() as u64;
        self.wanted
            .iter()
            .filter_map(move |(start, end)| {
                let start = (*start).max(from);
                let end = end.unwrap_or(to).min(to);
                (start < end).then(|| (start - from, end - from))
            })
            .map(|(start, end)| {
                let at = |offset: u64| usize::try_from(offset).unwrap_or(usize::MAX);
                bytes.slice(at(start)..at(end))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(offset: u64, length: Option<u64>) -> Range {
        Range { offset, length }
    }

    fn all(plan: &mut Plan) -> Vec<(u64, u64)> {
        std::iter::from_fn(|| plan.next(true))
            .map(|fetch| (fetch.offset, fetch.length))
            .collect()
    }

    #[test]
    fn near_ranges_are_one_request_and_far_ones_are_not() {
        let ranges = [
            range(0, Some(10)),
            range(20, Some(5)),
            range(1000, Some(5)),
            range(10, Some(5)),
        ];
        let mut plan = Plan::new(&ranges, 10, None);
        let first = plan.next(true).unwrap();
        assert_eq!((first.offset, first.length), (0, 25));
        let bytes = Bytes::from_iter(0..25);
        let picked: Vec<u8> = first.pick(&bytes).flatten().collect();
        assert_eq!(picked, (0..10).chain(20..25).collect::<Vec<u8>>());
        assert_eq!(all(&mut plan), [(1000, 5), (10, 5)]);
    }

    #[test]
    fn a_long_range_is_fetched_in_pieces() {
        let mut plan = Plan::new(&[range(1, Some(2 * PIECE))], 0, None);
        assert_eq!(all(&mut plan), [(1, PIECE), (1 + PIECE, PIECE)]);
    }

    #[test]
    fn nothing_is_asked_for_behind_the_end() {
        let mut plan = Plan::new(&[], 0, None);
        assert_eq!(plan.next(true), None, "the size is not known yet");
        assert_eq!(plan.next(false).unwrap().length, PIECE);
        plan.know_size(PIECE + 3);
        assert_eq!(all(&mut plan), [(PIECE, 3)]);
        let mut plan = Plan::new(&[range(5, Some(10)), range(2000, None)], 0, None);
        plan.know_size(7);
        assert_eq!(all(&mut plan), [(5, 2)]);
    }

    #[test]
    fn what_is_expected_of_a_whole_object_is_asked_for_at_once_and_the_rest_when_its_size_is_known()
    {
        let mut plan = Plan::new(&[], 0, Some(PIECE + 5));
        assert!(!plan.has_expected());
        assert_eq!(all(&mut plan), [(0, PIECE), (PIECE, 5)]);
        assert!(plan.has_expected());
        plan.know_size(PIECE + 7);
        assert_eq!(all(&mut plan), [(PIECE + 5, 2)], "longer than expected");
        let mut plan = Plan::new(&[], 0, Some(PIECE + 5));
        assert_eq!(plan.next(false).unwrap().length, PIECE);
        plan.know_size(3);
        assert_eq!(all(&mut plan), [], "shorter than expected");
        let mut plan = Plan::new(&[range(2, None)], 0, Some(1));
        assert_eq!(plan.next(true), None, "ranges say what is wanted");
    }
}
