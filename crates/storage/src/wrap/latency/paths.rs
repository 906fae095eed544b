//! Directories and links behind the network.

use super::Latency;
use crate::error::Result;
use crate::path::StoragePath;
use crate::paths::{HardLinks, PathSync, Paths, SymbolicLinks};

/// Why an extension of the inner storage is there.
const GIVEN: &str = "this storage gives an extension away only where the inner one has it";

impl Paths for Latency {
    fn create_path(&self, path: &StoragePath, mode: u32) -> Result<()> {
        self.create_paths(std::slice::from_ref(path), mode)
    }

    fn create_paths(&self, paths: &[StoragePath], mode: u32) -> Result<()> {
        // All parents by depth, those of one depth together.
        let depth = |path: &StoragePath| path.as_bytes().split(|&byte| byte == b'/').count();
        for _ in 0..paths.iter().map(depth).max().unwrap_or(0) {
            self.network.serial(paths.len());
        }
        self.inner
            .as_paths()
            .expect(GIVEN)
            .create_paths(paths, mode)
    }
}

impl PathSync for Latency {
    fn sync_paths(&self, paths: &[StoragePath]) -> Result<()> {
        // Entries become durable only once the files have them.
        self.network.settle();
        self.network.serial(paths.len());
        self.inner.as_path_sync().expect(GIVEN).sync_paths(paths)
    }
}

impl SymbolicLinks for Latency {
    fn link(&self, path: &StoragePath, destination: &[u8]) -> Result<()> {
        self.network.serial(1);
        self.inner
            .as_symbolic_links()
            .expect(GIVEN)
            .link(path, destination)
    }
}

impl HardLinks for Latency {
    fn hard_link(&self, from: &StoragePath, to: &StoragePath) -> Result<()> {
        self.network.serial(1);
        self.inner.as_hard_links().expect(GIVEN).hard_link(from, to)
    }
}
