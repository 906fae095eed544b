//! `repo-rm`: removes a file or directory of a repository.

use pgkeep_config::option;
use pgkeep_storage::{FileType, InfoLevel, ListOptions, Removed};

use crate::error::{Error, ErrorCode, Result};
use crate::hosts::repository;
use crate::run::progress::Doing;
use crate::run::{Context, repo_path};

/// Removes the path of the command line, or with `--recurse` everything in the repository.
///
/// # Errors
/// A directory that is not empty without `--recurse`; a path that is not valid.
pub fn run(context: &Context) -> Result<()> {
    let config = &context.config;
    let repository = repository::open(context, repository::default_key(config))?;
    let storage = &*repository.storage;
    let path = repo_path::only(storage, config.parameters())?;
    let (shown, name) = (storage.display(&path), repository.name());
    context.summary.fact("repo-key", repository.key);
    context.summary.fact("path", path.to_string());
    context.summary.fact("removed", false);
    if storage
        .info(&path, InfoLevel::Type)?
        .is_some_and(|info| info.kind != FileType::Path)
    {
        let removed = storage.remove(&path)? == Removed::Removed;
        context.summary.fact("removed", removed);
        context.summary.done(format!("{shown} removed from {name}"));
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
            )
            .with_hint(format!(
                "'{shown}' is not empty; --recurse removes it with all that is in it."
            )));
        }
    }
    context.summary.stopped(format!(
        "{shown} is removed in part: run it again to finish it"
    ));
    let _doing = Doing::now(&context.progress, &format!("removing {shown}"));
    let removed = storage.remove_tree(&path)?;
    context.summary.fact("removed", removed == Removed::Removed);
    let text = match removed {
        Removed::Removed => format!("{shown} removed from {name} with all that was in it"),
        Removed::Missing => format!("nothing to remove: {shown} is not in {name}"),
    };
    context.summary.done(text);
    Ok(())
}
