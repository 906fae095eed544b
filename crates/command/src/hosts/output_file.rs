//! A file on this host that a command writes for other programs or people: it appears whole or not at all.

use std::path::PathBuf;

use pgkeep_storage::copy::write_all;
use pgkeep_storage::{FileType, InfoLevel, Storage, StoragePath, WriteOptions};

use super::this_host;
use crate::error::{Error, ErrorCode, Result};

/// The file: the directory it is in, which must exist, and its name.
#[derive(Debug, Clone)]
pub(crate) struct OutputFile {
    pub(crate) directory: PathBuf,
    pub(crate) name: String,
}

impl OutputFile {
    /// Of an absolute path; that of the root has no name.
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
            let there = directory.info(&name, InfoLevel::Basic).ok().flatten();
            let is_directory = there.is_some_and(|there| there.kind == FileType::Path);
            let hint = match is_directory {
                true => "it is a directory: name a file in it.".to_owned(),
                false => format!(
                    "the directory '{}' must exist, and this user must be able to write there.",
                    self.directory.display()
                ),
            };
            Error::new(
                ErrorCode::FileWrite,
                format!("unable to write the {what}: {}", error.message),
            )
            .with_hint(hint)
        })?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_in_its_place_is_told() {
        let place = tempfile::tempdir().unwrap();
        let hint = |path: &std::path::Path| {
            let file = OutputFile::at(&path.display().to_string());
            file.write("report", 0o640, "x").unwrap_err().hints
        };
        assert_eq!(
            hint(place.path()),
            ["it is a directory: name a file in it."]
        );
        let missing = hint(&place.path().join("missing/report.html"));
        assert!(missing[0].ends_with("this user must be able to write there."));
    }
}
