//! The files of one archive: listed on both sides, and which of them are to be copied.

use std::collections::{BTreeMap, BTreeSet};

use pgkeep_pipeline::{CompressType, Stage};
use pgkeep_postgres::wal::name::{is_backup_label, is_history};
use pgkeep_repo::archive::{StoredSegment, is_wal_directory, wal_directory};
use pgkeep_repo::{ArchiveId, Stanza, layout};
use pgkeep_storage::{InfoLevel, ListOptions, Storage};

use super::piece::{Check, CopyFile, Piece, Recode};
use crate::error::Result;

/// What encryption adds at most: header, salt and padding.
const CIPHER_MOST: u64 = 32;

/// The files of an archive that are worth copying, by what they stand for: the name of a segment (with `.partial`), or their own.
/// Of a segment there may be several, which no program should have stored.
pub(super) type Listed = BTreeMap<String, Vec<Stored>>;

/// A file of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stored {
    pub name: String,
    pub size: u64,
}

/// Lists an archive; one that is missing is empty.
///
/// # Errors
/// Those of the storage.
pub(super) fn list(storage: &dyn Storage, stanza: &Stanza, id: &ArchiveId) -> Result<Listed> {
    let mut listed = Listed::new();
    let options = ListOptions {
        level: InfoLevel::Basic,
        ..ListOptions::default()
    };
    let path = layout::archive_id_path(stanza, id);
    storage.list_tree(&path, &options, &mut |info| {
        let text = info.name.to_string();
        let name = match text.split_once('/') {
            None if is_history(&text) => text.as_str(),
            Some((directory, name))
                if is_wal_directory(directory) && wal_directory(name) == Some(directory) =>
            {
                name
            }
            _ => return Ok(()),
        };
        let stands_for = match StoredSegment::parse(name) {
            Some(stored) => stored.name,
            None if is_history(name) || is_backup_label(name) => name.to_owned(),
            None => return Ok(()),
        };
        listed.entry(stands_for).or_default().push(Stored {
            name: name.to_owned(),
            size: info.size,
        });
        Ok(())
    })?;
    Ok(listed)
}

/// Which files of an archive are wanted.
#[derive(Debug, Clone)]
pub(super) enum Wanted {
    All,
    /// Segments between these, ends included, and all histories: without them no other timeline is found.
    Between(BTreeSet<(String, String)>),
    /// What is at this place in WAL or later, on any timeline: what follows the timeline in the name of a segment.
    From(String),
}

impl Wanted {
    pub(super) fn holds(&self, name: &str) -> bool {
        let segment = match name.get(..24) {
            Some(segment) => segment,
            // The history of a timeline.
            None => return true,
        };
        match self {
            Self::All => true,
            Self::Between(ranges) => ranges
                .iter()
                .any(|(start, stop)| segment >= start.as_str() && segment <= stop.as_str()),
            Self::From(place) => &segment[8..] >= place.as_str(),
        }
    }
}

/// What is to be done with one name of an archive.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    Copy(Stored),
    /// The target has it.
    There,
    /// There are several with other bytes, and nobody knows which is right.
    Several,
}

/// Compares what both sides have under one name.
pub(super) fn step(source: &[Stored], target: Option<&Vec<Stored>>, recoded: bool) -> Step {
    let checksum = |stored: &Stored| StoredSegment::parse(&stored.name).map(|one| one.checksum);
    let first = &source[0];
    let target = target.map_or(&[][..], Vec::as_slice);
    let others = source.iter().chain(target);
    if others
        .clone()
        .any(|other| checksum(other) != checksum(first))
    {
        return Step::Several;
    }
    let Some(there) = target.first() else {
        return Step::Copy(first.clone());
    };
    // Compressed in another way it is the same segment; a second file of it would be one too many.
    let same_name = there.name == first.name;
    let fits = match recoded {
        false => there.size == first.size,
        true => there.size.abs_diff(first.size) <= CIPHER_MOST,
    };
    match same_name && !fits {
        true => Step::Copy(first.clone()),
        false => Step::There,
    }
}

/// How a file of an archive is copied and verified.
pub(super) fn copy_file(
    stanza: &Stanza,
    id: &ArchiveId,
    stored: &Stored,
    recode: Option<Recode>,
) -> CopyFile {
    let check = StoredSegment::parse(&stored.name).map_or(Check::None, |segment| {
        let kind = CompressType::from_extension(&segment.extension);
        let decompress =
            (kind != CompressType::None).then_some(Stage::Decompress { kind, raw: false });
        match segment.checksum.parse() {
            Ok(sha1) => Check::Content {
                stages: decompress.into_iter().collect(),
                sha1,
                size: None,
            },
            Err(_) => Check::Unknown,
        }
    });
    CopyFile {
        path: layout::archive_file(stanza, id, &stored.name),
        size: stored.size,
        pieces: vec![Piece {
            position: 0,
            offset: 0,
            size: None,
            check,
        }],
        recode,
    }
}

/// The archives of a repository.
///
/// # Errors
/// Those of the storage.
pub(super) fn archives(storage: &dyn Storage, stanza: &Stanza) -> Result<Vec<ArchiveId>> {
    let options = ListOptions {
        level: InfoLevel::Exists,
        sort: true,
    };
    let listed = storage.list(&layout::archive_path(stanza), &options)?;
    let ids = listed.unwrap_or_default();
    Ok(ids
        .iter()
        .filter_map(|info| info.name.to_string().parse().ok())
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "da39a3ee5e6b4b0d3255bfef95601890afd80709";
    const TWO: &str = "aaaaa3ee5e6b4b0d3255bfef95601890afd80709";

    fn stored(checksum: &str, extension: &str, size: u64) -> Stored {
        Stored {
            name: format!("000000010000000000000001-{checksum}{extension}"),
            size,
        }
    }

    #[test]
    fn a_segment_is_copied_unless_the_target_has_it() {
        let ours = stored(ONE, ".gz", 100);
        let one = std::slice::from_ref(&ours);
        assert_eq!(step(one, None, false), Step::Copy(ours.clone()));
        let at = |target: Stored, recoded| step(one, Some(&vec![target]), recoded);
        assert_eq!(at(stored(ONE, ".gz", 100), false), Step::There);
        assert_eq!(at(stored(ONE, ".gz", 99), false), Step::Copy(ours.clone()));
        assert_eq!(at(stored(ONE, ".gz", 128), true), Step::There);
        assert_eq!(at(stored(ONE, ".gz", 150), true), Step::Copy(ours.clone()));
        assert_eq!(at(stored(ONE, ".zst", 7), false), Step::There);
        assert_eq!(at(stored(TWO, ".gz", 100), false), Step::Several);
        let both = [ours.clone(), stored(TWO, ".gz", 100)];
        assert_eq!(step(&both, None, false), Step::Several);
    }

    #[test]
    fn what_is_wanted_is_told_by_the_name() {
        let segment = |text: &str| format!("{text}-{ONE}");
        let between = Wanted::Between(
            [(
                "000000010000000000000002".to_owned(),
                "000000010000000000000003".to_owned(),
            )]
            .into(),
        );
        let from = Wanted::From("0000000000000003".to_owned());
        for (name, in_range, later) in [
            (segment("000000010000000000000001"), false, false),
            (segment("000000010000000000000002"), true, false),
            (segment("000000010000000000000003"), true, true),
            (segment("000000010000000000000004"), false, true),
            (segment("000000020000000000000003"), false, true),
            (segment("000000020000000000000001"), false, false),
            ("00000002.history".to_owned(), true, true),
            (
                "000000010000000000000003.00000028.backup".to_owned(),
                true,
                true,
            ),
        ] {
            assert!(Wanted::All.holds(&name));
            assert_eq!(between.holds(&name), in_range, "{name}");
            assert_eq!(from.holds(&name), later, "{name}");
        }
    }
}
