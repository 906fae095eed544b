//! Which files are read in which case, for both programs.

use crate::define::option::{CONFIG, PROCESS_MAX};
use crate::testing::{Host, fault};

const WORDS: &str = "backup --stanza=demo --pg1-path=/pg";

fn process_max(host: &Host, words: &str) -> Option<i64> {
    let words = format!("{WORDS} {words}");
    let config = host.load(&words).expect("valid files").config;
    config.integer(PROCESS_MAX)
}

fn set(value: u32) -> String {
    format!("[global]\nprocess-max={value}\n")
}

/// Files at every place of pgBackRest, each with its own value.
fn host() -> Host {
    Host::pgbackrest()
        .config(&set(2))
        .file("/etc/pgbackrest/conf.d/x.conf", "[global]\nexclude=a\n")
        .file("/etc/pgbackrest.conf", &set(4))
        .file("/other.conf", &set(5))
        .file("/p/pgbackrest.conf", &set(6))
        .file("/p/conf.d/x.conf", "[global]\nexclude=b\n")
        .file("/inc/b.conf", "[global]\nexclude=d")
        .file("/inc/a.conf", "[global]\nexclude=c")
        .file("/inc/.conf", "[broken")
        .file("/inc/a.config", "[broken")
}

#[test]
fn the_given_words_decide_which_files_are_read() {
    let cases: &[(&str, i64, &str)] = &[
        ("", 2, "a"),
        ("--config=/other.conf", 5, ""),
        ("--config-include-path=/inc", 2, "c,d"),
        ("--config-path=/p", 6, "b"),
        ("--config-path=/empty", 1, ""),
        ("--config=/other.conf --config-path=/p", 5, "b"),
        ("--config=/other.conf --config-include-path=/inc", 5, "c,d"),
        ("--config-include-path=/inc --config-path=/p", 6, "c,d"),
        ("--no-config", 1, ""),
        ("--no-config --config-path=/p", 1, "b"),
        ("--no-config --config-include-path=/inc", 1, "c,d"),
        ("--config=other.conf", 5, ""),
    ];
    for (words, number, excluded) in cases {
        let config = host()
            .load(&format!("{WORDS} {words}"))
            .expect(words)
            .config;
        let exclude = config.list(crate::option::EXCLUDE).unwrap_or_default();
        assert_eq!(
            (config.integer(PROCESS_MAX), exclude.join(",").as_str()),
            (Some(*number), *excluded),
            "{words}"
        );
    }
}

#[test]
fn the_old_place_is_used_when_the_main_file_is_missing() {
    let host = Host::pgbackrest().file("/etc/pgbackrest.conf", &set(4));
    assert_eq!(process_max(&host, ""), Some(4));
    assert_eq!(process_max(&host, "--config-path=/p"), Some(1));
}

#[test]
fn what_was_asked_for_must_be_there() {
    for (words, code, message) in [
        (
            "--config=/nope",
            55,
            "unable to open missing file '/nope' for read",
        ),
        (
            "--config-include-path=/nope",
            73,
            "unable to list file info for missing path '/nope'",
        ),
        (
            "--config=/denied",
            41,
            "unable to open file '/denied' for read: [13] Permission denied",
        ),
    ] {
        assert_eq!(
            fault(host().load(&format!("{WORDS} {words}"))),
            (code, message.to_owned())
        );
    }
}

#[test]
fn each_included_file_must_be_valid_by_itself() {
    let host = host().file("/inc/c.conf", "process-max=9\n");
    assert_eq!(
        fault(host.load(&format!("{WORDS} --config-include-path=/inc"))),
        (
            29,
            "key/value found outside of section at line 1: process-max=9".to_owned()
        )
    );
}

#[test]
fn pgkeep_prefers_its_own_files_and_names_the_ignored_one() {
    let mut host = host();
    host.program = crate::Program::PgKeep;
    let loaded = host.load(WORDS).expect("pgBackRest's files");
    assert_eq!(loaded.config.integer(PROCESS_MAX), Some(2));
    assert_eq!(
        loaded.config.string(CONFIG),
        Some("/etc/pgbackrest/pgbackrest.conf")
    );
    assert!(loaded.warnings.is_empty());

    let host = host.file("/etc/pgkeep/pgkeep.conf", &set(8));
    let loaded = host.load(WORDS).expect("our file");
    assert_eq!(loaded.config.integer(PROCESS_MAX), Some(8));
    assert_eq!(loaded.config.list(crate::option::EXCLUDE), None);
    assert_eq!(
        loaded.warnings,
        [
            "configuration file '/etc/pgkeep/pgkeep.conf' is used, '/etc/pgbackrest/pgbackrest.conf' is ignored"
        ]
    );
}

#[test]
fn pgkeep_reads_its_own_directory_and_name_under_a_config_path() {
    let host = Host::ours()
        .file("/etc/pgkeep/conf.d/x.conf", &set(3))
        .file("/p/pgkeep.conf", &set(4))
        .file("/p/pgbackrest.conf", &set(5))
        .file("/q/pgbackrest.conf", &set(6));
    assert_eq!(process_max(&host, ""), Some(3));
    assert_eq!(process_max(&host, "--config-path=/p"), Some(4));
    assert_eq!(process_max(&host, "--config-path=/q"), Some(6));
}

#[test]
fn pgbackrest_never_reads_our_files() {
    let host = Host::pgbackrest()
        .file("/etc/pgkeep/pgkeep.conf", &set(3))
        .file("/p/pgkeep.conf", &set(4));
    assert_eq!(process_max(&host, ""), Some(1));
    assert_eq!(process_max(&host, "--config-path=/p"), Some(1));
}
