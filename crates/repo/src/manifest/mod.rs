//! The manifest of a backup: every file, path and link of the cluster, and where the repository holds it
//! (`docs/format/manifest.md`).
//!
//! Made for clusters of a million files: files live packed in a [`table::FileTable`] of some 80 bytes each, are read and
//! written as a stream, and are looked at through cheap views ([`FileRef`]). What the cluster looks like is found out by
//! [`build`], what changed since the last backup by [`increment`]. Nothing here does I/O but `load`, `save` and the walk.
//!
//! The invariant: files, paths, links, targets and databases are always sorted by name.

pub mod build;
mod database;
mod defaults;
mod file;
mod header;
mod increment;
mod link;
mod load;
mod location;
mod name;
mod owner;
mod path;
mod read;
mod read_file;
mod read_header;
mod record;
mod resume;
mod save;
mod table;
mod target;
#[cfg(test)]
mod tests;
mod totals;
mod trust;
mod validate;
mod write;

use std::collections::BTreeMap;

use secrecy::SecretString;

pub use database::Database;
pub use file::{
    BLOCK_CHECKSUM_MIN, BLOCK_UNIT, BlockFile, BundleSlice, FileData, FileRef, PageCheck, PageRange,
};
pub use header::{BackupHeader, BackupOptions, PgInfo};
pub use link::Link;
pub use name::FileName;
pub use owner::{LabelId, Names, OwnerId};
pub use path::{Path, absolute, parent};
pub use resume::ResumedFile;
pub use save::{Made, StagedManifest};
pub use table::FileTable;
pub use target::{Target, TargetKind};
pub use totals::{Totals, merge_pages};

use crate::backup_label::BackupLabel;
use crate::info_file;

/// Name of the data directory's target, and of everything in it with a slash behind.
pub const PG_DATA: &[u8] = b"pg_data";
/// Name of the tablespaces' directory, in the data directory and of the targets.
pub const PG_TBLSPC: &[u8] = b"pg_tblspc";
/// A backup manifest.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// Version of the program that made the backup.
    pub version: String,
    /// Passphrase of the backup's files; `None`: not encrypted. One for a whole full set.
    pub cipher_pass: Option<SecretString>,
    pub backup: BackupHeader,
    pub pg: PgInfo,
    pub options: BackupOptions,
    /// Keys and values that the user attached.
    pub annotations: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Backups that hold files of this one, in the order that block maps count by: never reordered, own label last.
    pub references: Vec<BackupLabel>,
    databases: Vec<Database>,
    targets: Vec<Target>,
    paths: Vec<Path>,
    links: Vec<Link>,
    files: FileTable,
    names: Names,
}

impl Manifest {
    /// A manifest with nothing in it, of this program's version.
    #[must_use]
    pub fn new(backup: BackupHeader, pg: PgInfo, options: BackupOptions) -> Self {
        Self {
            version: info_file::PROGRAM_VERSION.to_owned(),
            cipher_pass: None,
            backup,
            pg,
            options,
            annotations: BTreeMap::new(),
            references: Vec::new(),
            databases: Vec::new(),
            targets: Vec::new(),
            paths: Vec::new(),
            links: Vec::new(),
            files: FileTable::default(),
            names: Names::default(),
        }
    }

    /// Names the backup: sets the label and appends it to the references.
    pub fn set_label(&mut self, label: BackupLabel) {
        self.references.push(label.clone());
        self.backup.label = Some(label);
    }

    /// Interned owners and labels, for the ids in [`FileData`], [`Path`] and [`Link`].
    #[must_use]
    pub fn names(&self) -> &Names {
        &self.names
    }

    /// The id of an owner's name; `None`: unknown owner (`false` in the file).
    pub fn owner_id(&mut self, name: Option<&str>) -> Option<OwnerId> {
        name.map(|name| self.names.intern_owner(name))
    }

    /// The id of a label for [`FileData::reference`].
    pub fn label_id(&mut self, label: &BackupLabel) -> LabelId {
        self.names.intern_label(label)
    }

    /// Number of files.
    #[must_use]
    pub fn file_count(&self) -> usize {
        self.files.len()
    }

    /// All files, sorted by name.
    pub fn files(&self) -> impl ExactSizeIterator<Item = FileRef<'_>> + DoubleEndedIterator {
        (0..self.files.len()).map(|at| self.file_at(at))
    }

    /// The file at a position in name order; positions move when files are added or removed.
    #[must_use]
    pub fn file_at(&self, at: usize) -> FileRef<'_> {
        self.files.get(at, &self.names)
    }

    /// The position of a file in name order.
    #[must_use]
    pub fn file_position(&self, name: &[u8]) -> Option<usize> {
        self.files.position(name).ok()
    }

    #[must_use]
    pub fn file(&self, name: &[u8]) -> Option<FileRef<'_>> {
        self.file_position(name).map(|at| self.file_at(at))
    }

    /// Adds a file, replacing one of the same name.
    pub fn add_file(&mut self, name: &[u8], data: &FileData) {
        self.files.insert(name, data);
    }

    /// Replaces what is known of a file; `false` if there is none of this name.
    pub fn update_file(&mut self, name: &[u8], data: &FileData) -> bool {
        let position = self.file_position(name);
        if let Some(at) = position {
            self.files.update(at, data);
        }
        position.is_some()
    }

    /// Replaces what is known of the file at a position.
    pub fn update_file_at(&mut self, at: usize, data: &FileData) {
        self.files.update(at, data);
    }

    /// Removes a file; `false` if there is none of this name.
    pub fn remove_file(&mut self, name: &[u8]) -> bool {
        let position = self.file_position(name);
        if let Some(at) = position {
            self.files.remove(at);
        }
        position.is_some()
    }

    /// Removes all files for which `keep` says no; `keep` gets positions and files in name order.
    pub fn retain_files(&mut self, mut keep: impl FnMut(FileRef<'_>) -> bool) {
        let names = &self.names;
        self.files.retain(|table, at| keep(table.get(at, names)));
    }

    /// Databases, sorted by name; empty for an offline backup.
    #[must_use]
    pub fn databases(&self) -> &[Database] {
        &self.databases
    }

    #[must_use]
    pub fn targets(&self) -> &[Target] {
        &self.targets
    }

    #[must_use]
    pub fn paths(&self) -> &[Path] {
        &self.paths
    }

    #[must_use]
    pub fn links(&self) -> &[Link] {
        &self.links
    }

    #[must_use]
    pub fn target(&self, name: &[u8]) -> Option<&Target> {
        find(&self.targets, name, |target| &target.name)
            .ok()
            .map(|at| &self.targets[at])
    }

    #[must_use]
    pub fn path(&self, name: &[u8]) -> Option<&Path> {
        find(&self.paths, name, |path| &path.name)
            .ok()
            .map(|at| &self.paths[at])
    }

    #[must_use]
    pub fn link(&self, name: &[u8]) -> Option<&Link> {
        find(&self.links, name, |link| &link.name)
            .ok()
            .map(|at| &self.links[at])
    }

    /// Adds a database, replacing one of the same name.
    pub fn add_database(&mut self, database: Database) {
        let at = find(&self.databases, &database.name, |database| &database.name);
        put(&mut self.databases, at, database);
    }

    /// Adds a target, replacing one of the same name.
    pub fn add_target(&mut self, target: Target) {
        let at = find(&self.targets, &target.name, |target| &target.name);
        put(&mut self.targets, at, target);
    }

    /// Adds a path, replacing one of the same name.
    pub fn add_path(&mut self, path: Path) {
        let at = find(&self.paths, &path.name, |path| &path.name);
        put(&mut self.paths, at, path);
    }

    /// Adds a link, replacing one of the same name.
    pub fn add_link(&mut self, link: Link) {
        let at = find(&self.links, &link.name, |link| &link.name);
        put(&mut self.links, at, link);
    }

    /// Removes a target (restore turns links into directories); `false` if there is none.
    pub fn remove_target(&mut self, name: &[u8]) -> bool {
        find(&self.targets, name, |target| &target.name)
            .map(|at| self.targets.remove(at))
            .is_ok()
    }

    /// Removes a link; `false` if there is none.
    pub fn remove_link(&mut self, name: &[u8]) -> bool {
        find(&self.links, name, |link| &link.name)
            .map(|at| self.links.remove(at))
            .is_ok()
    }

    /// Removes a path; `false` if there is none.
    pub fn remove_path(&mut self, name: &[u8]) -> bool {
        find(&self.paths, name, |path| &path.name)
            .map(|at| self.paths.remove(at))
            .is_ok()
    }

    /// Calls `change` with user and group of every path, every link and every kind of file, to replace them (restore).
    pub fn change_owners(
        &mut self,
        mut change: impl FnMut(&mut Option<OwnerId>, &mut Option<OwnerId>),
    ) {
        for path in &mut self.paths {
            change(&mut path.user, &mut path.group);
        }
        for link in &mut self.links {
            change(&mut link.user, &mut link.group);
        }
        self.files.change_owners(change);
    }
}

/// The name that people know: without `pg_data/`; tablespace names stay.
#[must_use]
pub fn pg_name(name: &[u8]) -> &[u8] {
    name.strip_prefix(PG_DATA)
        .and_then(|rest| rest.strip_prefix(b"/"))
        .unwrap_or(name)
}

fn find<T>(list: &[T], name: &[u8], key: impl Fn(&T) -> &Vec<u8>) -> Result<usize, usize> {
    list.binary_search_by(|item| key(item).as_slice().cmp(name))
}

fn put<T>(list: &mut Vec<T>, at: Result<usize, usize>, item: T) {
    match at {
        Ok(at) => list[at] = item,
        Err(at) => list.insert(at, item),
    }
}
