//! A repository in a bucket: can it be reached, and is the account allowed what the commands need. What is missing is named
//! as the store's own rules name it.

use pgkeep_storage::{Attempt, Attempts, ErrorKind, Right, Storage};

use super::bucket::Bucket;
use super::check::{PUBLIC, REPO_WRITE, REPOSITORY, RIGHTS, SPARE_RIGHTS};
use super::settings::RepoSettings;
use crate::report::check::Check;
use crate::report::finding::{Finding, Grade, Subject};

/// What the attempts say, and whether the rest of the repository is worth being looked at.
pub(super) fn examine(
    settings: &RepoSettings,
    storage: &dyn Storage,
    attempts: &Attempts,
) -> (bool, Vec<Finding>) {
    let subject = Subject::default().repo(settings.key);
    let Some(bucket) = &settings.bucket else {
        return (true, Vec::new());
    };
    if let Some(error) = out_of_reach(attempts) {
        let found = failed(&subject, &REPOSITORY, settings, error);
        return (false, vec![found]);
    }
    let seen = format!("'{}' can be asked", bucket.name);
    let mut findings = vec![subject.ok(&REPOSITORY, seen)];
    let refused = attempts.made.iter().filter_map(|attempt| {
        let error = attempt.failed.as_ref()?;
        Some(finding(&subject, settings, bucket, attempt, error))
    });
    for finding in refused {
        // Several attempts may need the same right.
        let known = |other: &Finding| other.check == finding.check && other.mend == finding.mend;
        if !findings.iter().any(known) {
            findings.push(finding);
        }
    }
    if findings.len() == 1 {
        let mut names: Vec<&str> = Vec::new();
        for attempt in &attempts.made {
            let name = bucket.right(attempt.right);
            if !names.contains(&name) {
                names.push(name);
            }
        }
        findings.push(subject.ok(&RIGHTS, format!("allowed: {}", names.join(", "))));
        findings.push(subject.ok(&REPO_WRITE, "files can be stored and removed"));
    }
    if let Some(left) = &attempts.left {
        findings.push(subject.fail(
            &REPO_WRITE,
            format!("'{}' cannot be removed and is left", storage.display(left)),
            "remove it once the account may remove files",
        ));
    }
    findings.extend(public(&subject, settings, bucket, attempts.public));
    if attempts.lists_outside == Some(true) && bucket.is_limited_by_path() {
        findings.push(subject.note(
            &SPARE_RIGHTS,
            format!(
                "{} is allowed in the whole bucket, not only below {}",
                bucket.right(Right::List),
                settings.path
            ),
            "limit it to the path with the condition s3:prefix, if others store something in the bucket",
        ));
    }
    (true, findings)
}

/// A file that was read without credentials is the proof. Encrypted ones show names and sizes alone.
fn public(
    subject: &Subject,
    settings: &RepoSettings,
    bucket: &Bucket,
    public: Option<bool>,
) -> Option<Finding> {
    let seen = "a new file can be read by everybody, without credentials";
    Some(match (public?, settings.encrypted) {
        (false, _) => subject.ok(&PUBLIC, "a file cannot be read without credentials"),
        (true, false) => subject.fail(&PUBLIC, seen, bucket.close()),
        (true, true) => subject.warn(&PUBLIC, format!("{seen}; it is encrypted"), bucket.close()),
    })
}

/// The error that says that there is no bucket to be asked.
fn out_of_reach(attempts: &Attempts) -> Option<&pgkeep_storage::Error> {
    let first = attempts.made.first()?;
    let error = first.failed.as_ref()?;
    let refused = matches!(error.kind, ErrorKind::Denied | ErrorKind::Unsupported);
    (!refused).then_some(error)
}

fn finding(
    subject: &Subject,
    settings: &RepoSettings,
    bucket: &Bucket,
    attempt: &Attempt,
    error: &pgkeep_storage::Error,
) -> Finding {
    let what = doing(attempt.right);
    match error.kind {
        ErrorKind::Denied => {
            let (right, mend) = match named_by_server(&error.reason) {
                Some(right) if right.starts_with("kms:") => (
                    right,
                    format!(
                        "allow {right} for the key of {}",
                        settings.option("s3-kms-key-id")
                    ),
                ),
                Some(right) => (right, bucket.allow(right, &settings.path)),
                None => {
                    let right = bucket.right(attempt.right);
                    (
                        right,
                        bucket.allow(right, &settings.path) + &bucket.more(attempt.right),
                    )
                }
            };
            let seen = format!("{right} is not allowed: to {what} was refused");
            // Without these, commands succeed and parts of uploads that died are kept.
            let tidying = matches!(attempt.right, Right::GiveUp | Right::ListUploads);
            let grade = if tidying { Grade::Warn } else { Grade::Fail };
            subject.graded(&RIGHTS, grade, seen, mend)
        }
        ErrorKind::Unsupported => {
            subject.not_tested(&RIGHTS, format!("the server does not know how to {what}"))
        }
        _ => failed(subject, &REPO_WRITE, settings, error),
    }
}

/// An error that is no refusal: what the server answered in short, and the hint that comes with it.
fn failed(
    subject: &Subject,
    check: &'static Check,
    settings: &RepoSettings,
    error: &pgkeep_storage::Error,
) -> Finding {
    let mut short = error.clone();
    short.reason = in_short(&error.reason);
    let seen = short.to_string();
    let mend = match short.hints.first() {
        Some(hint) => format!("{hint} Then: {}", settings.again()),
        None => format!(
            "see all of the answer: pgkeep --repo={} repo-ls",
            settings.key
        ),
    };
    subject.fail(check, seen, mend)
}

/// The first line of what a server answered, and the message in it; all the rest is in the error of every other command.
fn in_short(reason: &str) -> String {
    let first = reason.lines().next().unwrap_or_default();
    let first = first.trim_end_matches(':');
    let text = |name: &str| {
        let (_, rest) = reason.split_once(&format!("<{name}>"))?;
        Some(rest.split_once(&format!("</{name}>"))?.0)
    };
    match (text("Code"), text("Message")) {
        (Some(code), Some(message)) => format!("{first}: {code}, {message}"),
        _ => first.to_owned(),
    }
}

/// The right that a refusal of S3 names itself: `… is not authorized to perform: s3:PutObject on resource …`.
fn named_by_server(reason: &str) -> Option<&str> {
    let (_, rest) = reason.split_once("not authorized to perform: ")?;
    let end = rest.find(|one: char| !one.is_ascii_alphanumeric() && one != ':');
    let right = &rest[..end.unwrap_or(rest.len())];
    (right.starts_with("s3:") || right.starts_with("kms:")).then_some(right)
}

fn doing(right: Right) -> &'static str {
    match right {
        Right::List => "list files",
        Right::Write => "store a file",
        Right::Read => "read a file",
        Right::Upload => "store a file in parts",
        Right::GiveUp => "give an upload in parts up",
        Right::ListUploads => "list uploads that were never ended",
        Right::Remove => "remove a file",
        Right::RemoveMany => "remove several files at once",
    }
}

#[cfg(test)]
mod tests {
    use super::{in_short, named_by_server, public};
    use crate::doctor::bucket::{Bucket, Store};
    use crate::doctor::settings::RepoSettings;
    use crate::report::finding::{Grade, Subject};

    #[test]
    fn a_bucket_that_everybody_can_read_is_a_failure_unless_it_is_encrypted() {
        let graded = |encrypted, read| {
            let bucket = Bucket {
                store: Store::S3,
                name: "b".to_owned(),
                http: None,
                tags: false,
                kms: false,
                lock: false,
            };
            let settings = RepoSettings {
                key: 1,
                kind: "s3".to_owned(),
                host: None,
                overruling: Vec::new(),
                path: "/r".to_owned(),
                pass: None,
                encrypted,
                retention_full: None,
                retention_by_time: false,
                generations: Vec::new(),
                sftp: None,
                bucket: Some(bucket.clone()),
            };
            let found = public(&Subject::default(), &settings, &bucket, read);
            found.map(|finding| (finding.grade, finding.mend))
        };
        let (grade, mend) = graded(false, Some(true)).unwrap();
        assert_eq!(grade, Grade::Fail);
        assert!(
            mend.starts_with("aws s3api put-public-access-block --bucket b "),
            "{mend}"
        );
        assert_eq!(graded(true, Some(true)).unwrap().0, Grade::Warn);
        assert_eq!(graded(false, Some(false)).unwrap().0, Grade::Ok);
        assert_eq!(graded(false, None), None);
    }

    #[test]
    fn an_answer_is_told_in_one_line() {
        let long = "HTTP request failed with 404 (Not Found):\n*** Path/Query ***:\nGET /b\n*** Response Content ***:\n\
            <Error><Code>NoSuchBucket</Code><Message>it is not there</Message></Error>";
        assert_eq!(
            in_short(long),
            "HTTP request failed with 404 (Not Found): NoSuchBucket, it is not there"
        );
        assert_eq!(in_short("unable to connect"), "unable to connect");
    }

    #[test]
    fn a_right_that_the_server_names_is_taken_from_its_message() {
        for (reason, right) in [
            (
                "…<Message>User: arn:aws:iam::1:user/b is not authorized to perform: s3:PutObjectTagging on resource: \"x\"",
                Some("s3:PutObjectTagging"),
            ),
            (
                "User: b is not authorized to perform: kms:GenerateDataKey because",
                Some("kms:GenerateDataKey"),
            ),
            ("User: b is not authorized to perform: <b>", None),
            ("Access Denied", None),
        ] {
            assert_eq!(named_by_server(reason), right, "{reason}");
        }
    }
}
