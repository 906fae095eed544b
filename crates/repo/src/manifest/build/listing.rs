//! What the build asks the host of the cluster: entries and whole trees, with everything that is known of them.
//!
//! Any storage can answer. A host that is reached over a network answers a tree with one stream of entries.

use pgkeep_storage::{FileInfo, Found, InfoLevel, ListOptions, Result, Storage, StoragePath};

/// Lists the files of a host. Paths are from its root, because links lead out of the data directory.
pub trait Listing {
    /// One entry; `None` if there is none. A link is reported as a link.
    fn entry(&self, path: &StoragePath) -> Result<Option<FileInfo>>;

    /// Everything below `path` with names relative to it: an entry before what is below it, the children of a directory
    /// ascending. An error of `each` ends the walk and is returned.
    fn tree(
        &self,
        path: &StoragePath,
        each: &mut dyn FnMut(FileInfo) -> Result<()>,
    ) -> Result<Found>;

    /// Full name of `path` for messages.
    fn full_name(&self, path: &StoragePath) -> String;
}

impl<S: Storage> Listing for S {
    fn entry(&self, path: &StoragePath) -> Result<Option<FileInfo>> {
        self.info(path, InfoLevel::Detail)
    }

    fn tree(
        &self,
        path: &StoragePath,
        each: &mut dyn FnMut(FileInfo) -> Result<()>,
    ) -> Result<Found> {
        let options = ListOptions {
            level: InfoLevel::Detail,
            sort: true,
        };
        self.list_tree(path, &options, each)
    }

    fn full_name(&self, path: &StoragePath) -> String {
        self.display(path)
    }
}
