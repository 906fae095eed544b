//! Lists: page after page, the next one asked for while the last one is looked at. Directories are what keys have below.

use std::collections::BTreeSet;

use tokio::task::JoinHandle;

use super::bucket::Bucket;
use super::past::Picker;
use super::store::{Failure, ListQuery, Listed, ObjectStore, Outcome, Page, VersionPage};
use crate::{
    Error, ErrorKind, FileInfo, FileType, Found, ListOptions, Operation, Result, StoragePath,
};

/// The pages of one list.
pub(super) struct Pages<S> {
    bucket: Bucket<S>,
    query: ListQuery,
    next: Option<JoinHandle<Outcome<Answer>>>,
    /// Of a bucket as it was.
    picker: Option<Picker>,
}

enum Answer {
    Objects(Page),
    Versions(VersionPage),
}

impl<S: ObjectStore> Pages<S> {
    pub(super) fn new(bucket: &Bucket<S>, query: ListQuery) -> Self {
        let mut pages = Self {
            bucket: bucket.clone(),
            query,
            next: None,
            picker: bucket.past.as_ref().map(|past| past.picker::<S>()),
        };
        pages.ask(None);
        pages
    }

    fn ask(&mut self, next: Option<String>) {
        let (store, query) = (self.bucket.store.clone(), self.query.clone());
        let past = self.bucket.past.clone();
        let page = async move {
            let next = next.as_deref();
            Ok(match past {
                None => Answer::Objects(store.list(&query, next).await?),
                Some(past) => Answer::Versions(past.page(&*store, &query, next).await?),
            })
        };
        self.next = Some(self.bucket.runtime.spawn(page));
    }

    /// The next page's entries; `None` at the end. Not to be called on the runtime.
    pub(super) fn next(&mut self) -> Outcome<Option<Vec<Listed>>> {
        let Some(asked) = self.next.take() else {
            return Ok(self.held());
        };
        match self.bucket.runtime.block_on(asked).map_err(stopped)?? {
            Answer::Objects(page) => {
                if page.next.is_some() {
                    self.ask(page.next);
                }
                Ok(Some(page.entries))
            }
            Answer::Versions(page) => {
                if page.next.is_some() {
                    self.ask(page.next);
                }
                let mut entries = self.directories(page.below)?;
                let picker = self.picker.as_mut();
                entries.extend(
                    picker
                        .map(|one| one.pick(page.versions))
                        .unwrap_or_default(),
                );
                Ok(Some(entries))
            }
        }
    }

    /// What was held back, once.
    fn held(&mut self) -> Option<Vec<Listed>> {
        let last = self.picker.take()?.last()?;
        Some(vec![last])
    }

    /// Of names that versions are below those that had something below them at the time; all are asked at once.
    fn directories(&self, names: Vec<String>) -> Outcome<Vec<Listed>> {
        let Some(past) = &self.bucket.past else {
            return Ok(Vec::new());
        };
        let mut asked = Vec::with_capacity(names.len());
        for key in names {
            let (store, past) = (self.bucket.store.clone(), past.clone());
            let prefix = format!("{key}/");
            let is_below = async move { past.is_below(&*store, prefix).await };
            asked.push((key, self.bucket.runtime.spawn(is_below)));
        }
        let mut out = Vec::new();
        for (key, asked) in asked {
            if self.bucket.runtime.block_on(asked).map_err(stopped)?? {
                out.push(Listed { key, facts: None });
            }
        }
        Ok(out)
    }
}

impl<S> Drop for Pages<S> {
    fn drop(&mut self) {
        if let Some(asked) = &self.next {
            asked.abort();
        }
    }
}

/// The failure of a task that ended without an answer.
pub(super) fn stopped(error: tokio::task::JoinError) -> Failure {
    Failure {
        kind: ErrorKind::Broken,
        reason: format!("a request ended without an answer: {error}"),
        hints: Vec::new(),
    }
}

/// Entries of one directory; `None` where nothing is below it. The root is always there.
pub(super) fn list<S: ObjectStore>(
    bucket: &Bucket<S>,
    path: &StoragePath,
    options: &ListOptions,
) -> Result<Option<Vec<FileInfo>>> {
    let prefix = bucket.prefix(path, Operation::List)?;
    let query = ListQuery {
        prefix: prefix.clone(),
        one_level: true,
        ..ListQuery::default()
    };
    let mut pages = Pages::new(bucket, query);
    let mut out = Vec::new();
    let mut found = path.is_root();
    let failed = |failure| bucket.error(failure, Operation::List, path);
    while let Some(entries) = pages.next().map_err(failed)? {
        for entry in entries {
            found = true;
            let name = entry.key.strip_prefix(&prefix).unwrap_or(&entry.key);
            // The directory itself, as some tools store it.
            if !name.is_empty() {
                out.push(info(StoragePath::new(name), &entry));
            }
        }
    }
    if options.sort {
        out.sort_by(|one, other| one.name.cmp(&other.name));
    }
    Ok(found.then_some(out))
}

/// Walks a tree. Keys come in the order of their bytes, which puts `a-b` before `a/b`; with `sort` all are collected first.
pub(super) fn list_tree<S: ObjectStore>(
    bucket: &Bucket<S>,
    path: &StoragePath,
    options: &ListOptions,
    each: &mut dyn FnMut(FileInfo) -> Result<()>,
) -> Result<Found> {
    let prefix = bucket.prefix(path, Operation::List)?;
    let query = ListQuery {
        prefix: prefix.clone(),
        ..ListQuery::default()
    };
    let mut pages = Pages::new(bucket, query);
    let mut told: BTreeSet<StoragePath> = BTreeSet::new();
    let mut collected = Vec::new();
    let mut found = path.is_root();
    let failed = |failure| bucket.error(failure, Operation::List, path);
    while let Some(entries) = pages.next().map_err(failed)? {
        for entry in entries {
            found = true;
            let name = entry.key.strip_prefix(&prefix).unwrap_or(&entry.key);
            let is_directory = name.is_empty() || name.ends_with('/');
            let name = StoragePath::new(name);
            let mut new = new_directories(&name, is_directory, &mut told);
            if !is_directory {
                new.push(info(name, &entry));
            }
            if options.sort {
                collected.extend(new);
            } else {
                new.into_iter().try_for_each(&mut *each)?;
            }
        }
    }
    // By parts of the name: what is below `a` comes right behind it, before `a-b`.
    collected.sort_by(|one, other| parts(&one.name).cmp(parts(&other.name)));
    collected.into_iter().try_for_each(each)?;
    Ok(if found { Found::Found } else { Found::Missing })
}

fn parts(path: &StoragePath) -> impl Iterator<Item = &[u8]> {
    path.as_bytes().split(|byte| *byte == b'/')
}

/// Directories above a name that were not told of yet, the highest first.
fn new_directories(
    name: &StoragePath,
    itself: bool,
    told: &mut BTreeSet<StoragePath>,
) -> Vec<FileInfo> {
    let mut out = Vec::new();
    let mut above = if itself { name.clone() } else { name.parent() };
    while !above.is_root() && told.insert(above.clone()) {
        out.push(directory(above.clone()));
        above = above.parent();
    }
    out.reverse();
    out
}

/// A name that others are below.
pub(super) fn directory(name: StoragePath) -> FileInfo {
    FileInfo {
        name,
        kind: FileType::Path,
        size: 0,
        modified: 0,
        mode: 0,
        owner: None,
        link_destination: None,
    }
}

/// What a list says of an entry.
pub(super) fn info(name: StoragePath, entry: &Listed) -> FileInfo {
    match entry.facts {
        None => directory(name),
        Some(facts) => FileInfo {
            kind: FileType::File,
            size: facts.size,
            modified: facts.modified,
            ..directory(name)
        },
    }
}

/// The error of a task on behalf of `path`.
pub(super) fn task_error<S: ObjectStore>(
    bucket: &Bucket<S>,
    error: tokio::task::JoinError,
    operation: Operation,
    path: &StoragePath,
) -> Error {
    bucket.error(stopped(error), operation, path)
}
