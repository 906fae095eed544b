//! The place for the backups: may it be written, is there room, does its clock agree, and what who has the key can destroy.

use pgkeep_repo::{BackupLabel, layout};
use pgkeep_storage::sftp::examine::{Change, Creation, Files, Space, changes};

use super::check::{CHANGE, CLOCK, SPACE, UPLOAD};
use super::workplace::Workplace;
use crate::report::finding::{Finding, Grade};
use crate::report::size_text::size_text;

/// Seconds by which clocks may differ.
const SKEW: i64 = 30;
const DAY: i64 = 86_400;
/// Where nothing is removed, by intention.
pub(super) const STAYS: &str = "what was tried there stays";

/// `now`: seconds since 1970 by our clock. Ends the stay at the workplace.
///
/// `append_only`: the configuration says that the account may only add.
pub(super) fn examine(
    files: &Files,
    place: &Workplace<'_>,
    now: i64,
    append_only: bool,
) -> Vec<Finding> {
    let at = if place.base.is_empty() {
        "/"
    } else {
        &place.base
    };
    let space = space(files, at);
    let Ok(directory) = &place.made else {
        let why = place
            .made
            .as_ref()
            .err()
            .map_or("", |refusal| &refusal.reason);
        let mut findings = vec![
            Finding::new(
                &UPLOAD,
                Grade::Fail,
                format!("cannot make a directory in '{at}': {why}"),
            ),
            space,
        ];
        findings.extend(Finding::untested(
            &[&CLOCK, &CHANGE],
            "nothing can be written",
        ));
        return findings;
    };
    let file = format!("{directory}/yesterday");
    let how = match append_only {
        true => Creation::Closed,
        false => Creation::Exclusive,
    };
    let written = files.write(&file, how, b"a finished backup");
    if let Err(refusal) = written {
        place.leave();
        let mut findings = vec![
            Finding::new(
                &UPLOAD,
                Grade::Fail,
                format!("cannot write a file: {}", refusal.reason),
            ),
            space,
        ];
        findings.extend(Finding::untested(
            &[&CLOCK, &CHANGE],
            "nothing can be written",
        ));
        return findings;
    }
    let clock = clock(files, &file, now);
    let yesterday = u32::try_from(now - DAY).unwrap_or(0);
    let tried = changes(files, directory, &file, yesterday);
    place.is_left(tried.left);
    let can: Vec<&str> = tried.may.iter().copied().map(Change::text).collect();
    let open = match append_only {
        true => writable(files, &place.base),
        false => None,
    };
    let left = place.leave();
    let change = match (can.is_empty(), open) {
        (true, None) => Finding::new(&CHANGE, Grade::Ok, "refused"),
        (true, Some(path)) => Finding::new(&CHANGE, Grade::Note, open_file(&path)),
        (false, _) => Finding::new(
            &CHANGE,
            Grade::Note,
            format!("the account may {} them", can.join(", ")),
        ),
    };
    let upload = if left.is_empty() {
        Finding::new(&UPLOAD, Grade::Ok, format!("writable below '{at}'"))
    } else if append_only {
        let seen = format!("writable below '{at}'; {STAYS}: {}", left.join(", "));
        Finding::new(&UPLOAD, Grade::Ok, seen)
    } else {
        Finding::new(
            &UPLOAD,
            Grade::Warn,
            format!(
                "writable, but these could not be removed: {}",
                left.join(", ")
            ),
        )
    };
    vec![upload, space, clock, change]
}

/// Only files are closed: a directory that nobody may write takes no backup any more.
fn open_file(path: &str) -> String {
    format!(
        "refused, but the account may write '{path}': as root on the SFTP host, close all files of the repository once: \
         find THE-REPOSITORY -type f -execdir chmod a-w {{}} +"
    )
}

/// An info file or a manifest that its owner may write: somebody else has made it, or it was there before the account was closed.
fn writable(files: &Files, base: &str) -> Option<String> {
    let list = |path: &str| files.list(path).unwrap_or_default();
    for part in ["archive", "backup"] {
        for stanza in list(&format!("{base}/{part}")) {
            let mut directories = vec![format!("{base}/{part}/{}", stanza.name)];
            while let Some(directory) = directories.pop() {
                for entry in list(&directory) {
                    let path = format!("{directory}/{}", entry.name);
                    let name = entry.name.strip_suffix(".copy").unwrap_or(&entry.name);
                    let is_info = [layout::ARCHIVE_INFO, layout::BACKUP_INFO, layout::MANIFEST]
                        .contains(&name);
                    let open = entry.mode.is_some_and(|mode| mode & 0o222 != 0);
                    if is_info && open {
                        return Some(path);
                    }
                    if part == "backup" && entry.name.parse::<BackupLabel>().is_ok() {
                        directories.push(path);
                    }
                }
            }
        }
    }
    None
}

pub(super) fn without_sftp(why: &str) -> Vec<Finding> {
    let mut findings = vec![Finding::new(
        &UPLOAD,
        Grade::Fail,
        format!("no SFTP: {why}"),
    )];
    findings.extend(Finding::untested(&[&SPACE, &CLOCK, &CHANGE], "no SFTP"));
    findings
}

fn space(files: &Files, at: &str) -> Finding {
    match files.space(at) {
        Ok(space) => grade_space(space),
        Err(refusal) => Finding::new(
            &SPACE,
            Grade::NotTested,
            format!("the server does not say: {}", refusal.reason),
        ),
    }
}

fn grade_space(space: Space) -> Finding {
    let share = |part: u64, whole: u64| (u128::from(part) * 100 / u128::from(whole.max(1))) as u64;
    let percent = share(space.free, space.total);
    let seen = format!(
        "{} of {} free ({percent} %)",
        size_text(space.free),
        size_text(space.total)
    );
    if space.read_only {
        return Finding::new(&SPACE, Grade::Fail, format!("mounted read-only; {seen}"));
    }
    // Some file systems do not count files.
    if space.files > 0 && share(space.files_free, space.files) < 2 {
        let seen = format!("{seen}; only {} more files fit", space.files_free);
        return Finding::new(&SPACE, Grade::Warn, seen);
    }
    let grade = if percent < 10 { Grade::Warn } else { Grade::Ok };
    Finding::new(&SPACE, grade, seen)
}

fn clock(files: &Files, file: &str, now: i64) -> Finding {
    let Some(theirs) = files.lstat(file).ok().and_then(|seen| seen.modified) else {
        return Finding::new(&CLOCK, Grade::NotTested, "the server shows no times");
    };
    let ahead = i64::from(theirs) - now;
    let seen = match ahead {
        -1..=1 => "agrees with ours".to_owned(),
        2.. => format!("{ahead} s ahead of ours"),
        _ => format!("{} s behind ours", -ahead),
    };
    let grade = if ahead.abs() > SKEW {
        Grade::Warn
    } else {
        Grade::Ok
    };
    Finding::new(&CLOCK, grade, seen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_stay_as_they_are_when_files_are_closed() {
        let text = open_file("/upload/archive/main/archive.info");
        assert!(text.ends_with("find THE-REPOSITORY -type f -execdir chmod a-w {} +"));
    }

    #[test]
    fn little_space_or_few_files_left_warn_and_read_only_fails() {
        let space = |free, files_free, read_only| {
            grade_space(Space {
                total: 100 << 30,
                free,
                files: 1000,
                files_free,
                read_only,
            })
        };
        assert_eq!(space(50 << 30, 900, false).grade, Grade::Ok);
        assert_eq!(
            space(50 << 30, 900, false).seen,
            "50GB of 100GB free (50 %)"
        );
        assert_eq!(space(9 << 30, 900, false).grade, Grade::Warn);
        assert_eq!(space(50 << 30, 19, false).grade, Grade::Warn);
        assert_eq!(space(50 << 30, 900, true).grade, Grade::Fail);
    }
}
