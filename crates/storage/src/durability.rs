//! How sure one can be that what was stored survives a crash of the machine that stores it.

use std::fmt;

/// The grade of what a storage has acknowledged. The directory entry of a new file depends on the file system in any
/// case where directories cannot be synced (SFTP).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Durability {
    /// Acknowledged, and of the right size; nothing more is known.
    Trusted,
    /// Read back and compared: the storage has it, if not yet on its disks.
    ReRead,
    /// Flushed to the disks before it counted.
    Fsynced,
}

impl Durability {
    /// Every grade, weakest first.
    pub const ALL: [Self; 3] = [Self::Trusted, Self::ReRead, Self::Fsynced];

    /// `trusted`, `re-read` or `fsynced`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Trusted => "trusted",
            Self::ReRead => "re-read",
            Self::Fsynced => "fsynced",
        }
    }

    /// The grade of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|grade| grade.name() == name)
    }
}

impl fmt::Display for Durability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grades_are_found_by_their_names_and_ordered() {
        for grade in Durability::ALL {
            assert_eq!(Durability::from_name(grade.name()), Some(grade));
        }
        assert_eq!(Durability::from_name("sure"), None);
        assert!(Durability::ALL.is_sorted());
    }
}
