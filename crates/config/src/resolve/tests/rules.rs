//! Rules that look at several options, or at who runs the program.

use super::*;

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
    let more = "--repo1-retention-full=3 --repo1-retention-archive=4";
    assert_eq!(run(more), (Some(4), vec![]));
    let ours = |words: &str| {
        let words = format!("backup --stanza=demo --pg1-path=/pg {words}");
        Host::ours().check(&words).expect("only warnings").warnings
    };
    assert!(ours(more)[0].contains("'repo1-retention-full=3' keeps fewer backups"));
    let alone = ours("--repo1-retention-monthly=12");
    assert!(alone[0].starts_with(unlimited), "{alone:?}");
    assert!(alone[0].ends_with(
        "HINT: 'repo1-retention-monthly' removes nothing by itself: it keeps backups that 'repo1-retention-full' would let go."
    ));
    let by_time =
        "--repo1-retention-full=3 --repo1-retention-archive=4 --repo1-retention-full-type=time";
    for fine in [
        by_time,
        "--repo1-retention-full=3 --repo1-retention-archive=3",
    ] {
        assert!(ours(fine).is_empty(), "{fine}");
    }
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
