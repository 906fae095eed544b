//! Names found in a repository or told by a server: labels, archive ids, WAL files, versions, positions.

use std::fmt::Display;
use std::str::FromStr;

use pgkeep_postgres::lsn::Lsn;
use pgkeep_postgres::timeline::TimelineId;
use pgkeep_postgres::version::PgVersion;
use pgkeep_postgres::wal::name;
use pgkeep_postgres::wal::segment::WalSegment;
use pgkeep_repo::archive::{
    StoredSegment, find_segment, history_timeline, is_wal_directory, wal_directory,
};
use pgkeep_repo::backup_label::is_label;
use pgkeep_repo::{ArchiveId, BackupLabel, layout};
use pgkeep_storage::StoragePath;

/// Every parser of a name gets the same text.
pub fn names(data: &[u8]) {
    let path = StoragePath::new(data);
    let _ = layout::copy_of(&path);
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let label = same_text::<BackupLabel>(text);
    assert_eq!(label.is_some(), is_label(text));
    if let Some(label) = label {
        let full = label.full_label();
        assert_eq!(full.as_str(), label.full_part());
        assert!(label.year().len() == 4 && label.backup_type() as usize <= 2);
    }
    same_text::<ArchiveId>(text);
    same_value::<PgVersion>(text);
    same_value::<Lsn>(text);
    let _ = text.parse::<TimelineId>();
    if let Ok(segment) = WalSegment::parse(text) {
        assert_eq!(segment.to_string(), text);
        assert_eq!(segment.dir_name(), text[..16]);
        for size in [1 << 20, 16 << 20, 1 << 30] {
            let _ = (segment.start(size), segment.next(size));
        }
    }
    if let Some(stored) = StoredSegment::parse(text) {
        assert_eq!(stored.to_string(), text);
        assert_eq!(stored.is_partial(), stored.name.ends_with(".partial"));
        assert_eq!(find_segment(&stored.name, [text, text]).len(), 2);
        assert_eq!(wal_directory(text), Some(&stored.segment()[..16]));
    }
    let _ = (
        is_wal_directory(text),
        history_timeline(text),
        name::segment_part(text),
    );
    let _ = (
        name::is_segment(text),
        name::is_partial(text),
        name::is_history(text),
        name::is_backup_label(text),
    );
}

/// What is accepted is shown as it was read.
fn same_text<T: FromStr + Display>(text: &str) -> Option<T> {
    let value = text.parse::<T>().ok()?;
    assert_eq!(value.to_string(), text);
    Some(value)
}

/// What is accepted is read from what it shows as the same value.
fn same_value<T: FromStr + Display + PartialEq>(text: &str) {
    if let Ok(value) = text.parse::<T>() {
        assert!(
            value
                .to_string()
                .parse::<T>()
                .is_ok_and(|again| again == value),
            "{text}"
        );
    }
}
