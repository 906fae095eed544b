//! What a file name in the WAL directory or in the archive says, without opening the file.
//!
//! Hex digits in these names are upper case only (`XLogFileName` and its kin in `access/xlog_internal.h`).

/// Length of a segment name in bytes.
pub const SEGMENT_LENGTH: usize = 24;

fn is_hex(text: &str) -> bool {
    text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'A'..=b'F'))
}

/// The segment name that a file name begins with, whatever follows it.
pub fn segment_part(name: &str) -> Option<&str> {
    name.get(..SEGMENT_LENGTH).filter(|part| is_hex(part))
}

/// Whether the name is that of a complete segment.
pub fn is_segment(name: &str) -> bool {
    name.len() == SEGMENT_LENGTH && is_hex(name)
}

/// Whether the name is that of a segment left unfinished by a promotion (`.partial`).
pub fn is_partial(name: &str) -> bool {
    name.strip_suffix(".partial").is_some_and(is_segment)
}

/// Whether the name is that of a timeline history file (`00000002.history`).
pub fn is_history(name: &str) -> bool {
    name.strip_suffix(".history")
        .is_some_and(|timeline| timeline.len() == 8 && is_hex(timeline))
}

/// Whether the name is that of a backup history file (`<segment>.<offset>.backup`).
pub fn is_backup_label(name: &str) -> bool {
    let Some((segment, offset)) = name
        .strip_suffix(".backup")
        .and_then(|rest| rest.split_once('.'))
    else {
        return false;
    };
    is_segment(segment) && offset.len() == 8 && is_hex(offset)
}

/// Shortest and longest name of a file that PostgreSQL hands to its archive command (`MIN_XFN_CHARS`, `MAX_XFN_CHARS`).
const ARCHIVED_LENGTH: std::ops::RangeInclusive<usize> = 16..=40;

/// Whether PostgreSQL hands a file of this name to its archive command; it passes over all others in `archive_status`.
pub fn is_archived(name: &str) -> bool {
    ARCHIVED_LENGTH.contains(&name.len())
        && name
            .bytes()
            .all(|byte| b"0123456789ABCDEF.history.backup.partial".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEGMENT: &str = "0000000100000000000000A1";

    #[test]
    fn names_are_told_apart() {
        let names = [
            SEGMENT,
            "0000000100000000000000A1.partial",
            "00000002.history",
            "0000000100000000000000A1.00000028.backup",
        ];
        for (index, name) in names.iter().enumerate() {
            let found = [
                is_segment(name),
                is_partial(name),
                is_history(name),
                is_backup_label(name),
            ];
            assert_eq!(found.iter().position(|&is| is), Some(index), "{name}");
            assert_eq!(found.iter().filter(|&&is| is).count(), 1, "{name}");
        }
    }

    #[test]
    fn near_misses_are_none_of_them() {
        for name in [
            "",
            "0000000100000000000000a1",
            "0000000100000000000000A",
            "0000000100000000000000A11",
            "0000000100000000000000A1.Partial",
            "0000002.history",
            "00000002.HISTORY",
            "0000000100000000000000A1.28.backup",
            "0000000100000000000000A1.00000028",
            "00000001000000000000000é",
        ] {
            assert!(
                !is_segment(name)
                    && !is_partial(name)
                    && !is_history(name)
                    && !is_backup_label(name),
                "{name}"
            );
        }
    }

    #[test]
    fn names_that_postgresql_archives_are_told_from_others() {
        for name in [
            SEGMENT,
            "0000000100000000000000A1.partial",
            "00000002.history",
            "0000000100000000000000A1.00000028.backup",
        ] {
            assert!(is_archived(name), "{name}");
        }
        for name in [
            "",
            "x",
            "000000010000000000A",
            "0000000100000000000000A1.pgbackrest.tmp",
            "0000000100000000000000A1 (copy)",
            "0000000100000000000000A1.00000028.backup.partial.x",
        ] {
            assert_eq!(is_archived(name), name == "000000010000000000A", "{name}");
        }
    }

    #[test]
    fn segment_part_ignores_what_follows() {
        assert_eq!(
            segment_part("0000000100000000000000A1-da39a3ee.gz"),
            Some(SEGMENT)
        );
        assert_eq!(segment_part(SEGMENT), Some(SEGMENT));
        assert_eq!(segment_part("00000002.history"), None);
        assert_eq!(segment_part("00000001000000000000000é"), None);
    }
}
