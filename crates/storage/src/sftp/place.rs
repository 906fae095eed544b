//! Where something is: its full name on the server as bytes, and as text for messages.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::StoragePath;

/// A file or directory on the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// Absolute, without a trailing slash (but for `/` itself).
    pub(crate) bytes: Vec<u8>,
}

impl Place {
    pub(crate) fn new(root: &Path, path: &StoragePath) -> Self {
        let mut bytes = root.as_os_str().as_bytes().to_vec();
        while bytes.last() == Some(&b'/') {
            bytes.pop();
        }
        if !path.is_root() {
            bytes.push(b'/');
            bytes.extend_from_slice(path.as_bytes());
        }
        if bytes.is_empty() {
            bytes.push(b'/');
        }
        Self { bytes }
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    pub(crate) fn parent(&self) -> Self {
        let end = self.bytes.iter().rposition(|&b| b == b'/').unwrap_or(0);
        Self {
            bytes: self.bytes[..end.max(1)].to_vec(),
        }
    }

    /// This directory's entry `name`.
    pub(crate) fn join(&self, name: &[u8]) -> Self {
        let mut bytes = self.bytes.clone();
        if bytes.last() != Some(&b'/') {
            bytes.push(b'/');
        }
        bytes.extend_from_slice(name);
        Self { bytes }
    }

    /// Every directory on the way to this one and itself, from the top, without `/`.
    pub(crate) fn levels(&self) -> impl Iterator<Item = &[u8]> {
        let ends = (1..self.bytes.len())
            .filter(|&at| self.bytes[at] == b'/')
            .chain((self.bytes.len() > 1).then_some(self.bytes.len()));
        ends.map(|end| &self.bytes[..end])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_joined_to_the_root_and_walked_from_the_top() {
        let place = Place::new(Path::new("/backup/"), &StoragePath::from("a/b"));
        assert_eq!(place.text(), "/backup/a/b");
        assert_eq!(place.parent().text(), "/backup/a");
        assert_eq!(
            place.levels().collect::<Vec<_>>(),
            [&b"/backup"[..], b"/backup/a", b"/backup/a/b"]
        );
        let root = Place::new(Path::new("/"), &StoragePath::root());
        assert_eq!(root.text(), "/");
        assert_eq!(root.join(b"x").text(), "/x");
        assert_eq!(root.join(b"x").parent().text(), "/");
        assert_eq!(root.levels().count(), 0);
    }
}
