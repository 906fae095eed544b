//! Has files measured by the host that has the repository: this one, or the other.

use std::sync::Arc;

use pgkeep_storage::Storage;

use super::file::{StoredFile, Teller};
use super::local::{self, Reading};
use crate::error::Result;
use crate::hosts::repository::open_repository::Repository;
use crate::hosts::repository::remote::RemoteStorage;

/// Measures files of one repository.
#[derive(Debug, Clone)]
pub struct Measure {
    storage: Arc<dyn Storage>,
    elsewhere: Option<Arc<RemoteStorage>>,
}

impl Measure {
    #[must_use]
    pub fn of(repository: &Repository) -> Self {
        Self {
            storage: Arc::clone(&repository.storage),
            elsewhere: repository.elsewhere.clone(),
        }
    }

    /// Measures `files` in their order. Errors of single files are told.
    ///
    /// # Errors
    /// The repository is out of reach, the run was cancelled, or that of `told`.
    pub fn run(&self, reading: Reading<'_>, files: &[&StoredFile], told: Teller<'_>) -> Result<()> {
        match &self.elsewhere {
            Some(elsewhere) => elsewhere.measure(files, reading.cancel, told),
            None => local::measure(&*self.storage, reading, files, told),
        }
    }
}
