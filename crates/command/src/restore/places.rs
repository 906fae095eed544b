//! From manifest names to places on this machine.
//!
//! All places are absolute; the tree they are in is the whole file system, since tablespaces and link targets lie
//! anywhere. Links to files are followed here and not by the kernel, so that every place is the file itself.

use std::collections::HashMap;

use pgkeep_postgres::data_dir::CONTROL_FILE;
use pgkeep_repo::Manifest;
use pgkeep_repo::manifest::{PG_DATA, pg_name};
use pgkeep_storage::StoragePath;
use pgkeep_storage::temporary::TEMP_SUFFIX;

/// Places of one restore.
#[derive(Debug)]
pub(super) struct Places {
    data_dir: Vec<u8>,
    /// Links to files: manifest name and where the file is.
    file_links: HashMap<Vec<u8>, StoragePath>,
}

impl Places {
    /// Places of a manifest whose targets are those of this machine.
    pub(super) fn of(manifest: &Manifest, data_dir: &[u8]) -> Self {
        let file_links = manifest
            .targets()
            .iter()
            .filter_map(|target| {
                let path = StoragePath::new(manifest.target_path(target));
                Some((target.name.clone(), path.join(target.file()?)))
            })
            .collect();
        Self {
            data_dir: data_dir.to_vec(),
            file_links,
        }
    }

    /// What a file is called in messages: its path in the data directory. The control file has another name until the
    /// very end, so that a cluster that is not complete cannot be started.
    pub(super) fn shown(&self, name: &[u8]) -> Vec<u8> {
        let suffix = if name == CONTROL_FILE {
            TEMP_SUFFIX.as_bytes()
        } else {
            b""
        };
        [&self.data_dir, b"/".as_slice(), pg_name(name), suffix].concat()
    }

    /// Where a file is written.
    pub(super) fn file(&self, name: &[u8]) -> StoragePath {
        if !self.file_links.is_empty()
            && let Some(place) = self.file_links.get(name)
        {
            return place.clone();
        }
        StoragePath::new(self.shown(name))
    }

    /// Whether a file is where a link leads: in a directory that is not looked into.
    pub(super) fn is_linked(&self, name: &[u8]) -> bool {
        self.file_links.contains_key(name)
    }

    /// Where a path or link of the data directory is.
    pub(super) fn path(&self, name: &[u8]) -> StoragePath {
        self.in_data_dir(if name == PG_DATA { b"" } else { pg_name(name) })
    }

    /// A name in the data directory.
    pub(super) fn in_data_dir(&self, name: impl AsRef<[u8]>) -> StoragePath {
        StoragePath::new(&self.data_dir).join(name)
    }
}
