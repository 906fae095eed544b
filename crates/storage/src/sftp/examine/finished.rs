//! What an account may do to a file that is finished, and whether one can be published by a link.
//!
//! Tried on a file of the caller's own. What could not be removed again is returned, because an account that may only add
//! leaves all of it.

use super::answer::Answer;
use super::files::{Creation, Files};

/// A way to harm a finished file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    DateBack,
    Overwrite,
    Replace,
    Remove,
    Rename,
}

impl Change {
    /// As it is told to people: the account may … it.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::DateBack => "date back",
            Self::Overwrite => "overwrite",
            Self::Replace => "replace",
            Self::Remove => "remove",
            Self::Rename => "rename",
        }
    }
}

/// What was seen of a finished file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes {
    pub may: Vec<Change>,
    /// Files that are left, because the account may not remove them.
    pub left: Vec<String>,
}

/// Tries every way to change the finished `file` in `directory`. `yesterday`: seconds since 1970.
pub fn changes(files: &Files, directory: &str, file: &str, yesterday: u32) -> Changes {
    let mut may = Vec::new();
    let mut left = Vec::new();
    // By what is there afterwards: a server may say yes and do nothing.
    let seen = || files.lstat(file).ok();
    if files.set_modified(file, yesterday).is_ok()
        && seen().is_none_or(|seen| seen.modified.is_none_or(|time| time == yesterday))
    {
        may.push(Change::DateBack);
    }
    // Whoever may do that may write the file, whatever mode it has.
    let writable = || seen().is_none_or(|seen| seen.mode.is_none_or(|mode| mode & 0o222 != 0));
    let opened = [
        files.set_mode(file, 0o600),
        files.set_mode_of_open(file, 0o600),
        files.set_mode_of_link(file, 0o600),
    ]
    .iter()
    .any(Result::is_ok)
        && writable();
    if files.write(file, Creation::Replace, b"destroyed").is_ok()
        || files.write(file, Creation::Existing, b"destroyed").is_ok()
        || opened
    {
        may.push(Change::Overwrite);
    }
    let other = format!("{directory}/other");
    if files.write(&other, Creation::Exclusive, &[]).is_ok() {
        match files
            .rename_over(&other, file)
            .or_else(|_| files.rename(&other, file))
        {
            Ok(()) => may.push(Change::Replace),
            Err(_) => left.extend(unless_removed(files, other)),
        }
    }
    let aside = format!("{directory}/aside");
    let renamed = files.rename(file, &aside).is_ok();
    if renamed {
        let _ = files.rename(&aside, file);
    }
    match files.remove(file) {
        Ok(()) => may.push(Change::Remove),
        Err(why) if why.is_missing() => {}
        Err(_) => left.push(file.to_owned()),
    }
    if renamed && may.is_empty() {
        may.push(Change::Rename);
    }
    Changes { may, left }
}

/// Removes it; hands back what is still there.
fn unless_removed(files: &Files, path: String) -> Option<String> {
    match files.remove(&path) {
        Err(why) if !why.is_missing() => Some(path),
        _ => None,
    }
}

/// What a hard link does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Links {
    /// Whether a file gets a second name (`hardlink@openssh.com`).
    pub made: Answer<()>,
    /// Whether a link takes the place of a file that has the name; `None`: no link can be made.
    pub replace: Option<bool>,
    /// Names that are left, because the account may not remove them.
    pub left: Vec<String>,
}

/// Gives `file` in `directory` a second name, and tries to give that name to another file.
pub fn links(files: &Files, directory: &str, file: &str) -> Links {
    let name = format!("{directory}/linked");
    // A server may say yes and make nothing.
    let made = files
        .hard_link(file, &name)
        .and_then(|()| files.read(&name, 0, 64).map(drop));
    let mut left = Vec::new();
    let mut replace = None;
    if made.is_ok() {
        let other = format!("{directory}/late");
        if files.write(&other, Creation::Closed, b"late").is_ok() {
            // By what is there afterwards: a server may say yes and do nothing, or say no and do it.
            let _ = files.hard_link(&other, &name);
            replace = files
                .read(&name, 0, 64)
                .ok()
                .map(|found| &found[..] == b"late");
            left.extend(unless_removed(files, other));
        }
        left.extend(unless_removed(files, name));
    }
    Links {
        made,
        replace,
        left,
    }
}
