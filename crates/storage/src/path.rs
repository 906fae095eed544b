//! A name inside a storage: relative, with single slashes, bytes as the operating system gives them.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// A path relative to the root of a [`crate::Storage`]. Empty means the root itself.
///
/// File names are bytes on every system we run on, so no path is ever forced through UTF-8.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct StoragePath(Vec<u8>);

impl StoragePath {
    /// Takes a relative path; leading, trailing and doubled slashes are dropped.
    pub fn new(path: impl AsRef<[u8]>) -> Self {
        let mut out = Vec::with_capacity(path.as_ref().len());
        for part in path
            .as_ref()
            .split(|&b| b == b'/')
            .filter(|part| !part.is_empty())
        {
            if !out.is_empty() {
                out.push(b'/');
            }
            out.extend_from_slice(part);
        }
        Self(out)
    }

    #[must_use]
    pub fn root() -> Self {
        Self::default()
    }

    #[must_use]
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// This path with `name` (which may hold slashes) below it.
    #[must_use]
    pub fn join(&self, name: impl AsRef<[u8]>) -> Self {
        let below = Self::new(name);
        if self.0.is_empty() {
            return below;
        }
        if below.0.is_empty() {
            return self.clone();
        }
        let mut out = self.0.clone();
        out.push(b'/');
        out.extend_from_slice(&below.0);
        Self(out)
    }

    /// The directory that holds this name; the root's parent is the root.
    #[must_use]
    pub fn parent(&self) -> Self {
        match self.0.iter().rposition(|&b| b == b'/') {
            Some(at) => Self(self.0[..at].to_vec()),
            None => Self::root(),
        }
    }

    /// The last part of the name.
    #[must_use]
    pub fn file_name(&self) -> &[u8] {
        match self.0.iter().rposition(|&b| b == b'/') {
            Some(at) => &self.0[at + 1..],
            None => &self.0,
        }
    }

    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    #[must_use]
    pub fn as_os_str(&self) -> &OsStr {
        OsStr::from_bytes(&self.0)
    }

    #[must_use]
    pub fn into_os_string(self) -> OsString {
        OsString::from_vec(self.0)
    }
}

impl fmt::Display for StoragePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}

impl fmt::Debug for StoragePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", String::from_utf8_lossy(&self.0))
    }
}

impl From<&str> for StoragePath {
    fn from(path: &str) -> Self {
        Self::new(path)
    }
}

impl From<String> for StoragePath {
    fn from(path: String) -> Self {
        Self::new(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn join_parent_and_file_name_agree() {
        let path = StoragePath::new("/a//b/c/");
        assert_eq!(path.as_bytes(), b"a/b/c");
        assert_eq!(path.parent().join(path.file_name()), path);
        assert_eq!(StoragePath::root().join("x"), StoragePath::from("x"));
        assert!(StoragePath::from("x").parent().is_root());
    }
}
