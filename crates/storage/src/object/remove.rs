//! Removal: in batches, several at the same time. A bucket does not say what was there, so that is looked up first for who
//! wants to know.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::task::JoinHandle;

use super::bucket::Bucket;
use super::info::look_up;
use super::list::{Pages, stopped};
use super::store::{Failure, ListQuery, ObjectStore};
use crate::{FileType, Operation, Removed, Result, StoragePath};

/// From so many files of one directory on, a list of that part of it costs less than a request for each.
const LISTED_FROM: usize = 8;

type Removing = JoinHandle<std::result::Result<(), (String, Failure)>>;

/// Batches under way, at most so many.
struct Batches<S> {
    bucket: Bucket<S>,
    filling: Vec<String>,
    running: std::collections::VecDeque<Removing>,
}

/// Batches at the same time: the server works on them for long.
const AT_ONCE: usize = 4;

impl<S: ObjectStore> Batches<S> {
    fn new(bucket: &Bucket<S>) -> Self {
        Self {
            bucket: bucket.clone(),
            filling: Vec::new(),
            running: std::collections::VecDeque::new(),
        }
    }

    fn add(&mut self, key: String) -> Result<()> {
        self.filling.push(key);
        if self.filling.len() < self.bucket.store.remove_limit() {
            return Ok(());
        }
        self.send()
    }

    fn send(&mut self) -> Result<()> {
        if self.filling.is_empty() {
            return Ok(());
        }
        if self.running.len() >= AT_ONCE {
            self.wait()?;
        }
        let keys = std::mem::take(&mut self.filling);
        let store = Arc::clone(&self.bucket.store);
        let removing = self
            .bucket
            .runtime
            .spawn(async move { store.remove(&keys).await });
        self.running.push_back(removing);
        Ok(())
    }

    fn wait(&mut self) -> Result<()> {
        let Some(first) = self.running.pop_front() else {
            return Ok(());
        };
        let removed = self
            .bucket
            .runtime
            .block_on(first)
            .unwrap_or_else(|error| Err((String::new(), stopped(error))));
        removed.map_err(|(key, failure)| {
            let path = self.bucket.path(&key);
            self.bucket.error(failure, Operation::Remove, &path)
        })
    }

    fn finish(mut self) -> Result<()> {
        self.send()?;
        while !self.running.is_empty() {
            self.wait()?;
        }
        Ok(())
    }
}

/// Removes files, results in the order asked.
pub(super) fn remove_many<S: ObjectStore>(
    bucket: &Bucket<S>,
    paths: &[StoragePath],
) -> Result<Vec<Removed>> {
    let present = present(bucket, paths)?;
    let mut batches = Batches::new(bucket);
    let mut gone = BTreeSet::new();
    let mut out = Vec::with_capacity(paths.len());
    for path in paths {
        // A name given twice is there once.
        if present.contains(path) && gone.insert(path) {
            batches.add(bucket.key(path, Operation::Remove)?)?;
            out.push(Removed::Removed);
        } else {
            out.push(Removed::Missing);
        }
    }
    batches.finish()?;
    Ok(out)
}

/// Removes files, those of them that are there.
pub(super) fn remove_files<S: ObjectStore>(
    bucket: &Bucket<S>,
    paths: &[StoragePath],
) -> Result<()> {
    let mut batches = Batches::new(bucket);
    // A name given twice would be two requests for one file at the same time.
    for path in paths.iter().collect::<BTreeSet<_>>() {
        batches.add(bucket.key(path, Operation::Remove)?)?;
    }
    batches.finish()
}

/// Which of the files are there: many of one directory by a list of that part of it, others one by one.
fn present<S: ObjectStore>(
    bucket: &Bucket<S>,
    paths: &[StoragePath],
) -> Result<BTreeSet<StoragePath>> {
    let mut found = BTreeSet::new();
    let mut single = Vec::new();
    let mut directories: BTreeMap<StoragePath, BTreeSet<&StoragePath>> = BTreeMap::new();
    for path in paths {
        directories.entry(path.parent()).or_default().insert(path);
    }
    for (directory, files) in directories {
        match (files.first(), files.last()) {
            (Some(first), Some(last)) if files.len() >= LISTED_FROM => {
                let first = bucket.key(first, Operation::Remove)?;
                let last = bucket.key(last, Operation::Remove)?;
                let query = ListQuery {
                    // What all names in order have in common, for stores that cannot begin after a key.
                    prefix: common(&first, &last).to_owned(),
                    one_level: true,
                    // The one before the first: its name without the last byte comes before it, and nothing is missed.
                    after: Some(before(&first)),
                    ..ListQuery::default()
                };
                let mut pages = Pages::new(bucket, query);
                let failed = |failure| bucket.error(failure, Operation::List, &directory);
                'pages: while let Some(entries) = pages.next().map_err(failed)? {
                    for entry in entries {
                        if entry.key > last {
                            break 'pages;
                        }
                        let path = bucket.path(&entry.key);
                        if entry.facts.is_some() && files.contains(&path) {
                            found.insert(path);
                        }
                    }
                }
            }
            _ => single.extend(files.into_iter().cloned()),
        }
    }
    let looked_up = look_up(bucket, &single)?;
    let files = single.into_iter().zip(looked_up).filter(|(_, info)| {
        info.as_ref()
            .is_some_and(|info| info.kind == FileType::File)
    });
    found.extend(files.map(|(path, _)| path));
    Ok(found)
}

/// What both begin with.
fn common<'a>(one: &'a str, other: &str) -> &'a str {
    let mut same = one
        .char_indices()
        .zip(other.chars())
        .skip_while(|((_, one), other)| one == other);
    match same.next() {
        Some(((at, _), _)) => &one[..at],
        None => &one[..one.len().min(other.len())],
    }
}

/// A key before `key`, so that a list that begins after it begins with `key` or something soon before.
fn before(key: &str) -> String {
    let mut shorter = key.to_owned();
    shorter.pop();
    shorter
}

/// Removes all below a directory, what was begun there and never ended too.
pub(super) fn remove_tree<S: ObjectStore>(
    bucket: &Bucket<S>,
    path: &StoragePath,
) -> Result<Removed> {
    let query = ListQuery {
        prefix: bucket.prefix(path, Operation::RemovePath)?,
        begun: true,
        ..ListQuery::default()
    };
    let mut pages = Pages::new(bucket, query);
    let mut batches = Batches::new(bucket);
    let mut found = Removed::Missing;
    let failed = |failure| bucket.error(failure, Operation::List, path);
    while let Some(entries) = pages.next().map_err(failed)? {
        for entry in entries {
            found = Removed::Removed;
            batches.add(entry.key)?;
        }
    }
    batches.finish()?;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::common;

    #[test]
    fn names_have_their_beginning_in_common() {
        for (one, other, both) in [
            ("d/ab1", "d/ab2", "d/ab"),
            ("d/a", "d/abc", "d/a"),
            ("d/abc", "d/a", "d/a"),
            ("d/ä", "d/ö", "d/"),
            ("same", "same", "same"),
            ("", "x", ""),
        ] {
            assert_eq!(common(one, other), both);
        }
    }
}
