//! The marker: a file that proves what in a directory was made by us.
//!
//! It says which directory it was made for and which directories were made in it, each with what tells it from one of the
//! same name: its number and the time it was made. So neither a copy of a marker, nor a directory that was moved or made anew by
//! somebody else is ever taken for one of ours. A directory that is not in the marker is only removed if it is empty.
#![allow(clippy::disallowed_methods)] // a scratch directory is no storage of ours

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::UNIX_EPOCH;

/// Name of the marker, and what it begins with.
pub(crate) const NAME: &str = "pgkeep-scratch";
const MAGIC: &str = "pgkeep scratch ";
/// Was in the marker: the directory was made, so it is removed.
const MADE: &str = "made";

/// A last line: what was left is being removed. Of a directory it says nothing.
pub(crate) const REMOVAL: &str = "- removal\n";

/// Directories that are made in it.
pub(crate) const ROOMS: [&str; 7] = ["conf", "data", "lock", "log", "run", "spool", "tablespace"];

/// What a marker says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Marker {
    /// Told to every process that is started here.
    pub(crate) id: String,
    /// The directory itself was made by us.
    pub(crate) made: bool,
    /// Path and identity of the directory.
    root: (String, String),
    /// Names and identities of what was made in it.
    rooms: Vec<(String, String)>,
}

impl Marker {
    /// For a directory in which nothing is made yet.
    pub(crate) fn new(id: String, made: bool, root: &Path, found: &fs::Metadata) -> Self {
        Self {
            id,
            made,
            root: (root.display().to_string(), identity(found)),
            rooms: Vec::new(),
        }
    }

    /// Notes a directory that was made.
    pub(crate) fn add(&mut self, name: &str, found: &fs::Metadata) {
        self.rooms.push((name.to_owned(), identity(found)));
    }

    /// The text of the file.
    pub(crate) fn text(&self) -> String {
        let made = if self.made { MADE } else { "found" };
        let mut text = format!("{MAGIC}{} {made}\n", self.id);
        for (name, identity) in std::iter::once(&self.root).chain(&self.rooms) {
            text.push_str(&format!("{identity} {name}\n"));
        }
        text
    }

    /// Reads a file; `None`: it is no marker. A line without its end was being written when the run died.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let whole = &text[..text.rfind('\n')?];
        let mut lines = whole.lines();
        let (id, made) = lines.next()?.strip_prefix(MAGIC)?.split_once(' ')?;
        let mut places = lines.map(|line| {
            let (identity, name) = line.split_once(' ')?;
            Some((name.to_owned(), identity.to_owned()))
        });
        Some(Self {
            id: id.to_owned(),
            made: made == MADE,
            root: places.next()??,
            rooms: places.collect::<Option<Vec<_>>>()?,
        })
    }

    /// Whether it was made for this very directory.
    pub(crate) fn is_of(&self, root: &Path, found: &fs::Metadata) -> bool {
        self.root == (root.display().to_string(), identity(found))
    }

    /// What lies in the directory that was not made by us, sorted.
    ///
    /// # Errors
    /// The directory cannot be listed.
    pub(crate) fn foreign(&self, root: &Path) -> std::io::Result<Vec<OsString>> {
        let device = fs::metadata(root)?.dev();
        let mut foreign = Vec::new();
        for entry in fs::read_dir(root)? {
            let name = entry?.file_name();
            if name != NAME && !self.has_made(&root.join(&name), &name, device)? {
                foreign.push(name);
            }
        }
        foreign.sort();
        Ok(foreign)
    }

    fn has_made(&self, path: &Path, name: &OsString, device: u64) -> std::io::Result<bool> {
        let Some(room) = ROOMS.iter().find(|room| *name == **room) else {
            return Ok(false);
        };
        let found = fs::symlink_metadata(path)?;
        // One that something else is mounted on has another device.
        if !found.is_dir() || found.dev() != device {
            return Ok(false);
        }
        match self.rooms.iter().find(|(name, _)| name == room) {
            Some((_, noted)) => Ok(*noted == identity(&found)),
            None => Ok(fs::read_dir(path)?.next().is_none()),
        }
    }
}

/// Tells a directory from another one of its name. A number alone is given again to the next one that is made.
fn identity(found: &fs::Metadata) -> String {
    let born = found
        .created()
        .ok()
        .and_then(|time| time.duration_since(UNIX_EPOCH).ok())
        .map_or(0, |since| since.as_nanos());
    format!("{}.{born}", found.ino())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_is_read_as_it_was_written_and_a_line_without_end_does_not_count() {
        let directory = tempfile::tempdir().unwrap();
        let found = fs::metadata(directory.path()).unwrap();
        let mut marker = Marker::new("ab12".to_owned(), true, directory.path(), &found);
        let without = marker.clone();
        marker.add("data", &found);
        let text = marker.text();
        assert_eq!(Marker::parse(&text), Some(marker));
        assert_eq!(Marker::parse(&text[..text.len() - 1]), Some(without));
        for odd in [
            "",
            "pgkeep scratch",
            "pgkeep scratch x made\n",
            "else\n1.2 /x\n",
        ] {
            assert_eq!(Marker::parse(odd), None, "{odd:?}");
        }
    }
}
