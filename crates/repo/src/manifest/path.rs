//! `[target:path]`: directories of the cluster, and names of paths.

use super::owner::OwnerId;

/// A directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    /// Manifest name: `pg_data/base`.
    pub name: Vec<u8>,
    /// Permission bits.
    pub mode: u32,
    /// `None`: no name for the owner's number.
    pub user: Option<OwnerId>,
    pub group: Option<OwnerId>,
}

/// The directory part of `path` (empty without a slash; `/` for the root's entries).
#[must_use]
pub fn parent(path: &[u8]) -> &[u8] {
    match path.iter().rposition(|&byte| byte == b'/') {
        None => b"",
        Some(0) => b"/",
        Some(at) => &path[..at],
    }
}

/// The last part of `path`.
#[must_use]
pub(super) fn base(path: &[u8]) -> &[u8] {
    path.iter()
        .rposition(|&byte| byte == b'/')
        .map_or(path, |at| &path[at + 1..])
}

/// `path` made absolute: relative to `from` (absolute) and without `.`, `..` and doubled slashes.
#[must_use]
pub fn absolute(path: &[u8], from: &[u8]) -> Vec<u8> {
    if path.starts_with(b"/") {
        // As written: pgBackRest compares and shows absolute destinations unchanged, but for a slash at the end.
        let trimmed = if path.len() > 1 {
            path.strip_suffix(b"/").unwrap_or(path)
        } else {
            path
        };
        return trimmed.to_vec();
    }
    let mut parts: Vec<&[u8]> = from
        .split(|&byte| byte == b'/')
        .filter(|part| !part.is_empty())
        .collect();
    for part in path.split(|&byte| byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    let mut out = Vec::new();
    for part in parts {
        out.push(b'/');
        out.extend_from_slice(part);
    }
    if out.is_empty() {
        out.push(b'/');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_destinations_start_at_the_links_directory() {
        assert_eq!(absolute(b"../ts1/./x/", b"/pg/data"), b"/pg/ts1/x");
        assert_eq!(absolute(b"/ts1/", b"/pg/data"), b"/ts1");
        assert_eq!(absolute(b"../../../..", b"/pg/data"), b"/");
    }

    #[test]
    fn a_path_is_its_parent_and_its_base() {
        for path in [&b"a/b/c"[..], b"/a", b"x"] {
            let joined = match parent(path) {
                b"" => base(path).to_vec(),
                b"/" => [b"/", base(path)].concat(),
                parent => [parent, b"/", base(path)].concat(),
            };
            assert_eq!(joined, path);
        }
    }
}
