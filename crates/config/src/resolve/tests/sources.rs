//! Which option counts: files, sections, indexes and commands.

use super::*;

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
fn another_command_is_told_what_it_knows_of_the_same_words() {
    use crate::define::command::CommandId::{Doctor, Expire, Metrics};
    use crate::define::option::{REPO_RETENTION_FULL, REPORT_FILE};
    let host = Host::ours()
        .config("[global]\nrepo1-path=/r\nrepo1-retention-full=3\n[a]\nrepo1-path=/a\n");
    let report = host
        .load("report --report-file=/x.html --repo=1")
        .expect("valid")
        .config;
    assert_eq!(report.integer_at(REPO_RETENTION_FULL, 1), None);
    let expire = report.as_command(Expire, Some("a")).expect("valid").config;
    assert_eq!((expire.command(), expire.stanza()), (Expire, Some("a")));
    assert_eq!(expire.integer_at(REPO_RETENTION_FULL, 1), Some(3));
    assert_eq!(expire.string(REPO_PATH), Some("/a"));
    assert!(!expire.is_valid(REPORT_FILE));
    let metrics = report.as_command(Metrics, None).expect("valid").config;
    assert_eq!(metrics.stanza(), None);
    assert_eq!(metrics.string(REPO_PATH), Some("/r"));
    // What the other command needs and is not there is an error.
    assert!(report.as_command(Expire, None).is_err());
    // It stays that command when it goes on to a stanza.
    let doctor = report.as_command(Doctor, None).expect("valid").config;
    let doctor = doctor.for_stanza("a").expect("valid").config;
    assert_eq!((doctor.command(), doctor.stanza()), (Doctor, Some("a")));
    assert_eq!(doctor.integer_at(REPO_RETENTION_FULL, 1), Some(3));
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

#[test]
fn a_file_of_ours_has_a_name() {
    let host = Host::ours();
    let error = host.load("report --report-file=/srv/www/").unwrap_err();
    assert_eq!(error.code, 32);
    assert_eq!(
        error.message,
        "'/srv/www/' must end in the name of a file for 'report-file' option"
    );
    assert!(host.load("report --report-file=/srv/www").is_ok());
    // As with pgBackRest.
    assert!(host.load("info --repo1-path=/srv/www/").is_ok());
}
