//! What must hold before a manifest is saved for good, or relied on for a restore.

use std::fmt::Write as _;

use pgkeep_pipeline::Sha1Digest;

use super::Manifest;
use crate::error::{Error, Result};

impl Manifest {
    /// Checks that every file has a checksum; with `strict` (after a backup) also that files of nothing have the
    /// checksum of nothing and all others have stored bytes. All faults are listed in one error.
    pub fn validate(&self, strict: bool) -> Result<()> {
        let mut faults = String::new();
        for file in self.files() {
            let name = file.name;
            match file.checksum {
                None => {
                    let _ = write!(faults, "\nmissing checksum for file '{name}'");
                }
                Some(checksum) if strict && file.size == 0 && checksum != Sha1Digest::EMPTY => {
                    let _ = write!(
                        faults,
                        "\ninvalid checksum '{checksum}' for zero size file '{name}'"
                    );
                }
                Some(_) => {}
            }
            if strict && file.repo_size == 0 && file.size != 0 {
                let _ = write!(faults, "\nrepo size must be > 0 for file '{name}'");
            }
        }
        if faults.is_empty() {
            Ok(())
        } else {
            Err(Error::format(format!(
                "manifest validation failed:{faults}"
            )))
        }
    }
}
