//! Object Lock: how long an object is locked, and what is set for the bucket.

use jiff::Timestamp;

use super::client::{About, S3Client};
use super::failure::{error_of, failure};
use super::versions::{Versioning, versioning};
use crate::ErrorKind;
use crate::http::{Answer, HttpError, seconds_of_header};
use crate::object::failure::broken;
use crate::object::store::Outcome;
use crate::object::xml::Element;
use crate::protection::{BucketProtection, KeptUntil, Lock, LockMode};

const DAY: i64 = 86_400;

/// Until when an object is locked; `None`: it is not, not any more, or it is not there.
pub(super) async fn kept_until(client: &S3Client, key: &str) -> Outcome<Option<KeptUntil>> {
    let request = client.request("HEAD", key, About::Content);
    let head = match client.try_to(&request).await {
        Ok(head) => head,
        Err(error) if status(&error) == Some(404) => return Ok(None),
        Err(error) => return Err(failure(&error)),
    };
    if head.header("x-amz-object-lock-legal-hold") == Some("ON") {
        return Ok(Some(KeptUntil::Hold));
    }
    let until = match head.header("x-amz-object-lock-retain-until-date") {
        Some(until) => Some(time(until)?),
        // No lock, or none that this key may see.
        None => retention(client, key, &head).await?,
    };
    Ok(until
        .filter(|until| *until > client.now())
        .map(KeptUntil::Time))
}

/// What the object says when it is asked for its lock alone, which tells "none" from "not for you".
async fn retention(client: &S3Client, key: &str, head: &Answer) -> Outcome<Option<i64>> {
    let request = client
        .request("GET", key, About::Bucket)
        .query("retention", "");
    match client.try_to(&request).await {
        Ok(answer) => match Element::parse(&answer.body) {
            Ok(found) if found.child("RetainUntilDate").is_some() => {
                time(found.text_of("RetainUntilDate")).map(Some)
            }
            // Who does not know the question sends the file.
            _ => Ok(None),
        },
        Err(error) if is_without_lock(&error) => Ok(None),
        Err(error) => {
            let failure = failure(&error);
            if failure.kind != ErrorKind::Denied {
                return Err(failure);
            }
            // Locked when it was written, for all that can be known.
            log::debug!("how long {key} is locked is not told: {}", failure.reason);
            let written = head.header("last-modified").and_then(seconds_of_header);
            let lock = client.settings().objects.lock;
            Ok(written
                .zip(lock)
                .map(|(written, lock)| written + i64::from(lock.days) * DAY))
        }
    }
}

/// What is set for the bucket.
pub(super) async fn of_bucket(client: &S3Client) -> Outcome<BucketProtection> {
    let versions = match versioning(client).await {
        Ok(found) => Some(found == Versioning::Enabled),
        Err(failure) if failure.kind == ErrorKind::Unsupported => Some(false),
        Err(failure) if failure.kind == ErrorKind::Denied => None,
        Err(failure) => return Err(failure),
    };
    let request = client
        .request("GET", "", About::Bucket)
        .query("object-lock", "");
    let (locks, default_lock) = match client.try_to(&request).await {
        Ok(answer) => read(&answer.body).map_err(|reason| {
            broken(format!(
                "the server's 'ObjectLockConfiguration' cannot be read: {reason}"
            ))
        })?,
        Err(error) if is_without_lock(&error) => (Some(false), None),
        Err(error) => match failure(&error) {
            failure if failure.kind == ErrorKind::Unsupported => (Some(false), None),
            failure if failure.kind == ErrorKind::Denied => (None, None),
            failure => return Err(failure),
        },
    };
    Ok(BucketProtection {
        versions,
        locks,
        default_lock,
    })
}

fn read(body: &[u8]) -> Result<(Option<bool>, Option<Lock>), String> {
    let found = Element::parse(body)?;
    let enabled = found.text_of("ObjectLockEnabled") == "Enabled";
    let rule = found
        .child("Rule")
        .and_then(|rule| rule.child("DefaultRetention"));
    let lock = rule.and_then(|rule| {
        let number = |name| rule.text_of(name).parse::<u32>().ok();
        let years = || number("Years").map(|years| years.saturating_mul(365));
        Some(Lock {
            mode: match rule.text_of("Mode") {
                "GOVERNANCE" => LockMode::Governance,
                "COMPLIANCE" => LockMode::Compliance,
                _ => return None,
            },
            days: number("Days").or_else(years)?,
        })
    });
    Ok((Some(enabled), lock))
}

/// A refusal that says that there is no lock.
fn is_without_lock(error: &HttpError) -> bool {
    let code = error.answer().and_then(error_of).map(|(code, _)| code);
    matches!(
        code.as_deref(),
        // InvalidRequest: a bucket whose objects cannot be locked.
        Some(
            "NoSuchObjectLockConfiguration"
                | "ObjectLockConfigurationNotFoundError"
                | "InvalidRequest"
        )
    )
}

fn status(error: &HttpError) -> Option<u16> {
    error.answer().map(|answer| answer.status.as_u16())
}

fn time(text: &str) -> Outcome<i64> {
    match text.parse::<Timestamp>() {
        Ok(time) => Ok(time.as_second()),
        Err(_) => Err(broken(format!(
            "the server says that the file is locked until '{text}', which is not a time"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_of_a_bucket_is_read() {
        let read = |inner: &str| {
            let body = format!("<ObjectLockConfiguration>{inner}</ObjectLockConfiguration>");
            read(body.as_bytes()).unwrap()
        };
        let enabled = "<ObjectLockEnabled>Enabled</ObjectLockEnabled>";
        let rule = |inner: &str| {
            format!("{enabled}<Rule><DefaultRetention>{inner}</DefaultRetention></Rule>")
        };
        assert_eq!(read(""), (Some(false), None));
        assert_eq!(read(enabled), (Some(true), None));
        let (_, lock) = read(&rule("<Mode>GOVERNANCE</Mode><Days>3</Days>"));
        let governance = Lock {
            mode: LockMode::Governance,
            days: 3,
        };
        assert_eq!(lock, Some(governance));
        let (_, lock) = read(&rule("<Mode>COMPLIANCE</Mode><Years>2</Years>"));
        assert_eq!(lock.map(|lock| lock.days), Some(730));
        assert_eq!(read(&rule("<Mode>OTHER</Mode><Days>3</Days>")).1, None);
    }
}
