//! Directories and links with a fault: one operation for each directory or link.

use std::sync::Arc;

use super::{FaultPlan, Faulty};
use crate::error::{Operation, Result};
use crate::path::StoragePath;
use crate::paths::{HardLinks, PathSync, Paths, SymbolicLinks, SyncTogether};
use crate::storage::Storage;

/// Why an extension of the inner storage is there.
const GIVEN: &str = "this storage gives an extension away only where the inner one has it";

impl<S: Storage + ?Sized> Paths for Faulty<S> {
    fn create_path(&self, path: &StoragePath, mode: u32) -> Result<()> {
        self.pass(Operation::CreatePath, path)?;
        self.inner.as_paths().expect(GIVEN).create_path(path, mode)
    }

    fn create_paths(&self, paths: &[StoragePath], mode: u32) -> Result<()> {
        paths
            .iter()
            .try_for_each(|path| self.create_path(path, mode))
    }
}

impl<S: Storage + ?Sized> PathSync for Faulty<S> {
    fn sync_paths(&self, paths: &[StoragePath]) -> Result<()> {
        let inner = self.inner.as_path_sync().expect(GIVEN);
        for path in paths {
            self.pass(Operation::SyncPath, path)?;
            inner.sync_paths(std::slice::from_ref(path))?;
        }
        Ok(())
    }

    fn begin_together(&self, path: &StoragePath) -> Result<Option<Box<dyn SyncTogether>>> {
        let begun = self
            .inner
            .as_path_sync()
            .expect(GIVEN)
            .begin_together(path)?;
        Ok(begun.map(|inner| {
            Box::new(FaultyTogether {
                inner,
                plan: Arc::clone(&self.plan),
                shown: self.inner.display(path),
            }) as Box<dyn SyncTogether>
        }))
    }
}

/// One operation before and one after.
#[derive(Debug)]
struct FaultyTogether {
    inner: Box<dyn SyncTogether>,
    plan: Arc<FaultPlan>,
    shown: String,
}

impl SyncTogether for FaultyTogether {
    fn sync(&self) -> Result<()> {
        self.plan.pass(Operation::SyncPath, || self.shown.clone())?;
        self.inner.sync()?;
        self.plan.pass(Operation::SyncPath, || self.shown.clone())
    }
}

impl<S: Storage + ?Sized> SymbolicLinks for Faulty<S> {
    fn link(&self, path: &StoragePath, destination: &[u8]) -> Result<()> {
        self.pass(Operation::Link, path)?;
        self.inner
            .as_symbolic_links()
            .expect(GIVEN)
            .link(path, destination)
    }
}

impl<S: Storage + ?Sized> HardLinks for Faulty<S> {
    fn hard_link(&self, from: &StoragePath, to: &StoragePath) -> Result<()> {
        self.pass(Operation::HardLink, to)?;
        self.inner.as_hard_links().expect(GIVEN).hard_link(from, to)
    }
}
