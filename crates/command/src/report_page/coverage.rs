//! Which moments a repository can restore, over all its sets, and where WAL is missing between them.

use super::facts::{Coverage, Gap, Span};
use crate::stanzas::{self, RepositoryReport};
use crate::wal::window::Restorable;

/// What a set can be restored to.
pub(super) struct OfSet {
    pub(super) words: Words,
    spans: Vec<Span>,
    gaps: Vec<Gap>,
}

/// The same for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Words {
    Unknown,
    /// Not at all: segments are missing.
    Nothing(String),
    AsItIs,
    /// Up to this moment.
    Until(i64),
}

/// Of each set, in the order of the list. The report must have been read with all WAL.
pub(super) fn of_sets(report: &RepositoryReport) -> Vec<OfSet> {
    let entries = report.backup_info.iter().flat_map(|info| info.entries());
    let mut all = Vec::new();
    for entry in entries {
        let stop = i64::try_from(entry.timestamp_stop).unwrap_or(i64::MAX);
        let mut of_set = OfSet {
            words: Words::Unknown,
            spans: Vec::new(),
            gaps: Vec::new(),
        };
        match stanzas::restorable(report, entry) {
            None => {}
            Some(Restorable::Damaged) => of_set.words = Words::Nothing("files".to_owned()),
            Some(Restorable::AsItIs) => {
                of_set.words = Words::AsItIs;
                of_set.spans.push(Span {
                    from: stop,
                    to: stop,
                });
            }
            Some(Restorable::Inconsistent(missing)) => {
                let texts: Vec<String> = missing
                    .iter()
                    .map(|gap| text(&gap.first.to_string(), &gap.last.to_string()))
                    .collect();
                of_set.words = Words::Nothing(texts.join(", "));
                of_set.gaps.extend(missing.into_iter().map(|gap| Gap {
                    from: stop,
                    to: None,
                    first: gap.first.to_string(),
                    last: gap.last.to_string(),
                }));
            }
            Some(Restorable::Windows(windows)) => {
                for window in windows {
                    // A segment may have been stored before the backup ended.
                    let to = window.stored.unwrap_or(stop).max(stop);
                    of_set.spans.push(Span { from: stop, to });
                    of_set.gaps.extend(window.gap.map(|gap| Gap {
                        from: to,
                        to: None,
                        first: gap.first.to_string(),
                        last: gap.last.to_string(),
                    }));
                }
                let newest = of_set.spans.iter().map(|span| span.to).max();
                of_set.words = newest.map_or(Words::AsItIs, Words::Until);
            }
        }
        all.push(of_set);
    }
    all
}

/// `first`, or `first to last`.
pub(super) fn text(first: &str, last: &str) -> String {
    match first == last {
        true => first.to_owned(),
        false => format!("{first} to {last}"),
    }
}

/// All together: a moment counts if one set leads there.
pub(super) fn merge(sets: &[OfSet]) -> Coverage {
    let mut spans: Vec<Span> = sets.iter().flat_map(|set| set.spans.clone()).collect();
    spans.sort_by_key(|span| (span.from, span.to));
    let mut merged: Vec<Span> = Vec::new();
    for span in spans {
        match merged.last_mut() {
            Some(last) if span.from <= last.to => last.to = last.to.max(span.to),
            _ => merged.push(span),
        }
    }
    let mut gaps: Vec<Gap> = Vec::new();
    for gap in sets.iter().flat_map(|set| &set.gaps) {
        // What another set leads over is no gap in time.
        if merged
            .iter()
            .any(|span| span.from <= gap.from && gap.from < span.to)
        {
            continue;
        }
        let next = merged.iter().find(|span| span.from > gap.from);
        let gap = Gap {
            to: next.map(|span| span.from),
            ..gap.clone()
        };
        let same =
            |other: &Gap| (other.from, other.to, &other.first) == (gap.from, gap.to, &gap.first);
        if !gaps.iter().any(same) {
            gaps.push(gap);
        }
    }
    gaps.sort_by_key(|gap| gap.from);
    Coverage {
        spans: merged,
        gaps,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stanzas::tests::{entry, report};

    #[test]
    fn a_gap_lasts_until_the_next_set() {
        let segments: &[(&str, i64)] = &[
            ("000000010000000000000002", 150),
            ("000000010000000000000003", 160),
            // 4 is missing, and 7, which the third set needs.
            ("000000010000000000000005", 260),
            ("000000010000000000000006", 270),
        ];
        let report = report(
            vec![
                entry("20260101-000000F", 1, "000000010000000000000002", 100),
                entry("20260201-000000F", 1, "000000010000000000000005", 200),
                entry("20260301-000000F", 1, "000000010000000000000007", 300),
            ],
            &[segments],
        );
        let sets = of_sets(&report);
        let words: Vec<_> = sets.iter().map(|set| set.words.clone()).collect();
        assert_eq!(
            words,
            [
                Words::Until(160),
                Words::Until(270),
                Words::Nothing("000000010000000000000007".to_owned())
            ]
        );
        let coverage = merge(&sets);
        let span = |from, to| Span { from, to };
        assert_eq!(coverage.spans, [span(100, 160), span(200, 270)]);
        let gaps: Vec<_> = coverage
            .gaps
            .iter()
            .map(|gap| (gap.from, gap.to, gap.first.as_str()))
            .collect();
        assert_eq!(
            gaps,
            [
                (160, Some(200), "000000010000000000000004"),
                (300, None, "000000010000000000000007")
            ]
        );
    }

    #[test]
    fn what_another_set_leads_over_is_no_gap() {
        let set = |from, to, gap: bool| OfSet {
            words: Words::Until(to),
            spans: vec![Span { from, to }],
            gaps: gap
                .then(|| Gap {
                    from: to,
                    to: None,
                    first: "A".to_owned(),
                    last: "A".to_owned(),
                })
                .into_iter()
                .collect(),
        };
        let coverage = merge(&[set(100, 160, true), set(150, 270, false)]);
        assert_eq!(coverage.spans, [Span { from: 100, to: 270 }]);
        assert!(coverage.gaps.is_empty());
    }
}
