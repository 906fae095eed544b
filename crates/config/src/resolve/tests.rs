//! Values, dependencies, groups and the rules after them.

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
fn an_unfulfilled_condition_in_a_file_is_no_error() {
    let config = Host::pgbackrest()
        .config("[global]\nspool-path=relative\nrepo1-block=y\nrepo1-block-size-super=1MiB\nrepo1-hardlink=y\narchive-copy=y\n")
        .load(&format!("{BACKUP} --no-archive-check"))
        .expect("conditions are not errors in files")
        .config;
    assert_eq!(config.boolean_or_unset_at(REPO_BLOCK, 1), Some(false));
    assert!(!config.is_set_at(REPO_BLOCK_SIZE_SUPER, 1));
    assert!(config.boolean_at(REPO_HARDLINK, 1));
    assert!(!config.boolean(ARCHIVE_CHECK));
    assert_eq!(config.boolean_or_unset(ARCHIVE_COPY), Some(false));
    assert!(!config.is_valid(SPOOL_PATH));
}

#[test]
fn an_index_exists_if_something_applicable_was_said_about_it() {
    let keys = |text: &str, words: &str| {
        let host = Host::pgbackrest().config(text);
        let config = host.load(words).expect(words).config;
        config.keys(Group::Repo).to_vec()
    };
    assert_eq!(keys("", "info"), [1]);
    assert_eq!(keys("[global]\nrepo2-bundle=n\n", BACKUP), [1, 2]);
    assert_eq!(keys("[global]\nrepo7-path=/x\n", "info"), [7]);
    // Unknown to the command.
    assert_eq!(keys("[global]\nrepo2-bundle=n\n", "info"), [1]);
    // Condition not fulfilled.
    assert_eq!(
        keys(
            "[global]\nrepo3-path=/x\nrepo4-block-size-super=1MiB\n",
            BACKUP
        ),
        [1, 3]
    );
    // Reset.
    assert_eq!(
        keys(
            "[global]\nrepo1-path=/a\nrepo2-path=/b\n",
            "info --reset-repo2-path"
        ),
        [1]
    );
}

#[test]
fn a_single_index_behind_an_empty_first_one_becomes_index_one() {
    let config = Host::pgbackrest()
        .load("archive-push --stanza=demo --pg2-path=/x x")
        .expect("pg1-path is not required")
        .config;
    assert_eq!(config.keys(Group::Pg), [1]);
    assert_eq!(
        config.begin_line_options().matches("--pg1-path=/x").count(),
        1
    );
    let config = Host::pgbackrest()
        .load("archive-push --stanza=demo --pg2-path=/x --pg3-path=/y x")
        .expect("pg1-path is not required")
        .config;
    assert_eq!(config.keys(Group::Pg), [2, 3]);
}

#[test]
fn the_chosen_index_is_the_one_meant_without_index() {
    let host = Host::pgbackrest().config("[global]\nrepo2-path=/b\nrepo5-path=/e\n");
    let config = host.load("info").expect("valid").config;
    assert_eq!(config.string(REPO_PATH), Some("/b"));
    let config = host.load("info --repo=5").expect("valid").config;
    assert_eq!(config.default_key(Group::Repo), 5);
    assert_eq!(config.string(REPO_PATH), Some("/e"));
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
fn rules_about_several_options_have_the_messages_of_pgbackrest() {
    let cases: &[(&str, u8, &str)] = &[
        (
            "stanza-delete --stanza=demo --pg1-path=/pg --repo2-path=/x",
            37,
            "stanza-delete command requires option: repo\nHINT: this command requires a specific repository to operate on",
        ),
        (
            "info --repo1-path=/x --repo2-path=/x/",
            32,
            "local repo1 and repo2 paths are both '/x/' but must be different",
        ),
        (
            "check --db-timeout=60 --protocol-timeout=1m",
            32,
            "'1m' is not valid for 'protocol-timeout' option\n\
             HINT 'protocol-timeout' option (1m) should be greater than 'db-timeout' option (60).",
        ),
        (
            "backup --stanza=demo --pg1-path=/pg --pg1-host=a --repo1-host=b",
            27,
            "pg and repo hosts cannot both be configured as remote",
        ),
        (
            "info --repo-target-time=2026-01-01",
            31,
            "option 'repo-target-time' not valid without option 'repo'",
        ),
    ];
    for (words, code, message) in cases {
        let error = Host::pgbackrest().check(words).expect_err(words);
        assert_eq!(
            (error.code, error.to_string()),
            (*code, (*message).to_owned()),
            "{words}"
        );
        assert_eq!(error.phase, Phase::Checks);
    }
}

#[test]
fn one_timeout_follows_the_other_unless_both_are_given() {
    let timeouts = |words: &str| {
        let config = Host::pgbackrest().check(words).expect(words).config;
        let seconds = |option| config.time(option).map(|time| time.as_millis());
        (seconds(DB_TIMEOUT), seconds(PROTOCOL_TIMEOUT))
    };
    assert_eq!(
        timeouts("check --db-timeout=2h"),
        (Some(7_200_000), Some(7_230_000))
    );
    assert_eq!(
        timeouts("check --protocol-timeout=60"),
        (Some(30_000), Some(60_000))
    );
    assert_eq!(
        timeouts("check --protocol-timeout=21"),
        (Some(10_500), Some(21_000))
    );
}

#[test]
fn retention_is_completed_and_its_absence_is_warned_about() {
    let run = |words: &str| {
        let words = format!("backup --stanza=demo --pg1-path=/pg {words}");
        let loaded = Host::pgbackrest().check(&words).expect("only warnings");
        (
            loaded.config.integer_at(REPO_RETENTION_ARCHIVE, 1),
            loaded.warnings,
        )
    };
    let unlimited = "option 'repo1-retention-full' is not set for 'repo1-retention-full-type=count', the repository may run out of space\n\
         HINT: to retain full backups indefinitely (without warning), set option 'repo1-retention-full' to the maximum.";
    assert_eq!(run(""), (None, vec![unlimited.to_owned()]));
    assert_eq!(run("--repo1-retention-full=3"), (Some(3), vec![]));
    assert_eq!(
        run("--repo1-retention-full=3 --repo1-retention-full-type=time"),
        (None, vec![])
    );
    assert_eq!(
        run(
            "--repo1-retention-full=3 --repo1-retention-archive-type=diff --repo1-retention-diff=5"
        ),
        (Some(5), vec![])
    );
    assert_eq!(
        run("--repo1-retention-full=3 --repo1-retention-archive-type=diff"),
        (
            None,
            vec!["WAL segments will not be expired: option 'repo1-retention-archive-type=diff' but neither option 'repo1-retention-archive' nor option 'repo1-retention-diff' is set".to_owned()]
        )
    );
    assert_eq!(
        run("--repo1-retention-full=3 --repo1-retention-archive-type=incr"),
        (
            None,
            vec!["WAL segments will not be expired: option 'repo1-retention-archive-type=incr' but option 'repo1-retention-archive' is not set".to_owned()]
        )
    );
    assert_eq!(
        run("--repo1-retention-full=3 --repo1-retention-archive-type=diff --repo1-retention-archive=2"),
        (
            Some(2),
            vec!["option 'repo1-retention-diff' is not set for 'repo1-retention-archive-type=diff'\n\
                 HINT: to retain differential backups indefinitely (without warning), set option 'repo1-retention-diff' to the maximum.".to_owned()]
        )
    );
}

#[test]
fn compress_is_translated_and_disappears() {
    let loaded = Host::pgbackrest()
        .check(&format!("{BACKUP} --no-compress"))
        .expect("valid");
    let config = loaded.config;
    assert_eq!(config.string(COMPRESS_TYPE), Some("none"));
    assert_eq!(config.integer(COMPRESS_LEVEL), Some(0));
    assert!(!config.is_set(crate::option::COMPRESS));
    assert!(loaded.warnings.is_empty());
    // The rules are not applied twice.
    let again = config.check().expect("already checked");
    assert!(again.warnings.is_empty());

    let both = Host::pgbackrest()
        .check(&format!("{BACKUP} --no-compress --compress-type=lz4"))
        .expect("valid");
    assert_eq!(
        both.warnings,
        [
            "'compress' and 'compress-type' options should not both be set\n\
             HINT: 'compress-type' is preferred and 'compress' is deprecated."
        ]
    );
    assert_eq!(both.config.string(COMPRESS_TYPE), Some("lz4"));
}

const SFTP: &str = "[global]\nrepo1-type=sftp\nrepo1-sftp-host=h\nrepo1-sftp-host-user=u\n";

#[test]
fn an_sftp_hash_type_is_demanded_only_where_a_bare_fingerprint_needs_it() {
    let check = |host: Host, lines: &str| {
        host.config(&format!("{SFTP}repo1-sftp-private-key-file=/k\n{lines}"))
            .check("info")
    };
    for host in [Host::pgbackrest, Host::ours] {
        for lines in [
            "",
            "repo1-sftp-host-key-check-type=none\n",
            "repo1-sftp-host-key-check-type=fingerprint\nrepo1-sftp-host-fingerprint=SHA256:abc\n",
        ] {
            check(host(), lines).expect(lines);
        }
        assert_eq!(
            fault(check(
                host(),
                "repo1-sftp-host-key-check-type=fingerprint\nrepo1-sftp-host-fingerprint=ab\n"
            )),
            (
                37,
                "info command requires option: repo1-sftp-host-key-hash-type".to_owned()
            )
        );
    }
}

#[test]
fn sftp_pins_replace_a_fingerprint_and_refuse_a_check_that_is_none() {
    let check = |lines: &str| {
        Host::ours()
            .config(&format!("{SFTP}repo1-sftp-private-key-file=/k\n{lines}"))
            .check("info")
    };
    let pins = "repo1-sftp-host-pin=SHA256:abc\nrepo1-sftp-host-pin=ab:cd\n";
    let config = check(pins).expect("pins alone").config;
    assert_eq!(
        config.list_at(REPO_SFTP_HOST_PIN, 1),
        Some(&["SHA256:abc".to_owned(), "ab:cd".to_owned()][..])
    );
    check(&format!(
        "{pins}repo1-sftp-host-key-check-type=fingerprint\n"
    ))
    .expect("the same said twice");
    for kind in ["none", "accept-new"] {
        let (code, text) = fault(check(&format!(
            "{pins}repo1-sftp-host-key-check-type={kind}\n"
        )));
        assert_eq!(code, 31);
        assert!(
            text.starts_with("option 'repo1-sftp-host-pin' not valid with option 'repo1-sftp-host-key-check-type' = '"),
            "{text}"
        );
    }
}

#[test]
fn an_sftp_repository_needs_a_key_file_or_an_agent_and_pgbackrest_a_key_file() {
    let missing = (
        37,
        "info command requires option: repo1-sftp-private-key-file".to_owned(),
    );
    for host in [Host::pgbackrest(), Host::ours()] {
        assert_eq!(fault(host.config(SFTP).check("info")), missing);
    }
    let agent = |host: Host| {
        host.config(SFTP)
            .variable("SSH_AUTH_SOCK", "/agent")
            .check("info")
    };
    agent(Host::ours()).expect("the agent holds a key");
    assert_eq!(fault(agent(Host::pgbackrest())), missing);
    Host::ours()
        .config(&format!("{SFTP}repo1-sftp-agent-socket=/agent\n"))
        .check("info")
        .expect("the agent holds a key");
}

#[test]
fn an_sftp_fingerprint_and_its_check_type_go_together() {
    let check = |lines: &str| {
        Host::pgbackrest()
            .config(&format!("[global]\nrepo1-type=sftp\nrepo1-sftp-host=h\nrepo1-sftp-host-user=u\nrepo1-sftp-private-key-file=/k\nrepo1-sftp-host-key-hash-type=sha1\n{lines}"))
            .check("info")
    };
    let old = check("repo1-sftp-host-fingerprint=ab\n").expect("an old way to say it");
    assert_eq!(
        old.warnings,
        [
            "option 'repo1-sftp-host-fingerprint' without option 'repo1-sftp-host-key-check-type' = 'fingerprint' is deprecated\n\
             HINT: set option 'repo1-sftp-host-key-check-type=fingerprint'"
        ]
    );
    assert_eq!(
        old.config.string(REPO_SFTP_HOST_KEY_CHECK_TYPE),
        Some("fingerprint")
    );
    assert_eq!(
        fault(check(
            "repo1-sftp-host-fingerprint=ab\nrepo1-sftp-host-key-check-type=strict\n"
        )),
        (31, "option 'repo1-sftp-host-fingerprint' not valid without option 'repo1-sftp-host-key-check-type' = 'fingerprint'".to_owned())
    );
    assert_eq!(
        fault(check("repo1-sftp-host-key-check-type=fingerprint\n")),
        (
            37,
            "info command requires option: repo1-sftp-host-fingerprint".to_owned()
        )
    );
}

#[test]
fn bucket_names_with_dots_need_path_style_or_no_verification() {
    let check = |more: &str| {
        Host::pgbackrest()
            .config(&format!("[global]\nrepo1-type=s3\nrepo1-s3-bucket=a.b\nrepo1-s3-endpoint=e\nrepo1-s3-region=r\nrepo1-s3-key=k\nrepo1-s3-key-secret=s\n{more}"))
            .check("info")
    };
    assert_eq!(
        fault(check("")).1,
        "'a.b' is not valid for option 'repo1-s3-bucket'\n\
         HINT: RFC-2818 forbids dots in wildcard matches.\n\
         HINT: TLS/SSL verification cannot proceed with this bucket name.\n\
         HINT: remove dots from the bucket name."
    );
    assert_eq!(fault(check("repo1-s3-uri-style=path\n")).0, 0);
    assert_eq!(fault(check("repo1-storage-verify-tls=n\n")).0, 0);
}

#[test]
fn root_is_refused_except_for_restore() {
    let mut host = Host::pgbackrest();
    host.uid = 0;
    let user = |words: &str| -> Result<(), ConfigError> { host.load(words)?.config.check_user() };
    let error = user("info").expect_err("root");
    assert_eq!(error.code, 31);
    assert_eq!(
        error.message,
        "the 'info' command must not be run as the root user"
    );
    assert_eq!(error.hints.len(), 2);
    assert_eq!(user("info --allow-root"), Ok(()));
    assert_eq!(user("restore --stanza=demo --pg1-path=/pg"), Ok(()));
    assert_eq!(user("help info"), Ok(()));
    assert_eq!(user("version"), Ok(()));
}

#[test]
fn another_stanza_is_resolved_from_the_same_sources() {
    let host = Host::pgbackrest().config(
        "[global]\nprocess-max=2\n[a]\npg1-path=/a\npg1-port=5433\n[b:check]\npg1-path=/b\nbogus=1\n",
    );
    let all = host.load("check").expect("valid").config;
    assert_eq!(all.stanzas(), ["a", "b"]);
    assert_eq!(all.stanza(), None);
    let a = all.for_stanza("a").expect("valid");
    assert_eq!(a.config.stanza(), Some("a"));
    assert_eq!(a.config.integer_at(PG_PORT, 1), Some(5433));
    assert_eq!(a.config.exec_id(), all.exec_id());
    let b = all.for_stanza("b").expect("valid");
    assert_eq!(b.config.string(crate::option::PG_PATH), Some("/b"));
    assert_eq!(
        b.warnings,
        ["configuration file contains invalid option 'bogus'"]
    );
    assert!(!b.config.is_set(PG_SOCKET_PATH));
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
fn help_shows_values_even_if_required_ones_are_missing() {
    let config = Host::pgbackrest().load("help backup").expect("help").config;
    assert!(config.is_help());
    assert!(!config.is_set(STANZA));
}

#[test]
fn an_option_of_another_command_is_what_that_command_would_be_told() {
    use crate::define::command::CommandId::ArchivePush;
    use crate::define::option::LOCK_PATH;
    let check = |config: &str| {
        let loaded = Host::ours()
            .config(config)
            .load("check --stanza=demo --pg1-path=/pg")
            .unwrap();
        let config = loaded.config;
        assert!(!config.is_valid(LOCK_PATH));
        config.said_to(ArchivePush, LOCK_PATH).unwrap()
    };
    assert_eq!(check(""), "/tmp/pgbackrest");
    assert_eq!(check("[global]\nlock-path=/a\n"), "/a");
    assert_eq!(
        check(
            "[global]\nlock-path=/a\n[global:archive-push]\nlock-path=/b\n[global:check]\nlock-path=/c\n"
        ),
        "/b"
    );
    assert_eq!(check("[global:backup]\nlock-path=/a\n"), "/tmp/pgbackrest");
}

#[test]
fn a_limit_that_would_stop_everything_is_refused() {
    for (words, named) in [
        (
            "verify --stanza=demo --repo2-rate-limit=0",
            "'0' is out of range for 'repo2-rate-limit'",
        ),
        (
            "backup --stanza=demo --pg1-path=/pg --pg1-rate-limit=1023",
            "'1023' is out of range for 'pg1-rate-limit'",
        ),
    ] {
        let (code, message) = fault(Host::ours().load(words));
        assert_eq!(code, 32, "{words}");
        assert_eq!(
            message,
            format!("{named} option\nHINT: allowed range is 1KiB to 1PiB inclusive")
        );
    }
}

#[test]
fn what_only_we_know_of_a_command_is_no_error_in_a_file_for_pgbackrest() {
    let mut seen = 0;
    for option in crate::define::option::OPTIONS {
        for command in option.commands_ours {
            if option.section == crate::define::option::Section::CommandLine {
                continue;
            }
            seen += 1;
            let text = format!("[global]\n{}=/value\n", option.name);
            let words = format!("{} --stanza=demo", command.name());
            let variable = format!(
                "PGBACKREST_{}",
                option.name.to_uppercase().replace('-', "_")
            );
            for host in [
                Host::pgbackrest().config(&text),
                Host::pgbackrest().variable(&variable, "/value"),
            ] {
                let loaded = host.load(&words).expect("it is not for this command");
                assert_eq!(loaded.warnings, [""; 0]);
                assert!(!loaded.config.is_valid(option));
            }
        }
    }
    assert!(seen > 0, "spool-path is known to verify");
}
