//! A file on this host that a command writes for other programs or people: it appears whole or not at all.

use std::path::PathBuf;

use pgkeep_storage::copy::write_all;
use pgkeep_storage::{StoragePath, WriteOptions};

use super::this_host;
use crate::error::{Error, ErrorCode, Result};

/// The file: the directory it is in, which must exist, and its name.
#[derive(Debug, Clone)]
pub(crate) struct OutputFile {
    pub(crate) directory: PathBuf,
    pub(crate) name: String,
}

impl OutputFile {
    /// Of an absolute path. The name is empty where the path ends in `/`: the caller says what a name must be.
    pub(crate) fn at(path: &str) -> Self {
        let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
        let directory = if directory.is_empty() { "/" } else { directory };
        Self {
            directory: PathBuf::from(directory),
            name: name.to_owned(),
        }
    }

    /// Its path, for people.
    pub(crate) fn path(&self) -> PathBuf {
        self.directory.join(&self.name)
    }

    /// Writes `text`; `what` it is stands in the error: `report`. Not synced, as all of it can be made again.
    ///
    /// # Errors
    /// The directory does not exist or may not be written to.
    pub(crate) fn write(&self, what: &str, mode: u32, text: &str) -> Result<()> {
        let options = WriteOptions {
            file_mode: mode,
            create_path: false,
            sync: false,
            ..WriteOptions::default()
        };
        let directory = this_host::directory(&self.directory);
        let name = StoragePath::from(self.name.as_str());
        write_all(&*directory, &name, &options, text.as_bytes()).map_err(|error| {
            let error = Error::from(error);
            Error::new(
                ErrorCode::FileWrite,
                format!("unable to write the {what}: {}", error.message),
            )
            .with_hint(format!(
                "the directory '{}' must exist, and this user must be able to write there.",
                self.directory.display()
            ))
        })?;
        Ok(())
    }
}
