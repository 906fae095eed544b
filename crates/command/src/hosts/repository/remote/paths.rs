//! Directories and links of a repository on another host.

use pgkeep_storage::{HardLinks, Operation, PathSync, Paths, Result, StoragePath, SymbolicLinks};

use super::storage::RemoteStorage;
use crate::remote::wire::path::WireBytes;
use crate::remote::wire::storage::{Done, StorageRequest};

impl Paths for RemoteStorage {
    fn create_path(&self, path: &StoragePath, mode: u32) -> Result<()> {
        self.create_paths(std::slice::from_ref(path), mode)
    }

    fn create_paths(&self, paths: &[StoragePath], mode: u32) -> Result<()> {
        let request = |paths| StorageRequest::CreatePaths { paths, mode };
        self.reach
            .ask_many::<Done>(paths, Operation::CreatePath, request)?;
        Ok(())
    }
}

impl PathSync for RemoteStorage {
    fn sync_paths(&self, paths: &[StoragePath]) -> Result<()> {
        let request = |paths| StorageRequest::SyncPaths { paths };
        self.reach
            .ask_many::<Done>(paths, Operation::SyncPath, request)?;
        Ok(())
    }
}

impl SymbolicLinks for RemoteStorage {
    fn link(&self, path: &StoragePath, destination: &[u8]) -> Result<()> {
        let request = StorageRequest::Link {
            path: path.into(),
            destination: WireBytes(destination.to_vec()),
        };
        let _: Done = self.reach.ask(&request, (Operation::Link, path))?;
        Ok(())
    }
}

impl HardLinks for RemoteStorage {
    fn hard_link(&self, from: &StoragePath, to: &StoragePath) -> Result<()> {
        let request = StorageRequest::HardLink {
            from: from.into(),
            to: to.into(),
        };
        let _: Done = self.reach.ask(&request, (Operation::HardLink, to))?;
        Ok(())
    }
}
