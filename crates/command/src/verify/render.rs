//! The result as text, as pgBackRest prints it: all with `verbose`, else only what is not in order.

use std::fmt::Write as _;

use super::result::{Faults, Results, Status};

/// Lines after `status:`, each with a line feed in front.
pub(super) fn render(results: &Results, verbose: bool) -> String {
    let mut text = String::new();
    if verbose && results.archives.is_empty() {
        text.push_str("\n  archiveId: none found");
    }
    for archive in &results.archives {
        if verbose || archive.checked != archive.valid {
            let _ = write!(
                text,
                "\n  archiveId: {}, total WAL checked: {}, total valid WAL: {}",
                archive.id, archive.checked, archive.valid
            );
        }
        if archive.checked > 0 {
            for (start, stop) in &archive.runs {
                crate::detail!(
                    "archiveId: {}, wal start: {start}, wal stop: {stop}",
                    archive.id
                );
            }
            faults(&mut text, &archive.faults, verbose);
        }
    }
    if verbose && results.backups.is_empty() {
        text.push_str("\n  backup: none found");
    }
    for backup in &results.backups {
        let fine = matches!(
            backup.status,
            Status::Valid | Status::InProgress | Status::NotFinished
        );
        if verbose || !fine {
            let _ = write!(
                text,
                "\n  backup: {}, status: {}, total files checked: {}, total valid files: {}",
                backup.label,
                backup.status.text(),
                backup.checked,
                backup.valid
            );
        }
        if backup.checked > 0 {
            faults(&mut text, &backup.faults, verbose);
        }
    }
    text
}

fn faults(text: &mut String, faults: &Faults, verbose: bool) {
    if !verbose && faults.total() == 0 {
        return;
    }
    let counts = [
        ("missing", faults.missing),
        ("checksum invalid", faults.checksum),
        ("size invalid", faults.size),
        ("other", faults.other),
    ];
    let shown: Vec<String> = counts
        .iter()
        .filter(|(_, count)| verbose || *count > 0)
        .map(|(name, count)| format!("{name}: {count}"))
        .collect();
    let _ = write!(text, "\n    {}", shown.join(", "));
}
