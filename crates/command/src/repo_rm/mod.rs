//! `repo-rm`: removes a file or directory of a repository.

use pgkeep_config::option;
use pgkeep_storage::{FileType, InfoLevel, ListOptions};

use crate::error::{Error, ErrorCode, Result};
use crate::runtime::{Context, open, repo_path};

/// Removes the path of the command line, or with `--recurse` everything in the repository.
///
/// # Errors
/// A directory that is not empty without `--recurse`; a path that is not valid.
pub fn run(context: &Context) -> Result<()> {
    let config = &context.config;
    let repository = open::repository(context, open::default_repository_key(config))?;
    let storage = &*repository.storage;
    let path = repo_path::only(storage, config.parameters())?;
    if storage
        .info(&path, InfoLevel::Type)?
        .is_some_and(|info| info.kind != FileType::Path)
    {
        storage.remove(&path)?;
        return Ok(());
    }
    if !config.boolean(option::RECURSE) {
        let options = ListOptions {
            level: InfoLevel::Exists,
            ..ListOptions::default()
        };
        if storage
            .list(&path, &options)?
            .is_some_and(|entries| !entries.is_empty())
        {
            return Err(Error::new(
                ErrorCode::OptionInvalid,
                "recurse option must be used to delete non-empty path",
            ));
        }
    }
    storage.remove_tree(&path)?;
    Ok(())
}
