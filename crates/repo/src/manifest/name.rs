//! The name of a file in the manifest, in two parts so that a million names share their directories.

use std::cmp::Ordering;
use std::fmt;

/// Manifest name of a file: `pg_data/base/1/1259`. Compares as the whole name, byte by byte.
#[derive(Clone, Copy)]
pub struct FileName<'a> {
    /// `None`: the name has no slash.
    directory: Option<&'a [u8]>,
    base: &'a [u8],
}

impl<'a> FileName<'a> {
    pub(super) fn new(directory: Option<&'a [u8]>, base: &'a [u8]) -> Self {
        Self { directory, base }
    }

    /// Splits a whole name.
    #[must_use]
    pub fn split(name: &'a [u8]) -> Self {
        match name.iter().rposition(|&byte| byte == b'/') {
            Some(at) => Self {
                directory: Some(&name[..at]),
                base: &name[at + 1..],
            },
            None => Self {
                directory: None,
                base: name,
            },
        }
    }

    /// What is before the last slash.
    #[must_use]
    pub fn directory(&self) -> Option<&'a [u8]> {
        self.directory
    }

    /// What is behind the last slash.
    #[must_use]
    pub fn base(&self) -> &'a [u8] {
        self.base
    }

    /// Appends the whole name.
    pub fn write(&self, out: &mut Vec<u8>) {
        if let Some(directory) = self.directory {
            out.extend_from_slice(directory);
            out.push(b'/');
        }
        out.extend_from_slice(self.base);
    }

    /// The whole name.
    #[must_use]
    pub fn to_vec(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(
            self.directory.map_or(0, |directory| directory.len() + 1) + self.base.len(),
        );
        self.write(&mut out);
        out
    }

    fn bytes(&self) -> impl Iterator<Item = u8> + 'a {
        let slash: &[u8] = if self.directory.is_some() { b"/" } else { b"" };
        self.directory
            .unwrap_or_default()
            .iter()
            .chain(slash)
            .chain(self.base)
            .copied()
    }
}

impl Ord for FileName<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.directory, other.directory) {
            (a, b) if a == b => self.base.cmp(other.base),
            (Some(a), Some(b)) => {
                let common = a.len().min(b.len());
                match a[..common].cmp(&b[..common]) {
                    Ordering::Equal => self.bytes().skip(common).cmp(other.bytes().skip(common)),
                    order => order,
                }
            }
            _ => self.bytes().cmp(other.bytes()),
        }
    }
}

impl PartialOrd for FileName<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for FileName<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for FileName<'_> {}

impl PartialEq<[u8]> for FileName<'_> {
    fn eq(&self, other: &[u8]) -> bool {
        *self == FileName::split(other)
    }
}

impl fmt::Display for FileName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.to_vec()))
    }
}

impl fmt::Debug for FileName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", String::from_utf8_lossy(&self.to_vec()))
    }
}
