//! What a restore finds in its targets and changes: files that are overwritten or may stay, and what goes.
//!
//! Nothing is read but names, sizes and times, so of a file with another time nobody knows yet whether its content is that of
//! the backup.

use pgkeep_postgres::PgVersion;
use pgkeep_postgres::control::CONTROL_FILE;
use pgkeep_postgres::data_dir;
use pgkeep_repo::Manifest;
use pgkeep_storage::{ErrorKind, FileTree, FileType, InfoLevel, ListOptions, StoragePath};

use super::places::Places;
use super::settings::Settings;
use super::targets::{Change, Found};
use crate::error::Result;
use crate::run::Context;

/// Names are kept up to this many.
const NAMED: usize = 20;
/// Room is given out in blocks of so many bytes.
pub(super) const BLOCK: u64 = 4096;

/// Some files.
#[derive(Debug, Default)]
pub(super) struct Amount {
    pub count: u64,
    pub bytes: u64,
    /// The first of them.
    pub first: Vec<String>,
}

impl Amount {
    fn add(&mut self, name: String, bytes: u64) {
        self.count += 1;
        self.bytes = self.bytes.saturating_add(bytes);
        if self.first.len() < NAMED {
            self.first.push(name);
        }
    }
}

/// All of it.
#[derive(Debug, Default)]
pub(super) struct Existing {
    /// Size and time are those of the backup.
    pub same: Amount,
    /// Size or time differs, or everything is overwritten.
    pub differ: Amount,
    /// Not of the backup.
    pub removed: Amount,
    /// WAL of the cluster that is there which was never archived; it goes with `pg_wal`.
    pub unarchived: Amount,
    /// Bytes that become free, by target of the manifest.
    pub freed: Vec<u64>,
}

impl Existing {
    /// Whether the restore changes or removes anything that is there.
    pub(super) fn is_touched(&self) -> bool {
        self.same.count + self.differ.count + self.removed.count > 0
    }

    /// Compares what is there with the backup, where targets may hold files.
    ///
    /// # Errors
    /// Those of the file system.
    pub(super) fn examine(
        context: &Context,
        settings: &Settings,
        manifest: &Manifest,
        (places, tree): (&Places, &dyn FileTree),
        found: &[Found],
        version: PgVersion,
    ) -> Result<Self> {
        let mut existing = Self {
            freed: vec![0; manifest.targets().len()],
            ..Self::default()
        };
        if !settings.cleans() || !found.iter().any(|target| target.exists) {
            return Ok(existing);
        }
        let mut targets = TargetNames::of(manifest);
        for (number, file) in manifest.files().enumerate() {
            if number % 1024 == 0 {
                context.cancel.check()?;
            }
            let name = file.name.to_vec();
            let place = match name == data_dir::CONTROL_FILE {
                // While it is restored it has another name.
                true => places.in_data_dir(CONTROL_FILE),
                false => places.file(&name),
            };
            let Some(info) = unless_closed(tree.info(&place, InfoLevel::Basic))?.flatten() else {
                continue;
            };
            if info.kind != FileType::File {
                continue;
            }
            existing.freed[targets.of_file(&name)] += info.size.next_multiple_of(BLOCK);
            let same = info.size == file.size && info.modified == file.timestamp;
            let amount = match same && settings.delta {
                true => &mut existing.same,
                false => &mut existing.differ,
            };
            amount.add(tree.display(&place), info.size);
        }
        for (index, target) in found.iter().enumerate() {
            for change in &target.changes {
                if let Change::Remove(_, path) = change {
                    let bytes = size(tree, path)?;
                    existing.removed.add(tree.display(path), bytes);
                    existing.freed[index] += bytes;
                }
            }
        }
        existing.find_unarchived(tree, places, version)?;
        Ok(existing)
    }

    /// A segment with this status waits for its archiving.
    fn find_unarchived(
        &mut self,
        tree: &dyn FileTree,
        places: &Places,
        version: PgVersion,
    ) -> Result<()> {
        let directory = places.in_data_dir(format!("pg_{}/archive_status", version.wal_name()));
        let options = ListOptions {
            level: InfoLevel::Exists,
            sort: true,
        };
        // One that cannot be read is none of the plan's business.
        let listed = tree.list(&directory, &options).ok().flatten();
        for entry in listed.unwrap_or_default() {
            let name = entry.name.to_string();
            if let Some(segment) = name.strip_suffix(".ready") {
                self.unarchived.add(segment.to_owned(), 0);
            }
        }
        Ok(())
    }
}

/// Bytes of a file or of all below a directory.
fn size(tree: &dyn FileTree, path: &StoragePath) -> Result<u64> {
    let Some(info) = unless_closed(tree.info(path, InfoLevel::Basic))?.flatten() else {
        return Ok(0);
    };
    let mut bytes = info.size;
    if info.kind == FileType::Path {
        let options = ListOptions {
            level: InfoLevel::Basic,
            ..ListOptions::default()
        };
        unless_closed(tree.list_tree(path, &options, &mut |info| {
            bytes = bytes.saturating_add(info.size);
            Ok(())
        }))?;
    }
    Ok(bytes)
}

/// What is in a directory that is closed to its owner is not counted: the restore opens it, the plan does not.
fn unless_closed<T>(result: pgkeep_storage::Result<T>) -> Result<Option<T>> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind == ErrorKind::Denied => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Which target a file lies in: that with the longest name before it.
#[derive(Debug)]
pub(super) struct TargetNames<'a> {
    names: Vec<(usize, &'a [u8])>,
    /// Neighbours mostly share their directory.
    last: Option<(Vec<u8>, usize)>,
}

impl<'a> TargetNames<'a> {
    pub(super) fn of(manifest: &'a Manifest) -> Self {
        let targets = manifest.targets().iter().enumerate();
        let mut names: Vec<_> = targets
            .map(|(index, target)| (index, target.name.as_slice()))
            .collect();
        names.sort_by_key(|(_, name)| std::cmp::Reverse(name.len()));
        Self { names, last: None }
    }

    /// Index of the target.
    pub(super) fn of_file(&mut self, name: &[u8]) -> usize {
        let directory = name.iter().rposition(|&byte| byte == b'/').unwrap_or(0);
        let is_link = self.names.iter().any(|(_, target)| *target == name);
        if let Some((last, index)) = &self.last
            && !is_link
            && *last == name[..directory]
        {
            return *index;
        }
        let inside = |target: &[u8]| {
            name.strip_prefix(target)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
        };
        let index = self
            .names
            .iter()
            .find(|(_, target)| inside(target))
            .map_or(0, |(index, _)| *index);
        if !is_link {
            self.last = Some((name[..directory].to_vec(), index));
        }
        index
    }
}
