use super::*;

const NOW: &str = "2026-01-02 03:04:05";
const COMMAND: &str = "pgbackrest --stanza=demo archive-get %f \"%p\"";

fn settings(version: PgVersion, target: RecoveryTarget) -> RecoverySettings {
    RecoverySettings {
        version,
        target,
        options: Vec::new(),
        archive_mode_off: false,
        restore_command: COMMAND.to_owned(),
        target_exclusive: false,
        target_action: TargetAction::Pause,
        target_timeline: None,
    }
}

fn lines(settings: &RecoverySettings) -> Vec<String> {
    settings
        .settings()
        .unwrap()
        .into_iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect()
}

fn with_command(more: &[&str]) -> Vec<String> {
    [format!("restore_command={COMMAND}")]
        .into_iter()
        .chain(more.iter().map(|&line| line.to_owned()))
        .collect()
}

#[test]
fn default_recovery_needs_only_the_command() {
    assert_eq!(
        lines(&settings(PgVersion::V17, RecoveryTarget::Default)),
        with_command(&[])
    );
}

#[test]
fn targets_are_written_with_their_kind() {
    let target = || "x".to_owned();
    for (kind, line) in [
        (RecoveryTarget::Name(target()), "recovery_target_name=x"),
        (RecoveryTarget::Xid(target()), "recovery_target_xid=x"),
        (RecoveryTarget::Time(target()), "recovery_target_time=x"),
        (RecoveryTarget::Lsn(target()), "recovery_target_lsn=x"),
    ] {
        let mut settings = settings(PgVersion::V17, kind);
        assert_eq!(lines(&settings), with_command(&[line]));
        settings.target_exclusive = true;
        settings.target_action = TargetAction::Promote;
        settings.target_timeline = Some("3".to_owned());
        assert_eq!(
            lines(&settings),
            with_command(&[
                line,
                "recovery_target_inclusive=false",
                "recovery_target_action=promote",
                "recovery_target_timeline=3"
            ])
        );
    }
}

#[test]
fn immediate_recovery_stays_on_the_current_timeline() {
    let mut immediate = settings(PgVersion::V12, RecoveryTarget::Immediate);
    immediate.target_action = TargetAction::Shutdown;
    assert_eq!(
        lines(&immediate),
        with_command(&[
            "recovery_target=immediate",
            "recovery_target_action=shutdown",
            "recovery_target_timeline=current"
        ])
    );
    let old = settings(PgVersion::V11, RecoveryTarget::Immediate);
    assert_eq!(lines(&old), with_command(&["recovery_target=immediate"]));
}

#[test]
fn current_timeline_is_not_written_before_12() {
    for (version, more) in [
        (PgVersion::V11, &[][..]),
        (PgVersion::V12, &["recovery_target_timeline=current"]),
    ] {
        let mut settings = settings(version, RecoveryTarget::Default);
        settings.target_timeline = Some("current".to_owned());
        assert_eq!(lines(&settings), with_command(more));
    }
}

#[test]
fn options_come_first_sorted_and_keep_their_place_when_replaced() {
    let mut settings = settings(PgVersion::V17, RecoveryTarget::Name("mine".to_owned()));
    settings.archive_mode_off = true;
    settings.options = [
        ("recovery-target-name", "theirs"),
        ("primary-conninfo", "host=db"),
        ("restore_command", "cp %f %p"),
        ("archive-cleanup-command", "true"),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .to_vec();
    assert_eq!(
        lines(&settings),
        [
            "archive_cleanup_command=true",
            "primary_conninfo=host=db",
            "recovery_target_name=mine",
            "restore_command=cp %f %p",
            "archive_mode=off"
        ]
    );
}

#[test]
fn standby_is_a_setting_before_12_and_a_signal_file_after() {
    let old = settings(PgVersion::V11, RecoveryTarget::Standby);
    assert_eq!(lines(&old), with_command(&["standby_mode=on"]));
    assert_eq!(
        (old.signal_file(), old.settings_file()),
        (None, RECOVERY_CONF)
    );
    let new = settings(PgVersion::V12, RecoveryTarget::Standby);
    assert_eq!(lines(&new), with_command(&[]));
    assert_eq!(
        (new.signal_file(), new.settings_file()),
        (Some(STANDBY_SIGNAL), AUTO_CONF)
    );
    assert_eq!(
        settings(PgVersion::V12, RecoveryTarget::Default).signal_file(),
        Some(RECOVERY_SIGNAL)
    );
    assert_eq!(
        settings(PgVersion::V12, RecoveryTarget::None).signal_file(),
        None
    );
    assert_eq!(
        settings(PgVersion::V12, RecoveryTarget::Preserve).signal_file(),
        None
    );
}

#[test]
fn settings_of_the_wrong_version_are_refused() {
    let mut new = settings(PgVersion::V12, RecoveryTarget::Default);
    new.options = vec![("standby-mode".to_owned(), "on".to_owned())];
    let error = new.auto_conf(None, NOW).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert_eq!(
        error.message(),
        "'standby_mode' setting is not valid for PostgreSQL >= 12"
    );
    assert_eq!(
        error.hints(),
        ["use --type=standby instead of --recovery-option=standby_mode=on."]
    );

    let mut old = settings(PgVersion::V11, RecoveryTarget::Default);
    old.archive_mode_off = true;
    let error = old.recovery_conf(NOW).unwrap_err();
    assert_eq!(
        error.message(),
        "option 'archive-mode' is not supported on PostgreSQL < 12"
    );
}

#[test]
fn recovery_conf_is_written_before_12_only() {
    let old = settings(PgVersion::V11, RecoveryTarget::Default);
    let text = format!(
        "# Recovery settings generated by pgBackRest restore on {NOW}\nrestore_command = '{COMMAND}'\n"
    );
    assert_eq!(old.recovery_conf(NOW), Ok(Some(text)));
    assert_eq!(old.auto_conf(Some(b"x"), NOW), Ok(None));
    assert_eq!(
        settings(PgVersion::V11, RecoveryTarget::None).recovery_conf(NOW),
        Ok(None)
    );
    assert_eq!(
        settings(PgVersion::V12, RecoveryTarget::Default).recovery_conf(NOW),
        Ok(None)
    );
}

#[test]
fn auto_conf_keeps_other_lines_and_comments_old_targets_out() {
    let settings = settings(PgVersion::V17, RecoveryTarget::Default);
    let existing = b"\n# Do not edit\nwork_mem = '4MB' # \xFF\n \trecovery_target_time\t= 'x'\nrecovery_target='immediate'\n\
        recovery_target_times = 1\nrecovery_target_name\n# recovery_target = 2\nprimary_conninfo = 'y'\n\n";
    let mut expected = b"# Do not edit\nwork_mem = '4MB' # \xFF\n".to_vec();
    expected.extend(
        format!(
            "# Removed by pgBackRest restore on {NOW} #  \trecovery_target_time\t= 'x'\n\
             # Removed by pgBackRest restore on {NOW} # recovery_target='immediate'\n\
             recovery_target_times = 1\nrecovery_target_name\n# recovery_target = 2\nprimary_conninfo = 'y'\n\n\
             # Recovery settings generated by pgBackRest restore on {NOW}\nrestore_command = '{COMMAND}'\n"
        )
        .into_bytes(),
    );
    assert_eq!(settings.auto_conf(Some(existing), NOW), Ok(Some(expected)));
}

#[test]
fn auto_conf_without_recovery_is_only_cleaned() {
    let none = settings(PgVersion::V17, RecoveryTarget::None);
    let expected = format!(
        "\na = 1\n# Removed by pgBackRest restore on {NOW} # recovery_target_xid = '3'\n\n"
    );
    assert_eq!(
        none.auto_conf(Some(b"\na = 1\nrecovery_target_xid = '3'\n\n"), NOW),
        Ok(Some(expected.into_bytes()))
    );
    assert_eq!(none.auto_conf(None, NOW), Ok(Some(Vec::new())));
    assert_eq!(
        settings(PgVersion::V17, RecoveryTarget::Preserve).auto_conf(Some(b"x"), NOW),
        Ok(None)
    );
}

#[test]
fn missing_and_empty_auto_conf_differ_by_the_blank_line() {
    let settings = settings(PgVersion::V17, RecoveryTarget::Default);
    let text = settings.text(NOW).unwrap();
    assert_eq!(
        settings.auto_conf(None, NOW),
        Ok(Some(text.clone().into_bytes()))
    );
    assert_eq!(
        settings.auto_conf(Some(b""), NOW),
        Ok(Some(format!("\n\n{text}").into_bytes()))
    );
}

/// What a server makes of the text between the quotes (guc-file.l): an escaped character is itself, a doubled quote is one.
fn read_back(text: &str) -> String {
    let mut value = String::new();
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        match char {
            '\'' => assert_eq!(chars.next(), Some('\''), "the string ends early: {text}"),
            '\\' => {
                let escaped = chars.next().expect("a character after the backslash");
                assert!(!"bfnrt01234567".contains(escaped), "{text}");
                value.push(escaped);
                continue;
            }
            '\n' => panic!("a line break ends the line: {text:?}"),
            _ => {}
        }
        value.push(char);
    }
    value
}

#[test]
fn values_of_ours_are_read_back_as_they_are() {
    let odd = "it's \\n 50% \"x\" $HOME `id` ''; \\' &|#\r\t ü€";
    for version in [PgVersion::V9_6, PgVersion::V12, PgVersion::V17] {
        for target in [
            RecoveryTarget::Name(odd.to_owned()),
            RecoveryTarget::Time(odd.to_owned()),
            RecoveryTarget::Xid(odd.to_owned()),
            RecoveryTarget::Lsn(odd.to_owned()),
        ] {
            let mut settings = settings(version, target);
            settings.restore_command = format!("{odd} archive-get %f \"%p\"");
            settings.target_timeline = Some(odd.to_owned());
            let written = settings.settings().unwrap();
            assert_eq!(written.len(), 3);
            assert_eq!(read_back(&written[0].1), settings.restore_command);
            assert_eq!(read_back(&written[1].1), odd);
            assert_eq!(read_back(&written[2].1), odd);
            let lines = settings.text(NOW).unwrap();
            for (key, text) in written {
                assert!(lines.contains(&format!("\n{key} = '{text}'\n")), "{lines}");
            }
        }
    }
}

#[test]
fn values_that_the_user_wrote_for_the_file_stay_as_they_are() {
    let said = "it''s \\\\ 100%% \"x\"";
    let mut settings = settings(PgVersion::V17, RecoveryTarget::Default);
    settings.options = ["primary-conninfo", "restore-command"]
        .map(|key| (key.to_owned(), said.to_owned()))
        .to_vec();
    assert_eq!(
        lines(&settings),
        [
            format!("primary_conninfo={said}"),
            format!("restore_command={said}")
        ]
    );
}

#[test]
fn a_percent_sign_in_a_command_is_doubled() {
    assert_eq!(quote::command_text("/50%/%p/%%"), "/50%%/%%p/%%%%");
}

#[test]
fn a_line_break_is_refused() {
    let with = |change: &dyn Fn(&mut RecoverySettings)| {
        let mut settings = settings(PgVersion::V17, RecoveryTarget::Default);
        change(&mut settings);
        settings.settings()
    };
    let error =
        with(&|settings| settings.target = RecoveryTarget::Name("a\nb".to_owned())).unwrap_err();
    assert_eq!(
        (error.kind(), error.message()),
        (
            ErrorKind::Config,
            "'recovery_target_name' setting cannot have a line break: 'a\\nb'"
        )
    );
    assert!(with(&|settings| settings.restore_command = "a\nb".to_owned()).is_err());
    assert!(with(&|settings| settings.target_timeline = Some("1\n".to_owned())).is_err());
    assert!(
        with(
            &|settings| settings.options = vec![("primary_conninfo".to_owned(), "a\nb".to_owned())]
        )
        .is_ok(),
        "what the user wrote is the user's"
    );
    assert!(
        with(&|settings| {
            settings.options = vec![("restore_command".to_owned(), "cp".to_owned())];
            settings.restore_command = "a\nb".to_owned();
        })
        .is_ok(),
        "it is not used"
    );
}
