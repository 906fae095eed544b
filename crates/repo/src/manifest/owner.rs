//! Interned names: a million files have a handful of owners and refer to a few backups.

use std::collections::HashMap;

use crate::backup_label::BackupLabel;

/// An owner's name in [`Names`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OwnerId(pub(super) u32);

/// A label in [`Names`]. Not an index of a block map: that counts the manifest's `references`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LabelId(pub(super) u32);

/// Owners and labels of one manifest.
#[derive(Debug, Clone, Default)]
pub struct Names {
    owners: Vec<Box<str>>,
    owner_ids: HashMap<Box<str>, OwnerId>,
    labels: Vec<BackupLabel>,
    label_ids: HashMap<BackupLabel, LabelId>,
}

impl Names {
    /// The owner's name.
    #[must_use]
    pub fn owner(&self, id: OwnerId) -> &str {
        &self.owners[id.0 as usize]
    }

    #[must_use]
    pub fn label(&self, id: LabelId) -> &BackupLabel {
        &self.labels[id.0 as usize]
    }

    /// The id of a label if any file or caller used it.
    #[must_use]
    pub fn find_label(&self, label: &BackupLabel) -> Option<LabelId> {
        self.label_ids.get(label).copied()
    }

    pub(super) fn intern_owner(&mut self, name: &str) -> OwnerId {
        if let Some(id) = self.owner_ids.get(name) {
            return *id;
        }
        let id = OwnerId(self.owners.len() as u32);
        self.owners.push(name.into());
        self.owner_ids.insert(name.into(), id);
        id
    }

    pub(super) fn intern_label(&mut self, label: &BackupLabel) -> LabelId {
        if let Some(id) = self.label_ids.get(label) {
            return *id;
        }
        let id = LabelId(self.labels.len() as u32);
        self.labels.push(label.clone());
        self.label_ids.insert(label.clone(), id);
        id
    }
}
