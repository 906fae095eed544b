//! Which paths from the root of the host a client may look up: the data directory, and what the links that were found there
//! lead to.
//!
//! Links are resolved as the manifest resolves them: a relative one starts at its directory as the data directory shows it,
//! through the links above it. The invariant: nothing is allowed that no listing of this connection has shown.

use std::collections::HashMap;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use pgkeep_repo::manifest::{absolute, parent};
use pgkeep_storage::{FileInfo, StoragePath};

use crate::error::{Error, ErrorCode, Result};
use crate::remote::wire::path::WireBytes;

/// Links that are remembered; no cluster has more tablespaces and links to directories.
const MOST_LINKS: usize = 100_000;

pub(super) struct Confine {
    /// What is allowed with all that is below, and how the data directory shows it.
    allowed: Mutex<HashMap<Vec<u8>, Vec<u8>>>,
}

impl Confine {
    pub(super) fn new(data_directory: &Path) -> Self {
        let path = from_root(&StoragePath::new(data_directory.as_os_str().as_bytes()));
        Self {
            allowed: Mutex::new(HashMap::from([(path.clone(), path)])),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Vec<u8>, Vec<u8>>> {
        self.allowed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The path, if a client may look it up.
    ///
    /// # Errors
    /// [`ErrorCode::Access`].
    pub(super) fn check(&self, path: &WireBytes) -> Result<StoragePath> {
        let path = StoragePath::new(&path.0);
        if let Some((_, below)) = shown(&self.lock(), &from_root(&path)) {
            // Only what was shown may lead upwards.
            let leads_out = |part: &[u8]| part == b".." || part.contains(&0);
            if !below.split(|byte| *byte == b'/').any(leads_out) {
                return Ok(path);
            }
        }
        Err(Error::new(
            ErrorCode::Access,
            format!("access denied: '/{path}' is not in the data directory and no link there leads to it"),
        )
        .with_hint("does the data directory of this host contain that path, or a link to it?"))
    }

    /// An entry was shown to the client: if it is a link, the client may look up where it leads.
    pub(super) fn seen(&self, path: &StoragePath, info: &FileInfo) {
        let Some(destination) = &info.link_destination else {
            return;
        };
        let path = from_root(path);
        let mut allowed = self.lock();
        let Some((root, below)) = shown(&allowed, &path) else {
            return;
        };
        let shown_as = [root, below].concat();
        let leads_to = absolute(destination, parent(&shown_as));
        // In the form in which it will be asked for.
        let leads_to = from_root(&StoragePath::new(leads_to));
        if allowed.len() < MOST_LINKS {
            allowed.entry(leads_to).or_insert(shown_as);
        }
    }
}

/// Full name of a path from the root.
fn from_root(path: &StoragePath) -> Vec<u8> {
    [b"/", path.as_bytes()].concat()
}

/// The nearest allowed path above: how the data directory shows it, and what of `path` is below it.
fn shown<'a, 'b>(
    allowed: &'a HashMap<Vec<u8>, Vec<u8>>,
    path: &'b [u8],
) -> Option<(&'a [u8], &'b [u8])> {
    let mut end = path.len();
    loop {
        if let Some(shown_as) = allowed.get(&path[..end]) {
            return Some((shown_as, &path[end..]));
        }
        end = path[..end].iter().rposition(|byte| *byte == b'/')?;
        if end == 0 {
            // A link to the root itself.
            return allowed.get(&b"/"[..]).map(|shown| (&shown[..], path));
        }
    }
}

#[cfg(test)]
mod tests {
    use pgkeep_storage::FileType;

    use super::*;

    fn link(destination: &str) -> FileInfo {
        FileInfo {
            name: StoragePath::root(),
            kind: FileType::Link,
            size: 0,
            modified: 0,
            mode: 0,
            owner: None,
            link_destination: Some(destination.as_bytes().to_vec()),
        }
    }

    fn may(confine: &Confine, path: &str) -> bool {
        confine.check(&WireBytes(path.as_bytes().to_vec())).is_ok()
    }

    #[test]
    fn only_the_data_directory_is_open_at_first() {
        let confine = Confine::new(Path::new("/pg/data/"));
        for good in ["pg/data", "/pg/data", "/pg/data/base/1", "pg//data/x"] {
            assert!(may(&confine, good), "{good}");
        }
        for bad in [
            "",
            "/",
            "pg",
            "/pg/data2",
            "/etc/passwd",
            "/pg/data/../x",
            "/pg/data/a/..",
            "/pg/data/../data/x",
            "../pg/data",
            "/pg/data/a\0",
        ] {
            assert!(!may(&confine, bad), "{bad}");
        }
    }

    #[test]
    fn what_a_link_leads_to_is_open_once_it_was_shown() {
        let confine = Confine::new(Path::new("/pg/data"));
        assert!(!may(&confine, "/ts/PG_17/5/1"));
        confine.seen(&StoragePath::from("/pg/data/pg_tblspc/1"), &link("/ts/"));
        assert!(may(&confine, "/ts/PG_17/5/1"));
        assert!(!may(&confine, "/ts2"));
        // A relative one, as the data directory shows it: from /pg/data/pg_tblspc/1/PG_17.
        confine.seen(&StoragePath::from("/ts/PG_17/up"), &link("../../../../wal"));
        assert!(may(&confine, "/pg/wal/1"));
        assert!(!may(&confine, "/wal/1"));
        // A link that leads up is open as it is written, and not one step further.
        confine.seen(&StoragePath::from("/pg/data/odd"), &link("/x/../y"));
        assert!(may(&confine, "/x/../y/file"));
        assert!(!may(&confine, "/x/../y/../z"));
        assert!(!may(&confine, "/y"));
    }

    #[test]
    fn a_link_elsewhere_opens_nothing() {
        let confine = Confine::new(Path::new("/pg/data"));
        confine.seen(&StoragePath::from("/other/link"), &link("/etc"));
        assert!(!may(&confine, "/etc/passwd"));
        confine.seen(&StoragePath::from("/pg/data/all"), &link("/"));
        assert!(may(&confine, "/etc/passwd"));
    }
}
