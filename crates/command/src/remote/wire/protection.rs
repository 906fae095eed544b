//! What keeps files of a repository from being removed, as it crosses.

use pgkeep_storage::protection::{BucketProtection, KeptUntil, Lock, LockMode};
use serde::{Deserialize, Serialize};

/// A [`Lock`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct WireLock {
    /// `governance` or `compliance`.
    pub mode: String,
    pub days: u32,
}

impl From<Lock> for WireLock {
    fn from(lock: Lock) -> Self {
        Self {
            mode: lock.mode.name().to_owned(),
            days: lock.days,
        }
    }
}

impl WireLock {
    /// What a later release knows beyond these two can be ended by somebody, for all that is known here.
    #[must_use]
    pub fn lock(&self) -> Lock {
        let strict = LockMode::Compliance;
        Lock {
            mode: match self.mode == strict.name() {
                true => strict,
                false => LockMode::Governance,
            },
            days: self.days,
        }
    }
}

/// That a repository can keep its files.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct WireProtection {
    /// The lock that new files get.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lock: Option<WireLock>,
}

/// A [`KeptUntil`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WireKept {
    Time(i64),
    Hold,
}

impl From<KeptUntil> for WireKept {
    fn from(until: KeptUntil) -> Self {
        match until {
            KeptUntil::Time(time) => Self::Time(time),
            KeptUntil::Hold => Self::Hold,
        }
    }
}

impl From<WireKept> for KeptUntil {
    fn from(until: WireKept) -> Self {
        match until {
            WireKept::Time(time) => Self::Time(time),
            WireKept::Hold => Self::Hold,
        }
    }
}

/// Until when each file is locked, in the order asked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct KeptFiles {
    pub until: Vec<Option<WireKept>>,
}

/// A [`BucketProtection`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WireBucket {
    pub versions: Option<bool>,
    pub locks: Option<bool>,
    pub default_lock: Option<WireLock>,
}

impl From<BucketProtection> for WireBucket {
    fn from(bucket: BucketProtection) -> Self {
        Self {
            versions: bucket.versions,
            locks: bucket.locks,
            default_lock: bucket.default_lock.map(WireLock::from),
        }
    }
}

impl From<WireBucket> for BucketProtection {
    fn from(bucket: WireBucket) -> Self {
        Self {
            versions: bucket.versions,
            locks: bucket.locks,
            default_lock: bucket.default_lock.map(|lock| lock.lock()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_what_was_meant() {
        for mode in [LockMode::Governance, LockMode::Compliance] {
            let lock = Lock { mode, days: 7 };
            assert_eq!(WireLock::from(lock).lock(), lock);
            let bucket = BucketProtection {
                versions: Some(true),
                locks: None,
                default_lock: Some(lock),
            };
            let written = serde_json::to_string(&WireBucket::from(bucket)).unwrap();
            let read: WireBucket = serde_json::from_str(&written).unwrap();
            assert_eq!(BucketProtection::from(read), bucket);
        }
        let kept = r#"{"until":[{"time":-3},null,"hold"]}"#;
        let read: KeptFiles = serde_json::from_str(kept).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), kept);
    }
}
