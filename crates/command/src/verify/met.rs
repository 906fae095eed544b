//! What is known of a backup or a directory of WAL when a run meets it.

/// What is known of a backup or a directory of WAL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Met {
    /// It was verified then, and is not read.
    Verified(i64),
    /// It is due. Runs that began then have read so many of its files already, in their order.
    Due(Option<(i64, u64)>),
}

impl Met {
    /// When it was verified as a whole, if it is not due.
    pub(super) fn verified(self) -> Option<i64> {
        match self {
            Self::Verified(at) => Some(at),
            Self::Due(_) => None,
        }
    }
}
