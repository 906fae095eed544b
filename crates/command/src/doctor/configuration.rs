//! What is set for each repository, before anything is asked of it.

use std::path::Path;

use pgkeep_config::shell_word;
use pgkeep_storage::sftp::{HostKeyCheck, SftpSettings};
use pgkeep_storage::{InfoLevel, Storage, StoragePath};

use super::bucket::Bucket;
use super::check::{ENCRYPTION, HOST_KEY, PRIVATE_KEY, REPO_HOST, RETENTION, TLS};
use super::settings::RepoSettings;
use crate::hosts::this_host;
use crate::report::finding::{Finding, Subject};

pub(super) fn examine(settings: &RepoSettings) -> Vec<Finding> {
    let subject = Subject::default().repo(settings.key);
    if let Some(host) = &settings.host {
        // How it is stored, and whether it is encrypted, is that host's matter.
        return elsewhere(&subject, settings, host);
    }
    let mut findings = vec![
        retention(&subject, settings),
        encryption(&subject, settings),
    ];
    if let Some(sftp) = &settings.sftp {
        findings.push(host_key(&subject, settings, sftp));
        findings.extend(
            sftp.private_key_file
                .as_deref()
                .map(|file| private_key(&subject, file)),
        );
    }
    findings.extend(
        settings
            .bucket
            .as_ref()
            .and_then(|bucket| tls(&subject, settings, bucket)),
    );
    findings
}

/// A repository on another host: what is set here and counts elsewhere, or the other way round.
fn elsewhere(subject: &Subject, settings: &RepoSettings, host: &str) -> Vec<Finding> {
    let option = settings.option("retention-full");
    let retention = match settings.retention_full {
        None => subject.note(
            &RETENTION,
            format!("{option} is not set here: what runs on this host expires nothing"),
            format!("run backup and expire on '{host}', or set {option} here as it is set there"),
        ),
        Some(_) => subject.note(
            &RETENTION,
            format!("{option} is set here: it counts for backup and expire that run on this host, and not for those on '{host}'"),
            "set it where backup and expire run, or the same on both hosts",
        ),
    };
    let overruling = if settings.overruling.is_empty() {
        subject.ok(&REPO_HOST, format!("'{host}' says where and how it stores"))
    } else {
        subject.warn(
            &REPO_HOST,
            format!(
                "{} set here beside {}: with pgBackRest these overrule what is set on '{host}'",
                settings.overruling.join(", "),
                settings.option("host")
            ),
            format!("remove them here; the configuration on '{host}' is enough"),
        )
    };
    vec![retention, overruling]
}

fn tls(subject: &Subject, settings: &RepoSettings, bucket: &Bucket) -> Option<Finding> {
    let http = bucket.http.as_ref()?;
    let verify = settings.option("storage-verify-tls");
    let at_home = matches!(http.server.host.as_str(), "localhost" | "127.0.0.1" | "::1");
    // The server's name is not shown: with Azure the account in it counts as a secret.
    Some(match (http.server.tls, http.verify_tls) {
        (false, _) if at_home => subject.note(
            &TLS,
            "no TLS, to a server on this host",
            "https:// once the server is on another host",
        ),
        (false, _) => subject.fail(
            &TLS,
            "no TLS: what is sent can be read and changed on its way",
            "https:// in place of http://",
        ),
        (true, false) => subject.fail(
            &TLS,
            format!("{verify}=n: the certificate is not checked at all"),
            format!(
                "{verify}=y, with {}=FILE for an authority of your own",
                settings.option("storage-ca-file")
            ),
        ),
        (true, true) => subject.ok(&TLS, "TLS, and the certificate is checked"),
    })
}

fn retention(subject: &Subject, settings: &RepoSettings) -> Finding {
    let option = settings.option("retention-full");
    if settings.sftp.as_ref().is_some_and(|sftp| sftp.append_only) {
        return subject.ok(&RETENTION, "a matter of whoever keeps the repository");
    }
    match settings.retention_full {
        None => subject.warn(
            &RETENTION,
            match settings.generations.first() {
                None => format!("{option} is not set"),
                Some(other) => {
                    format!("{option} is not set, and {other} removes nothing by itself")
                }
            },
            format!("{option}=2 (or 9999999 to keep everything)"),
        ),
        Some(days) if settings.retention_by_time => {
            subject.ok(&RETENTION, format!("full backups of {days} days are kept"))
        }
        Some(count) => subject.ok(&RETENTION, format!("{count} full backups are kept")),
    }
}

fn encryption(subject: &Subject, settings: &RepoSettings) -> Finding {
    if settings.encrypted {
        return subject.ok(&ENCRYPTION, "encrypted");
    }
    if settings.kind == "posix" {
        return subject.ok(&ENCRYPTION, "not encrypted, on this host");
    }
    let cipher = settings.option("cipher-type");
    subject.warn(
        &ENCRYPTION,
        "not encrypted",
        format!(
            "{cipher}=aes-256-cbc and {}=SECRET; what is stored cannot be encrypted afterwards, so with an empty {} and a new stanza-create",
            settings.option("cipher-pass"),
            settings.option("path")
        ),
    )
}

fn host_key(subject: &Subject, settings: &RepoSettings, sftp: &SftpSettings) -> Finding {
    let option = settings.option("sftp-host-key-check-type");
    match sftp.host_key_check {
        HostKeyCheck::None => subject.fail(
            &HOST_KEY,
            format!("{option}=none: not checked at all"),
            format!(
                "{option}=strict, after: pgkeep --repo={} sftp-setup",
                settings.key
            ),
        ),
        HostKeyCheck::AcceptNew => subject.warn(
            &HOST_KEY,
            format!("{option}=accept-new: whoever answers first is trusted"),
            format!("{option}=strict"),
        ),
        HostKeyCheck::Strict => subject.ok(&HOST_KEY, "known hosts"),
        HostKeyCheck::Fingerprint => subject.ok(&HOST_KEY, "fingerprint"),
    }
}

fn private_key(subject: &Subject, file: &Path) -> Finding {
    let shown = file.display();
    let parent = file.parent().filter(|path| !path.as_os_str().is_empty());
    let name = StoragePath::new(file.file_name().unwrap_or_default().as_encoded_bytes());
    let directory = this_host::directory(parent.unwrap_or(Path::new(".")));
    let mode = |path: &StoragePath| {
        let info = directory.info(path, InfoLevel::Detail);
        info.map(|found| found.map(|info| info.mode))
    };
    let (key, around) = match (mode(&name), mode(&StoragePath::root())) {
        (Ok(Some(key)), Ok(Some(around))) => (key, around),
        (Ok(_), Ok(_)) => {
            return subject.fail(
                &PRIVATE_KEY,
                format!("'{shown}' is missing"),
                "pgkeep sftp-setup, which makes one, or correct repo-sftp-private-key-file",
            );
        }
        (Err(error), _) | (_, Err(error)) => {
            return subject.fail(
                &PRIVATE_KEY,
                error.to_string(),
                "chown the key to the user who runs the backups, or run as that user",
            );
        }
    };
    if key & 0o007 != 0 {
        let seen = format!("'{shown}' is open to everybody: mode {key:04o}");
        return subject.fail(
            &PRIVATE_KEY,
            seen,
            format!("chmod 600 {}", shell_word(&shown.to_string())),
        );
    }
    // In a sticky directory files of others cannot be replaced.
    if around & 0o022 != 0 && around & 0o1000 == 0 {
        let seen = format!("others may replace '{shown}': its directory has mode {around:04o}");
        let parent = parent.unwrap_or(Path::new(".")).display().to_string();
        return subject.fail(
            &PRIVATE_KEY,
            seen,
            format!("chmod go-w {}", shell_word(&parent)),
        );
    }
    subject.ok(&PRIVATE_KEY, format!("'{shown}' has mode {key:04o}"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::doctor::settings;
    use crate::report::finding::Grade;
    use crate::run::test_context;
    use pgkeep_config::Program;

    #[test]
    fn what_is_set_beside_the_host_of_a_repository_is_told() {
        let look = |options: &[&str]| {
            let mut all = vec!["--repo1-host=backup"];
            all.extend_from_slice(options);
            let context = test_context::new(Program::PgKeep, "doctor", &all);
            examine(&settings::repository(&context, 1))
        };
        let found = look(&[]);
        let grades: Vec<Grade> = found.iter().map(|finding| finding.grade).collect();
        assert_eq!(grades, [Grade::Note, Grade::Ok], "{found:?}");
        let found = look(&[
            "--repo1-type=cifs",
            "--repo1-path=/r",
            "--repo1-retention-full=2",
        ]);
        assert!(
            found[0]
                .seen
                .contains("counts for backup and expire that run on this host")
        );
        assert_eq!(found[1].grade, Grade::Warn);
        assert!(
            found[1]
                .seen
                .contains("repo1-path, repo1-type set here beside repo1-host"),
            "{}",
            found[1].seen
        );
    }

    #[test]
    fn retention_is_a_matter_of_whoever_keeps_the_repository() {
        let look = |options: &[&str]| {
            let context = test_context::new(Program::PgKeep, "doctor", options);
            let settings = settings::repository(&context, 1);
            retention(&Subject::default().repo(1), &settings)
        };
        let sftp = [
            "--repo1-type=sftp",
            "--repo1-sftp-host=host",
            "--repo1-sftp-host-user=user",
            "--repo1-sftp-private-key-file=/key",
            "--repo1-sftp-host-key-hash-type=sha256",
            "--repo1-sftp-append-only",
        ];
        assert_eq!(look(&sftp[..5]).grade, Grade::Warn);
        assert_eq!(look(&sftp).grade, Grade::Ok);
        let found = look(&["--repo1-retention-monthly=12"]);
        assert_eq!(found.grade, Grade::Warn);
        assert_eq!(
            found.seen,
            "repo1-retention-full is not set, and repo1-retention-monthly removes nothing by itself"
        );
    }

    #[test]
    #[allow(clippy::disallowed_methods)] // makes the files that are examined
    fn a_key_that_others_can_read_or_replace_fails() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("key");
        std::fs::write(&file, "key").unwrap();
        let grade = |key, around| {
            let set = |path: &Path, mode| {
                std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
            };
            set(&file, key);
            set(directory.path(), around);
            private_key(&Subject::default(), &file).grade
        };
        assert_eq!(grade(0o600, 0o700), Grade::Ok);
        assert_eq!(grade(0o640, 0o755), Grade::Ok);
        assert_eq!(grade(0o604, 0o700), Grade::Fail);
        assert_eq!(grade(0o600, 0o777), Grade::Fail);
        assert_eq!(grade(0o600, 0o1777), Grade::Ok);
        let missing = private_key(&Subject::default(), &directory.path().join("none"));
        assert_eq!(missing.grade, Grade::Fail);
    }
}
