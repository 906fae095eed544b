//! Values, dependencies, groups and the rules after them.

mod rules;
mod sftp;
mod sources;

use std::time::Duration;

use crate::Phase;
use crate::define::option::{
    ARCHIVE_CHECK, ARCHIVE_COPY, ARCHIVE_TIMEOUT, BUFFER_SIZE, COMPRESS_LEVEL, COMPRESS_TYPE,
    CONFIG, DB_TIMEOUT, Group, PG_PORT, PG_SOCKET_PATH, PROTOCOL_TIMEOUT, REPO_BLOCK,
    REPO_BLOCK_SIZE_SUPER, REPO_BUNDLE, REPO_BUNDLE_SIZE, REPO_CIPHER_PASS, REPO_HARDLINK,
    REPO_HOST_CMD, REPO_PATH, REPO_RETENTION_ARCHIVE, REPO_SFTP_HOST_KEY_CHECK_TYPE,
    REPO_SFTP_HOST_PIN, REPO_STORAGE_UPLOAD_CHUNK_SIZE, SPOOL_PATH, STANZA, TYPE,
};
use crate::error::ConfigError;
use crate::testing::{Host, fault};
use crate::value::Source;
use secrecy::ExposeSecret;

const BACKUP: &str = "backup --stanza=demo --pg1-path=/pg --repo1-retention-full=2";

#[test]
fn values_that_are_not_accepted_have_the_messages_of_pgbackrest() {
    let cases: &[(&str, u8, &str)] = &[
        (
            "backup --stanza=demo",
            37,
            "backup command requires option: pg1-path\nHINT: does this stanza exist?",
        ),
        ("backup", 37, "backup command requires option: stanza"),
        (
            "backup --stanza=demo --pg2-path=/x",
            37,
            "backup command requires option: pg1-path\nHINT: does this stanza exist?",
        ),
        (
            "info --set=x",
            31,
            "option 'set' not valid without option 'stanza'",
        ),
        (
            "restore --stanza=demo --pg1-path=/pg --target=x",
            31,
            "option 'target' not valid without option 'type' in ('lsn', 'name', 'time', 'xid')",
        ),
        (
            "backup --stanza=demo --pg1-path=/pg --force",
            31,
            "option 'force' not valid without option 'no-online'",
        ),
        (
            "backup --stanza=demo --pg1-path=/pg --repo2-block",
            31,
            "option 'repo2-block' not valid without option 'repo2-bundle'",
        ),
        (
            "info --repo1-s3-bucket=b",
            31,
            "option 'repo1-s3-bucket' not valid without option 'repo1-type' = 's3'",
        ),
        (
            "info --repo1-host-ca-file=f",
            31,
            "option 'repo1-host-ca-file' not valid without option 'repo1-host-type'",
        ),
        (
            "info --repo=3",
            32,
            "key '3' is not valid for 'repo' option",
        ),
        (
            "info --repo=257",
            32,
            "'257' is out of range for 'repo' option\nHINT: allowed range is 1 to 256 inclusive",
        ),
        (
            "backup --type=foo --stanza=demo --pg1-path=/pg",
            32,
            "'foo' is not allowed for 'type' option\nHINT: allowed values are 'full', 'diff', 'incr'",
        ),
        (
            "backup --stanza=demo --pg1-path=/pg --compress-type=lz4 --compress-level=13",
            32,
            "'13' is out of range for 'compress-level' option when 'compress-type' option = 'lz4'\n\
             HINT: allowed range is -5 to 12 inclusive",
        ),
        (
            "check --archive-timeout=5x",
            32,
            "'5x' is not valid for 'archive-timeout' option",
        ),
        (
            "check --archive-timeout=1w",
            32,
            "'1w' is out of range for 'archive-timeout' option\nHINT: allowed range is 100ms to 1d inclusive",
        ),
        (
            "info --repo1-path=relative",
            32,
            "'relative' must begin with / for 'repo1-path' option",
        ),
        (
            "info --repo1-path=/a//b",
            32,
            "'/a//b' cannot contain // for 'repo1-path' option",
        ),
        (
            "info --stanza=",
            32,
            "'' must be >= 1 character for 'stanza' option",
        ),
        (
            "annotate --stanza=demo --set=x --annotation=x",
            31,
            "key/value 'x' not valid for 'annotation' option",
        ),
    ];
    for (words, code, message) in cases {
        assert_eq!(
            fault(Host::pgbackrest().load(words)),
            (*code, (*message).to_owned()),
            "{words}"
        );
    }
}

#[test]
fn numbers_keep_the_spelling_of_the_user() {
    let config = Host::pgbackrest()
        .load(&format!(
            "{BACKUP} --archive-timeout=90 --buffer-size=1024k"
        ))
        .expect("valid values")
        .config;
    assert_eq!(config.time(ARCHIVE_TIMEOUT), Some(Duration::from_secs(90)));
    assert_eq!(config.spelling(ARCHIVE_TIMEOUT).as_deref(), Some("90"));
    assert_eq!(config.size(BUFFER_SIZE), Some(1 << 20));
    assert_eq!(config.spelling(BUFFER_SIZE).as_deref(), Some("1024k"));
    assert_eq!(config.spelling(DB_TIMEOUT).as_deref(), Some("30m"));
}

#[test]
fn a_path_loses_its_last_slash_but_not_in_messages() {
    let config = Host::pgbackrest()
        .load("info --repo1-path=/a/ --repo2-path=/")
        .expect("valid paths")
        .config;
    assert_eq!(config.string_at(REPO_PATH, 1), Some("/a"));
    assert_eq!(config.spelling_at(REPO_PATH, 1).as_deref(), Some("/a/"));
    assert_eq!(config.string_at(REPO_PATH, 2), Some("/"));
}

#[test]
fn defaults_depend_on_command_other_options_and_program() {
    let config = Host::pgbackrest().load(BACKUP).expect("valid").config;
    assert_eq!(config.string(TYPE), Some("incr"));
    assert_eq!(config.integer(COMPRESS_LEVEL), Some(6));
    assert_eq!(config.source(COMPRESS_LEVEL, 0), Source::Default);
    let zst = Host::pgbackrest()
        .load(&format!("{BACKUP} --compress-type=zst --repo1-host=h"))
        .expect("valid")
        .config;
    assert_eq!(zst.integer(COMPRESS_LEVEL), Some(3));
    assert_eq!(zst.string_at(REPO_HOST_CMD, 1), Some("/usr/bin/pgbackrest"));
    let none = Host::pgbackrest()
        .load(&format!("{BACKUP} --compress-type=none"))
        .expect("valid")
        .config;
    assert_eq!(none.integer(COMPRESS_LEVEL), Some(0));
    let s3 = Host::pgbackrest()
        .config("[global]\nrepo1-type=s3\nrepo1-s3-bucket=b\nrepo1-s3-endpoint=e\nrepo1-s3-region=r\nrepo1-s3-key=k\nrepo1-s3-key-secret=s\n")
        .load("info")
        .expect("valid")
        .config;
    assert_eq!(s3.size_at(REPO_STORAGE_UPLOAD_CHUNK_SIZE, 1), Some(5 << 20));
    assert_eq!(
        config.string(CONFIG),
        Some("/etc/pgbackrest/pgbackrest.conf")
    );
    let ours = Host::ours().load(BACKUP).expect("valid").config;
    assert_eq!(ours.string(CONFIG), Some("/etc/pgkeep/pgkeep.conf"));
}

#[test]
fn a_key_said_twice_in_a_map_is_overwritten_with_a_warning() {
    let loaded = Host::pgbackrest()
        .load("annotate --stanza=demo --set=x --annotation=k=v --annotation=l=m --annotation=k=w")
        .expect("valid");
    assert_eq!(
        loaded.warnings,
        ["key 'k' value 'v' is overwritten with 'w' for 'annotation' option"]
    );
    let pairs = loaded.config.map(crate::option::ANNOTATION);
    let expected = [("k", "w"), ("l", "m")].map(|(k, v)| (k.to_owned(), v.to_owned()));
    assert_eq!(pairs, Some(&expected[..]));
}

#[test]
fn secrets_are_never_shown() {
    let loaded = Host::pgbackrest()
        .config("[global]\nrepo1-cipher-type=aes-256-cbc\nrepo1-cipher-pass=hush\nrepo1-bundle=y\nrepo1-bundle-size=20mib\n")
        .load(BACKUP)
        .expect("valid");
    let config = &loaded.config;
    let secret = config.secret_at(REPO_CIPHER_PASS, 1).expect("a passphrase");
    assert_eq!(secret.expose_secret(), "hush");
    assert_eq!(config.string_at(REPO_CIPHER_PASS, 1), None);
    assert_eq!(config.spelling_at(REPO_CIPHER_PASS, 1), None);
    assert!(config.boolean_at(REPO_BUNDLE, 1));
    assert_eq!(config.size_at(REPO_BUNDLE_SIZE, 1), Some(20 << 20));
    let debug = format!("{loaded:?}");
    assert!(!debug.contains("hush"), "{debug}");
    assert!(debug.contains("--repo1-cipher-pass=<redacted>"), "{debug}");
}

#[test]
fn a_number_that_is_none_is_told_with_an_example_for_options_of_our_own() {
    for (option, example) in [
        (
            "--repo1-rate-limit=25:00-26:00=5MB",
            "for example: --repo1-rate-limit=",
        ),
        ("--age=soon", "for example: --age="),
    ] {
        let words = format!("verify --stanza=demo {option}");
        let (code, message) = fault(Host::ours().load(&words));
        assert_eq!(code, 32, "{message}");
        assert!(message.contains(example), "{message}");
    }
}
