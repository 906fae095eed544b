//! Which files share a bundle, and in which order files are copied (`docs/format/bundles.md`). It does no I/O, and readers
//! depend on none of it.
//!
//! The caller keeps targets apart (a bundle never mixes the data directory and tablespaces) and numbers bundles from 1
//! through all of them.

use std::cmp::Ordering;

use crate::manifest::FileRef;

/// Limits in bytes of original size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BundleSettings {
    /// `repo-bundle-size`: a bundle is full when its files add up to this.
    pub size: u64,
    /// `repo-bundle-limit`: larger files are stored alone.
    pub limit: u64,
}

/// One unit of copying.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CopyUnit<T> {
    /// A file of its own.
    Single(T),
    /// Files that are written one after the other into `bundle/<id>`.
    Bundle { id: u64, files: Vec<T> },
}

/// Fills bundles with `files` (and their sizes) in the order given. `None`: no bundling at all. `next_id` is the next
/// bundle number, and goes on counting.
pub fn plan<T>(
    files: impl IntoIterator<Item = (T, u64)>,
    settings: Option<BundleSettings>,
    next_id: &mut u64,
) -> Vec<CopyUnit<T>> {
    let mut units = Vec::new();
    let mut open: Vec<T> = Vec::new();
    let mut filled = 0u64;
    let mut close = |open: &mut Vec<T>, units: &mut Vec<CopyUnit<T>>| {
        if !open.is_empty() {
            units.push(CopyUnit::Bundle {
                id: *next_id,
                files: std::mem::take(open),
            });
            *next_id += 1;
        }
    };
    for (file, size) in files {
        match settings {
            Some(settings) if size <= settings.limit => {
                open.push(file);
                filled = filled.saturating_add(size);
                if filled >= settings.size {
                    close(&mut open, &mut units);
                    filled = 0;
                }
            }
            _ => units.push(CopyUnit::Single(file)),
        }
    }
    close(&mut open, &mut units);
    units
}

/// Order of copying within one target.
///
/// 1. Large files, largest first, so that no worker is left with one at the end.
/// 2. Files that were in a bundle before, as they lay there, so that prior block maps are read in sequence.
/// 3. New files from the longest unchanged, so that files of one age lie side by side.
#[must_use]
pub fn copy_order(a: &FileRef<'_>, b: &FileRef<'_>, settings: Option<BundleSettings>) -> Ordering {
    let alone = |file: &FileRef<'_>| settings.is_none_or(|settings| file.size > settings.limit);
    let by_name = || a.name.cmp(&b.name);
    match (alone(a), alone(b)) {
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
        (true, true) => b.size.cmp(&a.size).then_with(by_name),
        (false, false) => match (a.reference_label(), b.reference_label()) {
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(label), Some(other)) => {
                let place =
                    |file: &FileRef<'_>| file.bundle.map(|bundle| (bundle.id, bundle.offset));
                label
                    .cmp(other)
                    .then_with(|| place(a).cmp(&place(b)))
                    .then_with(by_name)
            }
            (None, None) => a.timestamp.cmp(&b.timestamp).then_with(by_name),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: Option<BundleSettings> = Some(BundleSettings {
        size: 100,
        limit: 60,
    });

    #[test]
    fn a_bundle_closes_when_it_is_full_and_large_files_stand_alone() {
        let mut next = 1;
        let files = [("a", 50), ("big", 61), ("b", 50), ("c", 1), ("d", 60)];
        let units = plan(files, SETTINGS, &mut next);
        assert_eq!(
            units,
            [
                CopyUnit::Single("big"),
                CopyUnit::Bundle {
                    id: 1,
                    files: vec!["a", "b"]
                },
                CopyUnit::Bundle {
                    id: 2,
                    files: vec!["c", "d"]
                },
            ]
        );
        assert_eq!(next, 3);
    }

    #[test]
    fn numbering_goes_on_over_targets_and_nothing_makes_no_bundle() {
        let mut next = 7;
        assert!(plan(Vec::<(u8, u64)>::new(), SETTINGS, &mut next).is_empty());
        assert_eq!(next, 7);
        assert_eq!(
            plan([(1, 5)], SETTINGS, &mut next),
            [CopyUnit::Bundle {
                id: 7,
                files: vec![1]
            }]
        );
        assert_eq!(plan([(1, 5)], None, &mut next), [CopyUnit::Single(1)]);
    }

    proptest::proptest! {
        #[test]
        fn every_file_is_in_exactly_one_unit(sizes in proptest::collection::vec(0u64..150, 0..60)) {
            let mut next = 1;
            let units = plan(sizes.iter().copied().enumerate(), SETTINGS, &mut next);
            let mut seen: Vec<usize> = units
                .iter()
                .flat_map(|unit| match unit {
                    CopyUnit::Single(file) => vec![*file],
                    CopyUnit::Bundle { files, .. } => files.clone(),
                })
                .collect();
            seen.sort_unstable();
            proptest::prop_assert_eq!(seen, (0..sizes.len()).collect::<Vec<_>>());
        }
    }
}
