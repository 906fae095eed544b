//! Errors of a storage as they cross: with kind, operation, object and reason, so that whoever matches them does the same as
//! with a storage of this host.

use pgkeep_protocol::Raised;
use pgkeep_storage::{Error as StorageError, ErrorKind, Operation};
use serde::{Deserialize, Serialize};

use crate::error::Error;

const LAYER: &str = "storage";

/// Kinds under the names that cross.
const KINDS: [(ErrorKind, &str); 11] = [
    (ErrorKind::NotFound, "not_found"),
    (ErrorKind::Denied, "denied"),
    (ErrorKind::Exists, "exists"),
    (ErrorKind::Busy, "busy"),
    (ErrorKind::Connect, "connect"),
    (ErrorKind::Identity, "identity"),
    (ErrorKind::Untrusted, "untrusted"),
    (ErrorKind::NoSpace, "no_space"),
    (ErrorKind::Broken, "broken"),
    (ErrorKind::Unsupported, "unsupported"),
    (ErrorKind::Cancelled, "cancelled"),
];

/// Operations under the names that cross.
const OPERATIONS: [(Operation, &str); 19] = [
    (Operation::Connect, "connect"),
    (Operation::Info, "info"),
    (Operation::List, "list"),
    (Operation::OpenRead, "open_read"),
    (Operation::Read, "read"),
    (Operation::OpenWrite, "open_write"),
    (Operation::Write, "write"),
    (Operation::Sync, "sync"),
    (Operation::Close, "close"),
    (Operation::Rename, "rename"),
    (Operation::Remove, "remove"),
    (Operation::RemovePath, "remove_path"),
    (Operation::CreatePath, "create_path"),
    (Operation::SyncPath, "sync_path"),
    (Operation::Link, "link"),
    (Operation::SetOwner, "set_owner"),
    (Operation::SetMode, "set_mode"),
    (Operation::SetTime, "set_time"),
    (Operation::HardLink, "hard_link"),
];

fn name_of<T: PartialEq>(table: &[(T, &'static str)], wanted: &T) -> &'static str {
    let found = table.iter().find(|(value, _)| value == wanted);
    found.map_or("", |(_, name)| name)
}

fn value_of<T: Copy>(table: &[(T, &'static str)], wanted: &str) -> Option<T> {
    let found = table.iter().find(|(_, name)| *name == wanted);
    found.map(|(value, _)| *value)
}

/// What [`Raised::detail`] says of an error of a storage.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Detail {
    layer: String,
    kind: String,
    operation: String,
    object: String,
    reason: String,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    refused: bool,
}

/// What the other host needs to match an error of a storage of this one; goes into [`Raised::detail`].
#[must_use]
pub fn storage_detail(error: &StorageError) -> Option<serde_json::Value> {
    let detail = Detail {
        layer: LAYER.to_owned(),
        kind: name_of(&KINDS, &error.kind).to_owned(),
        operation: name_of(&OPERATIONS, &error.operation).to_owned(),
        object: error.object.clone(),
        reason: error.reason.clone(),
        refused: error.refused,
    };
    serde_json::to_value(detail).ok()
}

/// The error of a storage of another host. `lowered` is the same error as a command sees it, with the name of that host;
/// `operation` and `object` say what was asked for, which stands where that host says nothing of a storage.
#[must_use]
pub fn storage_error(
    raised: Option<&Raised>,
    lowered: Error,
    kind: ErrorKind,
    (operation, object): (Operation, &str),
) -> StorageError {
    let detail = raised
        .and_then(|raised| raised.detail.clone())
        .and_then(|detail| serde_json::from_value::<Detail>(detail).ok())
        .filter(|detail| detail.layer == LAYER);
    let mut error = match detail {
        Some(detail) => {
            let mut error = StorageError::new(
                // What a later release tells apart is some failure here.
                value_of(&KINDS, &detail.kind).unwrap_or(ErrorKind::Broken),
                value_of(&OPERATIONS, &detail.operation).unwrap_or(operation),
                detail.object,
                detail.reason,
            );
            error.refused = detail.refused;
            error
        }
        None => StorageError::new(kind, operation, object, lowered.message.clone()),
    };
    error.hints.clone_from(&lowered.hints);
    error.elsewhere(lowered.code.number(), lowered.message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorCode;

    fn lowered(error: &StorageError) -> Error {
        Error::from(error.clone()).with_prefix("raised from remote-0 ssh protocol on 'backup': ")
    }

    fn crossed(error: &StorageError) -> StorageError {
        let raised = Raised {
            detail: storage_detail(error),
            ..Raised::default()
        };
        let asked = (Operation::Info, "asked");
        storage_error(Some(&raised), lowered(error), ErrorKind::Connect, asked)
    }

    #[test]
    fn an_error_is_the_same_on_the_other_host_for_every_kind_and_operation() {
        for (kind, _) in KINDS {
            for (operation, _) in OPERATIONS {
                for refused in [false, true] {
                    let mut error = StorageError::new(kind, operation, "/repo/x", "why")
                        .with_hint("do something");
                    error.refused = refused;
                    let there = crossed(&error);
                    assert_eq!((there.kind, there.operation), (kind, operation));
                    assert_eq!((&*there.object, &*there.reason), ("/repo/x", "why"));
                    assert_eq!((there.refused, &there.hints), (refused, &error.hints));
                    let text = format!("raised from remote-0 ssh protocol on 'backup': {error}");
                    assert_eq!(there.to_string(), text);
                    assert_eq!(Error::from(there).code, Error::from(error).code);
                }
            }
        }
    }

    #[test]
    fn what_the_first_release_says_is_understood_and_what_a_later_one_adds_is_a_failure() {
        let read = |detail: serde_json::Value| {
            let raised = Raised::new(0, "").with_detail(detail);
            let error = Error::new(ErrorCode::FileMissing, "raised from there: it is missing");
            storage_error(
                Some(&raised),
                error,
                ErrorKind::Broken,
                (Operation::Info, "x"),
            )
        };
        let error = read(serde_json::json!({
            "layer": "storage", "kind": "not_found", "operation": "open_read",
            "object": "/r/a", "reason": "", "stack": [1]
        }));
        assert!(error.is_not_found());
        assert_eq!(
            (error.operation, &*error.object),
            (Operation::OpenRead, "/r/a")
        );
        let later = read(serde_json::json!({"layer": "storage", "kind": "melted"}));
        assert_eq!(
            (later.kind, later.operation),
            (ErrorKind::Broken, Operation::Info)
        );
        for other in [
            serde_json::json!({"layer": "session"}),
            serde_json::json!([]),
        ] {
            let error = read(other);
            assert_eq!((error.kind, &*error.object), (ErrorKind::Broken, "x"));
            assert_eq!(error.to_string(), "raised from there: it is missing");
        }
    }
}
