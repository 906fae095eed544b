//! Object retention: how long an object is kept, and what is set for the bucket.
//!
//! An object that is kept can be replaced and removed where the bucket keeps versions: then it stays as an older one. Elsewhere
//! it can be neither, so that info files could not be written again.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::client::GcsClient;
use super::failure::{error_of, failure, is_missing};
use super::object::{number, seconds};
use crate::ErrorKind;
use crate::http::{Answer, HttpError};
use crate::object::failure::broken;
use crate::object::store::{Failure, Outcome};
use crate::protection::{BucketProtection, KeptUntil, Lock, LockMode};

const DAY: i64 = 86_400;

/// How an object that is made at `now` asks for its lock.
pub(super) fn retention(lock: Lock, now: i64) -> Value {
    let until = now.saturating_add(i64::from(lock.days) * DAY);
    let until = Timestamp::from_second(until).unwrap_or(Timestamp::MAX);
    let mode = match lock.mode {
        LockMode::Governance => "Unlocked",
        LockMode::Compliance => "Locked",
    };
    json!({"mode": mode, "retainUntilTime": until.to_string()})
}

/// Why an object was not made.
pub(super) fn not_made(client: &GcsClient, error: &HttpError) -> Failure {
    let mut failure = failure(error);
    if client.settings().objects.lock.is_none() || error.answer().is_none() {
        return failure;
    }
    let reason = error.answer().and_then(error_of).unwrap_or_default().reason;
    let hint = match (failure.kind, reason.as_str()) {
        (ErrorKind::Denied, "retentionPolicyNotMet") => {
            "repo-storage-lock needs a bucket with Object Versioning: elsewhere no file can be replaced that is kept."
        }
        (ErrorKind::Denied, "forbidden") => {
            "repo-storage-lock needs the permission storage.objects.setRetention."
        }
        (ErrorKind::Broken, _) if failure.hints.is_empty() => {
            "repo-storage-lock needs a bucket with object retention enabled and Object Versioning: use such a bucket, or \
             remove the option."
        }
        _ => return failure,
    };
    failure.hints.push(hint.to_owned());
    failure
}

/// Until when an object is kept; `None`: it is not, not any more, or it is not there.
pub(super) async fn kept_until(client: &GcsClient, key: &str) -> Outcome<Option<KeptUntil>> {
    let fields = "eventBasedHold,retention,retentionExpirationTime,temporaryHold";
    let request = client.request("GET", key).query("fields", fields);
    let object = match client.try_to(&request).await {
        Ok(answer) => document(&answer)?,
        Err(error) if is_missing(&error) => return Ok(None),
        Err(error) => return Err(failure(&error)),
    };
    let holds = ["eventBasedHold", "temporaryHold"];
    if holds
        .iter()
        .any(|hold| object.get(hold) == Some(&Value::Bool(true)))
    {
        return Ok(Some(KeptUntil::Hold));
    }
    let own = object
        .get("retention")
        .and_then(|retention| retention.get("retainUntilTime"));
    // The second one is what the bucket asks for.
    let mut until = None;
    for time in [own, object.get("retentionExpirationTime")] {
        if time.is_some() {
            let read = seconds(time)
                .ok_or_else(|| broken("the server tells no time until which the file is kept"))?;
            until = until.max(Some(read));
        }
    }
    let now = client.settings().now.seconds();
    Ok(until.filter(|until| *until > now).map(KeptUntil::Time))
}

/// What is set for the bucket.
pub(super) async fn of_bucket(client: &GcsClient) -> Outcome<BucketProtection> {
    let fields = "objectRetention,retentionPolicy,versioning";
    let request = client.bucket("GET").query("fields", fields);
    let bucket = match client.try_to(&request).await {
        Ok(answer) => document(&answer)?,
        Err(error) => {
            let failure = failure(&error);
            if failure.kind != ErrorKind::Denied {
                return Err(failure);
            }
            return Ok(BucketProtection {
                versions: None,
                locks: None,
                default_lock: None,
            });
        }
    };
    let of = |part: &str, name: &str| bucket.get(part).and_then(|part| part.get(name)).cloned();
    let policy = number(of("retentionPolicy", "retentionPeriod").as_ref()).map(|seconds| Lock {
        mode: match of("retentionPolicy", "isLocked") {
            Some(Value::Bool(true)) => LockMode::Compliance,
            _ => LockMode::Governance,
        },
        days: u32::try_from(seconds / 86_400).unwrap_or(u32::MAX),
    });
    let mode = of("objectRetention", "mode");
    Ok(BucketProtection {
        versions: Some(of("versioning", "enabled") == Some(Value::Bool(true))),
        locks: Some(mode.as_ref().and_then(Value::as_str) == Some("Enabled")),
        default_lock: policy.filter(|lock| lock.days > 0),
    })
}

fn document(answer: &Answer) -> Outcome<Value> {
    serde_json::from_slice(&answer.body)
        .map_err(|error| broken(format!("what the server tells cannot be read: {error}")))
}
