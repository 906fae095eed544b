//! Repositories that get no new keys, and what is said to readers of one that is getting them.

use pgkeep_config::Program;
use pgkeep_repo::kept_key::{self, Kept};
use pgkeep_repo::{Stanza, layout};
use pgkeep_storage::copy::write_all;
use pgkeep_storage::posix::{PosixSettings, PosixStorage};
use pgkeep_storage::{StoragePath, WriteOptions};
use secrecy::SecretString;

use super::explain::{self, explain};
use super::run;
use crate::error::{Error, ErrorCode};
use crate::run::{Context, test_context};

const FILE: &str =
    "[global]\nrepo1-cipher-type=aes-256-cbc\nrepo1-cipher-pass=pass\n[demo]\npg1-path=/pg\n";

fn context(command: &str, options: &[&str]) -> Context {
    test_context::with_file(Program::PgKeep, command, options, FILE)
}

#[test]
fn what_other_hosts_write_to_gets_no_new_keys() {
    for (kind, more) in [
        ("cifs", &[][..]),
        (
            "sftp",
            &[
                "--repo1-sftp-host=other",
                "--repo1-sftp-host-user=keep",
                "--repo1-sftp-private-key-file=/key",
                "--repo1-sftp-host-key-hash-type=sha256",
            ],
        ),
    ] {
        let kind_option = format!("--repo1-type={kind}");
        let options = [&["--deep", "--repo=1", &kind_option], more].concat();
        let error = run(&context("repo-rekey", &options)).unwrap_err();
        assert_eq!(error.code, ErrorCode::OptionInvalid, "{error}");
        assert!(error.message.contains(kind), "{error}");
        assert!(error.text().contains("repo-copy"), "{error}");
    }
    // Neither one on this host that an account of another one adds to.
    let dir = tempfile::tempdir().unwrap();
    let storage = PosixStorage::new(PosixSettings::at(dir.path()));
    let info = layout::backup_info(&Stanza::new("demo").unwrap());
    let path = format!("--repo1-path={}", dir.path().display());
    let rekey = || run(&context("repo-rekey", &["--deep", "--repo=1", &path])).unwrap_err();
    for (mode, is_refused) in [(0o640, false), (0o440, true)] {
        let options = WriteOptions {
            file_mode: mode,
            ..WriteOptions::default()
        };
        write_all(&storage, &info, &options, b"x").unwrap();
        let refused = rekey().message.contains("an account that may only add");
        assert_eq!(refused, is_refused, "{mode:o}");
    }
}

#[test]
fn readers_are_told_of_keys_that_are_being_changed() {
    let dir = tempfile::tempdir().unwrap();
    let storage = PosixStorage::new(PosixSettings::at(dir.path()));
    let path = format!("--repo1-path={}", dir.path().display());
    let context = context("verify", &[&path]);
    let hints = |code| explain(&context, Error::new(code, "x")).hints;
    assert!(hints(ErrorCode::Crypto).is_empty());
    let info = layout::archive_info(&Stanza::new("demo").unwrap());
    let secret = |text: &str| SecretString::from(text);
    let keep = |kept| {
        let path = kept_key::path(&info, kept);
        kept_key::save(&storage, &path, &secret("key"), &secret("pass")).unwrap();
    };
    keep(Kept::Last);
    let last = hints(ErrorCode::Crypto);
    assert!(last[0].contains("has got new keys"), "{last:?}");
    keep(Kept::New);
    let half = hints(ErrorCode::Crypto);
    assert!(half[0].contains("has not ended"), "{half:?}");
    assert!(half[0].contains("--repo=1 --deep repo-rekey"), "{half:?}");
    assert!(hints(ErrorCode::FileMissing).is_empty());
    let stanzas = ["other", "demo"].map(|name| Stanza::new(name).unwrap());
    assert_eq!(explain::half(&storage, &stanzas).unwrap(), [&stanzas[1]]);
    // Its copy alone says so too.
    storage_remove(&storage, &kept_key::path(&info, Kept::New));
    assert_eq!(hints(ErrorCode::Crypto), half);
}

fn storage_remove(storage: &PosixStorage, path: &StoragePath) {
    use pgkeep_storage::Storage as _;
    storage.remove(path).unwrap();
}
