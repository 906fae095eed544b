//! Whether there is room: what is written to each file system, less what becomes free, against what is free.
//!
//! File systems that compress or share blocks may need less, so too little room is warned about and never refused.

use std::path::Path;

use pgkeep_repo::Manifest;
use pgkeep_storage::{InfoLevel, Storage, StoragePath};

use super::existing::{BLOCK, Existing, TargetNames};
use super::selective::Zeroed;
use crate::hosts::this_host;

/// One file system.
#[derive(Debug)]
pub(super) struct Room {
    /// Targets on it.
    pub paths: Vec<String>,
    /// Bytes that it has less after the restore.
    pub needed: u64,
    /// Bytes that we may use; `None`: it does not say.
    pub free: Option<u64>,
}

impl Room {
    pub(super) fn is_short(&self) -> bool {
        self.free.is_some_and(|free| free < self.needed)
    }
}

/// Looks at the file systems of all targets.
pub(super) fn measure(manifest: &Manifest, zeroed: &Zeroed, existing: &Existing) -> Vec<Room> {
    let mut bytes = vec![0_u64; manifest.targets().len()];
    let mut targets = TargetNames::of(manifest);
    // Files that are left out have a size but no blocks.
    for file in manifest.files().filter(|file| !zeroed.contains(&file.name)) {
        let target = &mut bytes[targets.of_file(&file.name.to_vec())];
        *target = target.saturating_add(file.size.div_ceil(BLOCK).saturating_mul(BLOCK));
    }
    let local = this_host::directory(Path::new("/"));
    let mut systems: Vec<(Option<u64>, Room, u64)> = Vec::new();
    for (index, target) in manifest.targets().iter().enumerate() {
        let path = StoragePath::new(manifest.target_path(target));
        let there = nearest(&*local, &path);
        let device = local
            .file_system(&there)
            .ok()
            .flatten()
            .map(|system| system.device());
        let freed = existing.freed.get(index).copied().unwrap_or(0);
        let known = systems
            .iter_mut()
            .find(|(other, ..)| device.is_some() && *other == device);
        let (_, room, all_freed) = match known {
            Some(known) => known,
            None => {
                let free = local.space(&there).ok().flatten().map(|space| space.free);
                let room = Room {
                    paths: Vec::new(),
                    needed: 0,
                    free,
                };
                systems.push((device, room, 0));
                systems.last_mut().expect("it was pushed just now")
            }
        };
        room.paths.push(local.display(&path));
        room.needed = room.needed.saturating_add(bytes[index]);
        *all_freed = all_freed.saturating_add(freed);
    }
    systems
        .into_iter()
        .map(|(_, room, freed)| Room {
            needed: room.needed.saturating_sub(freed),
            ..room
        })
        .collect()
}

/// The path itself, or what is there of those above it.
fn nearest(tree: &dyn Storage, path: &StoragePath) -> StoragePath {
    let mut path = path.clone();
    while path != path.parent() && !matches!(tree.info(&path, InfoLevel::Exists), Ok(Some(_))) {
        path = path.parent();
    }
    path
}
