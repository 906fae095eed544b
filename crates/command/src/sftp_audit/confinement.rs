//! Whether the account is kept in its directory: the rest of the server, its own keys, the data of others.

use pgkeep_storage::sftp::examine::{Creation, Files, Seen};

use super::check::{BESIDE, CHROOT, DOT_DOT, OTHERS, OWN_KEYS, SYMLINK};
use super::workplace::Workplace;
use crate::report::finding::{Finding, Grade};

/// Paths that every server has and no directory for uploads.
const WITNESSES: [&str; 5] = ["/proc/self", "/etc/passwd", "/etc/ssh", "/var/log", "/root"];
const UP: &str = "/../../../../../../../../../..";
/// Directories beside the upload directory that are tried.
const MOST_BESIDE: usize = 50;
/// What an account could change in `.ssh` to its advantage.
const KEY_FILES: [&str; 6] = [
    "authorized_keys",
    "authorized_keys2",
    "known_hosts",
    "rc",
    "environment",
    "config",
];

pub(super) fn examine(files: &Files, place: &Workplace<'_>) -> Vec<Finding> {
    let chroot = chroot(files);
    let open = chroot.grade == Grade::Fail;
    let mut findings = vec![chroot];
    if open {
        findings.extend(Finding::untested(
            &[&DOT_DOT, &SYMLINK],
            "there is no chroot to leave",
        ));
    } else {
        findings.push(dot_dot(files, place));
        findings.push(symlink(files, place));
    }
    findings.push(beside(files, place));
    findings.push(own_keys(files, place));
    findings.push(if open {
        Finding::new(
            &OTHERS,
            Grade::NotTested,
            "there is no chroot, so all is visible",
        )
    } else {
        others(files, place)
    });
    findings
}

pub(super) fn without_sftp(why: &str) -> Vec<Finding> {
    Finding::untested(
        &[&CHROOT, &DOT_DOT, &SYMLINK, &BESIDE, &OWN_KEYS, &OTHERS],
        why,
    )
}

fn existing(files: &Files, paths: &[String]) -> Vec<String> {
    files
        .lstat_many(paths)
        .into_iter()
        .zip(paths)
        .filter(|(seen, _)| seen.is_ok())
        .map(|(_, path)| path.clone())
        .collect()
}

fn chroot(files: &Files) -> Finding {
    let visible = existing(files, &WITNESSES.map(str::to_owned));
    if visible.is_empty() {
        return Finding::new(&CHROOT, Grade::Ok, "no path of the server is visible");
    }
    Finding::new(
        &CHROOT,
        Grade::Fail,
        format!("visible: {}", visible.join(", ")),
    )
}

fn dot_dot(files: &Files, place: &Workplace<'_>) -> Finding {
    let paths: Vec<String> = WITNESSES
        .iter()
        .flat_map(|witness| {
            [
                format!("{}{UP}{witness}", place.base),
                format!("{UP}{witness}"),
            ]
        })
        .collect();
    match existing(files, &paths).first() {
        None => Finding::new(&DOT_DOT, Grade::Ok, "leads nowhere"),
        Some(path) => Finding::new(&DOT_DOT, Grade::Fail, format!("reached '{path}'")),
    }
}

/// Makes links to files outside, absolute and relative, and tries to read through them.
fn symlink(files: &Files, place: &Workplace<'_>) -> Finding {
    let Ok(directory) = &place.made else {
        return Finding::new(&SYMLINK, Grade::NotTested, "no directory to make a link in");
    };
    let mut made = 0;
    let mut reached = None;
    for (name, destination) in [
        ("link1", "/etc/passwd".to_owned()),
        (
            "link2",
            format!("{}/etc/passwd", UP.trim_start_matches('/')),
        ),
    ] {
        let link = format!("{directory}/{name}");
        if files.link(&destination, &link).is_err() {
            continue;
        }
        made += 1;
        if files.read(&link, 0, 16).is_ok() {
            reached = Some(destination);
        }
        place.remove(&link);
    }
    match (reached, made) {
        (Some(destination), _) => Finding::new(
            &SYMLINK,
            Grade::Fail,
            format!("read '{destination}' through a link"),
        ),
        (None, 0) => Finding::new(&SYMLINK, Grade::Ok, "links cannot be made"),
        (None, _) => Finding::new(&SYMLINK, Grade::Ok, "links lead nowhere"),
    }
}

/// The root, and what is in it beside the upload directory.
fn beside(files: &Files, place: &Workplace<'_>) -> Finding {
    if place.top.is_empty() {
        return Finding::new(&BESIDE, Grade::NotTested, "the repository path is the root");
    }
    let mut tried = vec!["/".to_owned()];
    let entries = files.list("/").unwrap_or_default();
    tried.extend(
        entries
            .iter()
            .filter(|entry| is_directory(entry))
            .map(|entry| format!("/{}", entry.name))
            // `.ssh` is looked at by itself.
            .filter(|path| *path != place.top && path != "/.ssh")
            .take(MOST_BESIDE),
    );
    let writable: Vec<String> = tried
        .into_iter()
        .filter(|path| place.may_create_in(path))
        .collect();
    if writable.is_empty() {
        Finding::new(&BESIDE, Grade::Ok, format!("only below {}", place.top))
    } else {
        Finding::new(
            &BESIDE,
            Grade::Fail,
            format!("could write to {}", writable.join(", ")),
        )
    }
}

fn is_directory(entry: &Seen) -> bool {
    entry.kind == Some(pgkeep_storage::FileType::Path)
}

/// The account's `.ssh`, wherever it may be. Nothing in it is changed: a file is opened for writing and closed.
fn own_keys(files: &Files, place: &Workplace<'_>) -> Finding {
    let start = files.real_path(".").unwrap_or_else(|_| "/".into());
    let mut homes = vec![
        start.trim_end_matches('/').to_owned(),
        String::new(),
        place.top.clone(),
        place.base.clone(),
    ];
    homes.sort();
    homes.dedup();
    let paths: Vec<String> = homes.iter().map(|home| format!("{home}/.ssh")).collect();
    let found = existing(files, &paths);
    if found.is_empty() {
        return Finding::new(&OWN_KEYS, Grade::Ok, "no .ssh can be seen");
    }
    let mut worst = Finding::new(
        &OWN_KEYS,
        Grade::Ok,
        format!("{} cannot be read", found.join(", ")),
    );
    for directory in &found {
        let named: Vec<String> = KEY_FILES
            .iter()
            .map(|name| format!("{directory}/{name}"))
            .collect();
        let there = existing(files, &named);
        let home = directory.trim_end_matches("/.ssh");
        let changed = there
            .iter()
            .find(|file| files.write(file, Creation::Existing, &[]).is_ok())
            .map(|file| format!("'{file}' can be changed"))
            .or_else(|| {
                place
                    .may_create_in(directory)
                    .then(|| format!("files can be made in '{directory}'"))
            })
            .or_else(|| {
                place
                    .may_create_in(home)
                    .then(|| format!("'{directory}' can be moved away and made anew"))
            });
        if let Some(seen) = changed {
            return Finding::new(&OWN_KEYS, Grade::Fail, seen);
        }
        if let Some(file) = there.iter().find(|file| files.read(file, 0, 16).is_ok()) {
            worst = Finding::new(&OWN_KEYS, Grade::Warn, format!("'{file}' can be read"));
        }
    }
    worst
}

/// Directories on the way to the repository, and one level below their neighbours, that belong to neither root nor us.
fn others(files: &Files, place: &Workplace<'_>) -> Finding {
    let Some(own) = place
        .made
        .as_ref()
        .ok()
        .and_then(|path| files.lstat(path).ok()?.uid)
    else {
        return Finding::new(&OTHERS, Grade::NotTested, "the own user id is not known");
    };
    let foreign = |entry: &Seen| entry.uid.is_some_and(|uid| uid != 0 && uid != own);
    let mut open = Vec::new();
    let mut named = Vec::new();
    let mut parent = String::new();
    for part in place.base.split('/').filter(|part| !part.is_empty()) {
        let entries = files.list(&format!("{parent}/")).unwrap_or_default();
        for entry in entries.iter().filter(|entry| entry.name != part) {
            let path = format!("{parent}/{}", entry.name);
            if foreign(entry) {
                let readable = match is_directory(entry) {
                    true => files.list(&path).is_ok(),
                    false => files.read(&path, 0, 1).is_ok(),
                };
                if readable { &mut open } else { &mut named }.push(path);
            } else if is_directory(entry) && entry.uid == Some(0) {
                let below = files.list(&path).unwrap_or_default();
                open.extend(
                    below
                        .iter()
                        .filter(|entry| foreign(entry))
                        .map(|entry| format!("{path}/{}", entry.name)),
                );
            }
        }
        parent = format!("{parent}/{part}");
    }
    let shown = |paths: &[String]| {
        let more = paths.len().saturating_sub(3);
        let first = paths.iter().take(3).cloned().collect::<Vec<_>>().join(", ");
        if more == 0 {
            first
        } else {
            format!("{first} and {more} more")
        }
    };
    if !open.is_empty() {
        Finding::new(&OTHERS, Grade::Fail, format!("visible: {}", shown(&open)))
    } else if !named.is_empty() {
        Finding::new(
            &OTHERS,
            Grade::Warn,
            format!("named, not readable: {}", shown(&named)),
        )
    } else {
        Finding::new(&OTHERS, Grade::Ok, "nothing of other accounts is visible")
    }
}
