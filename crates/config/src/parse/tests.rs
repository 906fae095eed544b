//! Words, environment and files: what is understood, and the messages when it is not.

use std::time::Duration;

use crate::Phase;
use crate::define::command::{CommandId, Role};
use crate::define::option::{
    ANNOTATION, BACKUP_STANDBY, COMPRESS_TYPE, DELTA, EXCLUDE, Group, OPTIONS, PG_HOST_USER,
    PG_PATH, PROCESS_MAX, REPO_PATH, REPO_RETENTION_FULL, REPO_SFTP_PERSIST,
    REPO_STORAGE_VERIFY_TLS,
};
use crate::testing::{Host, fault};
use crate::value::Source;

const STANZA: &str = "[demo]\npg1-path=/pg\n";

#[test]
fn words_that_are_not_understood_have_the_messages_of_pgbackrest() {
    let cases: &[(&str, u8, &str)] = &[
        ("--bogus=1 backup", 31, "invalid option '--bogus=1'"),
        ("backup -x", 31, "option '-x' must begin with --"),
        ("backup --", 31, "invalid option '--'"),
        ("--stanza=x", 30, "no command found"),
        ("foo", 48, "invalid command 'foo'"),
        ("backup:x", 48, "invalid command role 'x'"),
        (
            "start:local",
            48,
            "invalid command/role combination 'start:local'",
        ),
        (
            "help backup:local",
            48,
            "help is not available for the 'local' role",
        ),
        ("start x", 96, "command does not allow parameters"),
        (
            "--type=full --type=diff backup",
            31,
            "option 'type' cannot be set multiple times",
        ),
        (
            "--delta --no-delta backup",
            31,
            "option 'delta' cannot be set and negated",
        ),
        (
            "--delta=n --no-delta backup",
            31,
            "option 'delta' is negated multiple times",
        ),
        (
            "--reset-delta --no-delta backup",
            31,
            "option 'delta' cannot be negated and reset",
        ),
        (
            "--delta --reset-delta backup",
            31,
            "option 'delta' cannot be set and reset",
        ),
        (
            "--reset-delta --reset-delta backup",
            31,
            "option 'delta' is reset multiple times",
        ),
        (
            "--no-stanza backup",
            31,
            "option 'no-stanza' cannot be negated",
        ),
        (
            "--reset-stanza backup",
            31,
            "option 'reset-stanza' cannot be reset",
        ),
        (
            "--reset-delta=y backup",
            31,
            "option 'reset-delta' does not allow an argument",
        ),
        (
            "--delta=maybe backup",
            32,
            "boolean option '--delta' argument must be 'y' or 'n'",
        ),
        (
            "--repo-cipher-pass=x backup",
            31,
            "option 'repo1-cipher-pass' is not allowed on the command-line\n\
             HINT: this option could expose secrets in the process list.\n\
             HINT: specify the option in a configuration file or an environment variable instead.",
        ),
        (
            "--repo257-path=/x backup",
            31,
            "option 'repo257-path' key must be between 1 and 256",
        ),
        (
            "--repo0-path=/x backup",
            31,
            "option 'repo0-path' key must be between 1 and 256",
        ),
        (
            "--repo-host-type=ssh backup",
            31,
            "option 'repo-host-type' requires an index\nHINT: add the required index, e.g. repo1-host-type.",
        ),
        (
            "--repo-azure-host=x backup",
            31,
            "deprecated option 'repo-azure-host' requires an index\n\
             HINT: add the required index, e.g. repo1-azure-host.\n\
             HINT: consider using the non-deprecated name, e.g. repo1-storage-host.",
        ),
        (
            "--backup1-host=x backup",
            31,
            "deprecated option 'backup1-host' cannot have an index",
        ),
        (
            "--process1-max=2 backup",
            31,
            "option 'process1-max' cannot have an index",
        ),
        ("--process1=2 backup", 31, "invalid option '--process1=2'"),
        (
            "---path=x backup",
            31,
            "option '-path' cannot begin with a dash",
        ),
        (
            "--1-path=x backup",
            31,
            "option '1-path' cannot begin with a number",
        ),
        (
            "backup --stanza",
            31,
            "option '--stanza' requires an argument",
        ),
        (
            "start --repo3-path=/x",
            31,
            "option 'repo-path' not valid for command 'start'",
        ),
        (
            "backup --help",
            31,
            "option 'help' not valid for command 'backup'",
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
fn a_name_of_more_than_64_characters_is_refused() {
    let name = "x".repeat(65);
    assert_eq!(
        fault(Host::pgbackrest().load(&format!("--{name} backup"))).1,
        format!("option '{name}' exceeds maximum size of 64")
    );
    assert_eq!(
        fault(Host::pgbackrest().load(&format!("--{} backup", &name[1..]))).1,
        format!("invalid option '--{}'", &name[1..])
    );
}

#[test]
fn errors_tell_the_phase_they_belong_to() {
    let host = Host::pgbackrest();
    let phase = |words| host.load(words).expect_err("an error").phase;
    assert_eq!(phase("foo"), Phase::CommandLine);
    assert_eq!(phase("backup"), Phase::Values);
    // Roles other than main have no log yet.
    assert_eq!(phase("backup:remote"), Phase::CommandLine);
}

#[test]
fn commands_may_be_shortened_and_the_first_in_the_alphabet_wins() {
    for (words, command) in [
        ("b --stanza=x --pg1-path=/x", CommandId::Backup),
        ("arch --stanza=x --pg1-path=/x", CommandId::ArchiveGet),
        ("h", CommandId::Help),
        ("ver --stanza=x", CommandId::Verify),
        ("vers", CommandId::Version),
    ] {
        let config = Host::pgbackrest().load(words).expect(words).config;
        assert_eq!(config.command(), command, "{words}");
    }
}

#[test]
fn options_may_be_shortened_on_the_command_line_only() {
    let config = Host::pgbackrest()
        .load("backup --stan=demo --pg1-pat=/pg --repo3-pat /r")
        .expect("valid words")
        .config;
    assert_eq!(config.stanza(), Some("demo"));
    assert_eq!(config.string_at(REPO_PATH, 3), Some("/r"));
    let loaded = Host::pgbackrest()
        .config(&format!("[global]\nprocess-ma=3\n{STANZA}"))
        .load("backup --stanza=demo")
        .expect("valid words");
    assert_eq!(
        loaded.warnings,
        ["configuration file contains invalid option 'process-ma'"]
    );
}

#[test]
fn the_next_word_is_the_value_whatever_it_is() {
    let config = Host::pgbackrest()
        .load_words(["backup", "--stanza", "--delta", "--pg1-path", "/pg"])
        .expect("valid words")
        .config;
    assert_eq!(config.stanza(), Some("--delta"));
}

#[test]
fn words_after_the_command_are_parameters() {
    let config = Host::pgbackrest()
        .load_words(["archive-get", "--stanza=demo", "a", "--pg1-path=/pg", "b c"])
        .expect("valid words")
        .config;
    assert_eq!(config.parameters(), ["a", "b c"]);
    assert_eq!(config.begin_line_parameters(), "[a, \"b c\"]");
    let local = Host::pgbackrest()
        .load("archive-get:local --stanza=demo --pg1-path=/pg")
        .expect("valid words")
        .config;
    assert_eq!(local.role(), Role::Local);
    assert_eq!(local.command_role_name(), "archive-get:local");
}

#[test]
fn a_choice_may_be_said_like_a_boolean() {
    for (word, value) in [
        ("--backup-standby", "y"),
        ("--no-backup-standby", "n"),
        ("--backup-standby=prefer", "prefer"),
    ] {
        let config = Host::pgbackrest()
            .load(&format!("backup --stanza=x --pg1-path=/x {word}"))
            .expect(word)
            .config;
        assert_eq!(config.string(BACKUP_STANDBY), Some(value), "{word}");
    }
}

#[test]
fn older_spellings_work_without_a_warning() {
    let loaded = Host::pgbackrest()
        .config("[global]\nretention-full=7\nrepo2-s3-verify-ssl=n\nrepo2-type=s3\nrepo2-s3-bucket=b\nrepo2-s3-endpoint=e\nrepo2-s3-region=r\nrepo2-s3-key=k\nrepo2-s3-key-secret=s\n[demo]\ndb-path=/a\ndb2-path=/b\ndb2-host=h\ndb2-user=u\n")
        .load("backup --stanza=demo --repo-path=/r")
        .expect("valid configuration");
    let config = loaded.config;
    assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
    assert_eq!(config.integer_at(REPO_RETENTION_FULL, 1), Some(7));
    assert_eq!(config.string_at(REPO_PATH, 1), Some("/r"));
    assert!(!config.boolean_at(REPO_STORAGE_VERIFY_TLS, 2));
    assert_eq!(config.string_at(PG_PATH, 1), Some("/a"));
    assert_eq!(config.string_at(PG_PATH, 2), Some("/b"));
    assert_eq!(config.string_at(PG_HOST_USER, 2), Some("u"));
    assert_eq!(config.keys(Group::Pg), [1, 2]);
}

#[test]
fn the_old_name_of_a_connection_that_persists_works_everywhere_for_pgkeep_alone() {
    const SFTP: &str = "[global]\nrepo1-type=sftp\nrepo1-sftp-host=h\nrepo1-sftp-host-user=u\n\
                        [demo]\npg1-path=/pg\n";
    let push = "archive-push --stanza=demo pg_wal/000000010000000000000001";
    let time = |host: Host, words: &str| {
        let loaded = host.load(words).expect("valid configuration");
        assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
        loaded.config.time_at(REPO_SFTP_PERSIST, 1)
    };
    let file = SFTP.replace("[demo]", "repo1-sftp-hold=1m\n[demo]");
    let seconds = |number| Some(Duration::from_secs(number));
    assert_eq!(time(Host::ours().config(SFTP), push), seconds(10));
    assert_eq!(time(Host::ours().config(&file), push), seconds(60));
    let variable = Host::ours()
        .config(SFTP)
        .variable("PGKEEP_REPO1_SFTP_HOLD", "2m");
    assert_eq!(time(variable, push), seconds(120));
    let words = format!("--repo1-sftp-hold=3s {push}");
    assert_eq!(time(Host::ours().config(SFTP), &words), seconds(3));
    assert_eq!(
        fault(Host::pgbackrest().config(SFTP).load(&words)),
        (31, "invalid option '--repo1-sftp-hold=3s'".to_owned())
    );
}

#[test]
fn what_only_pgkeep_knows_does_not_exist_for_pgbackrest() {
    assert_eq!(
        fault(Host::pgbackrest().load("demo")),
        (48, "invalid command 'demo'".to_owned())
    );
    assert_eq!(
        fault(Host::pgbackrest().load("--demo-keep backup")),
        (31, "invalid option '--demo-keep'".to_owned())
    );
    let ours = Host::ours().load("demo --demo-keep").expect("our command");
    assert_eq!(ours.config.command(), CommandId::Demo);
}

#[test]
fn mistakes_in_files_are_warnings_with_the_texts_of_pgbackrest() {
    let loaded = Host::pgbackrest()
        .config(
            "[global]\nbogus=1\nno-delta=y\nreset-delta=y\nonline=n\npg1-path=/x\n\
             [global:backup]\ntls-server-port=1\n[demo:backup]\nlink-all=y\n\
             [demo:restore]\nbogus=1\n[other]\nbogus=1\n[demo]\npg1-path=/pg\n",
        )
        .load("backup --stanza=demo")
        .expect("only warnings");
    assert_eq!(
        loaded.warnings,
        [
            "configuration file contains option 'link-all' invalid for section 'demo:backup'",
            "configuration file contains option 'tls-server-port' invalid for section 'global:backup'",
            "configuration file contains invalid option 'bogus'",
            "configuration file contains negate option 'no-delta'",
            "configuration file contains reset option 'reset-delta'",
            "configuration file contains command-line only option 'online'",
            "configuration file contains stanza-only option 'pg1-path' in global section 'global'",
        ]
    );
}

#[test]
fn faults_in_files_are_errors_with_the_texts_of_pgbackrest() {
    for (text, code, message) in [
        (
            "[global]\nrepo1-path=/x\nrepo1-path=/y\n",
            31,
            "option 'repo1-path' cannot be set multiple times",
        ),
        (
            "[global]\nrepo-path=/x\nrepo1-path=/y\n",
            31,
            "configuration file contains duplicate options ('repo1-path', 'repo-path') in section '[global]'",
        ),
        (
            "[global]\nrepo1-path=\n",
            32,
            "section 'global', key 'repo1-path' must have a value",
        ),
        (
            "[global]\ndelta=maybe\n",
            32,
            "boolean option 'delta' must be 'y' or 'n'",
        ),
        (
            "x=1\n",
            29,
            "key/value found outside of section at line 1: x=1",
        ),
    ] {
        assert_eq!(
            fault(Host::pgbackrest().config(text).load("backup --stanza=demo")),
            (code, message.to_owned()),
            "{text}"
        );
    }
}

#[test]
fn the_strongest_source_wins_and_is_remembered() {
    let host = |environment: bool| {
        let host = Host::pgbackrest().config(
            "[global]\nprocess-max=6\n[global:backup]\nprocess-max=5\n[demo]\npg1-path=/pg\nprocess-max=4\n[demo:backup]\nprocess-max=3\n",
        );
        if environment {
            host.variable("PGBACKREST_PROCESS_MAX", "2")
        } else {
            host
        }
    };
    let read = |host: &Host, words: &str| {
        let config = host.load(words).expect(words).config;
        (config.integer(PROCESS_MAX), config.source(PROCESS_MAX, 0))
    };
    assert_eq!(
        read(&host(true), "backup --stanza=demo --process-max=1"),
        (Some(1), Source::CommandLine)
    );
    assert_eq!(
        read(&host(true), "backup --stanza=demo"),
        (
            Some(2),
            Source::Environment {
                variable: "PGBACKREST_PROCESS_MAX".to_owned()
            }
        )
    );
    assert_eq!(
        read(&host(false), "backup --stanza=demo"),
        (
            Some(3),
            Source::File {
                path: "/etc/pgbackrest/pgbackrest.conf".into(),
                section: "demo:backup".to_owned(),
                line: 9
            }
        )
    );
    assert_eq!(
        read(&host(false), "restore --stanza=demo"),
        (
            Some(4),
            Source::File {
                path: "/etc/pgbackrest/pgbackrest.conf".into(),
                section: "demo".to_owned(),
                line: 7
            }
        )
    );
    assert_eq!(
        read(&host(false), "backup --stanza=other --pg1-path=/x").0,
        Some(5)
    );
    assert_eq!(read(&host(false), "verify --stanza=other").0, Some(6));
    assert_eq!(
        read(&host(false), "backup --stanza=demo --reset-process-max"),
        (Some(1), Source::Default)
    );
}

#[test]
fn variables_of_the_tests_are_no_options() {
    let loaded = Host::ours()
        .variable("PGKEEP_TEST_SEED", "7")
        .variable("PGKEEP_BOGUS", "1")
        .variable("PGKEEP_STANZA", "demo")
        .variable("PGKEEP_PG1_PATH", "/pg")
        .load("backup")
        .expect("only warnings");
    assert_eq!(
        loaded.warnings,
        [
            "environment contains invalid option 'bogus'\nHINT: it comes from the variable PGKEEP_BOGUS."
        ]
    );
    assert!(
        OPTIONS
            .iter()
            .all(|option| !option.name.starts_with("test-"))
    );
}

#[test]
fn environment_variables_are_read_like_pgbackrest_reads_them() {
    let loaded = Host::pgbackrest()
        .variable("PGBACKREST_BOGUS", "1")
        .variable("PGBACKREST_NO_DELTA", "1")
        .variable("PGBACKREST_RESET_DELTA", "1")
        .variable("PGBACKREST_STANZA", "demo")
        .variable("PGBACKREST_PG1_PATH", "/pg")
        .variable("PGBACKREST_ANNOTATION", "a=b:c=d")
        .variable("PGBACKREST_EXCLUDE", "x::y")
        .variable("PGBACKREST_DELTA", "n")
        .variable("PGBACKREST_LINK_ALL", "")
        .variable("PGKEEP_PROCESS_MAX", "7")
        .load("backup")
        .expect("only warnings");
    assert_eq!(
        loaded.warnings,
        [
            "environment contains invalid option 'bogus'",
            "environment contains invalid negate option 'no-delta'",
            "environment contains invalid reset option 'reset-delta'",
        ]
    );
    let config = loaded.config;
    assert_eq!(config.stanza(), Some("demo"));
    let pairs = [("a", "b"), ("c", "d")].map(|(k, v)| (k.to_owned(), v.to_owned()));
    assert_eq!(config.map(ANNOTATION), Some(&pairs[..]));
    let list = ["x", "", "y"].map(str::to_owned);
    assert_eq!(config.list(EXCLUDE), Some(&list[..]));
    assert_eq!(config.boolean_or_unset(DELTA), Some(false));
    assert_eq!(config.integer(PROCESS_MAX), Some(1));

    for (name, value, message) in [
        (
            "PGBACKREST_DELTA",
            "",
            "environment variable 'delta' must have a value",
        ),
        (
            "PGBACKREST_DELTA",
            "x",
            "environment boolean option 'delta' must be 'y' or 'n'",
        ),
    ] {
        let result = Host::pgbackrest().variable(name, value).load("backup");
        assert_eq!(fault(result), (32, message.to_owned()));
    }
}

#[test]
fn our_variables_win_over_pgbackrests_and_both_are_read() {
    let config = Host::ours()
        .variable("PGBACKREST_PROCESS_MAX", "2")
        .variable("PGKEEP_PROCESS_MAX", "3")
        .variable("PGBACKREST_COMPRESS_TYPE", "zst")
        .load("backup --stanza=x --pg1-path=/x")
        .expect("valid environment")
        .config;
    assert_eq!(config.integer(PROCESS_MAX), Some(3));
    assert_eq!(config.string(COMPRESS_TYPE), Some("zst"));
}

#[test]
fn help_and_version_look_at_neither_environment_nor_files() {
    let host = Host::pgbackrest()
        .variable("PGBACKREST_BOGUS", "1")
        .config("[broken");
    for words in ["", "help", "version", "--version", "--help"] {
        assert!(
            host.load(words).expect(words).warnings.is_empty(),
            "{words}"
        );
    }
    assert_eq!(fault(host.load("help backup")).0, 29);
}
