//! Names of repository files as users type them for `repo-ls`, `repo-get` and `repo-rm`.

use pgkeep_storage::{Storage, StoragePath};

use crate::error::{Error, ErrorCode, Result};

/// Takes a path relative to the repository, or absolute below it.
///
/// # Errors
/// [`ErrorCode::ParamInvalid`] for a path outside the repository or with `//`.
pub fn parse(storage: &dyn Storage, path: &str) -> Result<StoragePath> {
    if path.contains("//") {
        return Err(Error::new(
            ErrorCode::ParamInvalid,
            format!("path '{path}' cannot contain //"),
        ));
    }
    if path.split('/').any(|part| part == "..") {
        return Err(Error::new(
            ErrorCode::ParamInvalid,
            format!("path '{path}' cannot contain '..'"),
        ));
    }
    if !path.starts_with('/') {
        return Ok(StoragePath::new(path));
    }
    let root = storage.display(&StoragePath::root());
    let root = root.trim_end_matches('/');
    match path.trim_end_matches('/').strip_prefix(root) {
        Some(below) if below.is_empty() || below.starts_with('/') => Ok(StoragePath::new(below)),
        _ => Err(Error::new(
            ErrorCode::ParamInvalid,
            format!(
                "absolute path '{path}' is not in base path '{}'",
                if root.is_empty() { "/" } else { root }
            ),
        )),
    }
}

/// The one path a command takes, or the root.
///
/// # Errors
/// [`ErrorCode::ParamInvalid`] for more than one, or as [`parse`].
pub fn only(storage: &dyn Storage, parameters: &[String]) -> Result<StoragePath> {
    match parameters {
        [] => Ok(StoragePath::root()),
        [path] => parse(storage, path),
        _ => Err(Error::new(
            ErrorCode::ParamInvalid,
            "only one path may be specified",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pgkeep_storage::posix::PosixStorage;

    #[test]
    fn absolute_paths_must_lie_in_the_repository() {
        let storage = PosixStorage::at("/repo");
        let parsed = |path| parse(&storage, path).map(|path| path.to_string());
        assert_eq!(parsed("/repo/archive/demo").unwrap(), "archive/demo");
        assert_eq!(parsed("/repo").unwrap(), "");
        assert_eq!(parsed("backup/").unwrap(), "backup");
        assert_eq!(
            parsed("/repository").unwrap_err().message,
            "absolute path '/repository' is not in base path '/repo'"
        );
        assert_eq!(parsed("a//b").unwrap_err().code, ErrorCode::ParamInvalid);
        assert_eq!(parsed("../etc").unwrap_err().code, ErrorCode::ParamInvalid);
    }
}
