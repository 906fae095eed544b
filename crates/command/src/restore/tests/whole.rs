//! Whole restores of made-up clusters: every format, delta, remaps.

use super::*;

const FORMATS: &[&[&str]] = &[
    &["--compress-type=none"],
    &["--compress-type=gz"],
    &["--compress-type=bz2", "--repo1-bundle"],
    &[
        "--compress-type=zst",
        "--repo1-bundle",
        "--repo1-block",
        "--repo1-block-age-map=1=1",
    ],
    &["--compress-type=none", "--repo1-bundle", "--repo1-block"],
    &[
        "--compress-type=lz4",
        "--repo1-bundle",
        "--repo1-block",
        "--repo1-cipher-type=aes-256-cbc",
    ],
    &[
        "--compress-type=gz",
        "--repo1-bundle",
        "--repo1-block",
        "--repo1-bundle-limit=8KiB",
        "--repo1-cipher-type=aes-256-cbc",
    ],
    &["--compress-type=none", "--repo1-cipher-type=aes-256-cbc"],
];

/// Changes one page of a relation.
pub(super) fn change(fixture: &Fixture, page: usize) {
    let mut content = fixture.read("source/base/1/2619");
    content[page * 8192 + 100] ^= 1;
    fixture.write("source/base/1/2619", &content);
    // A change within one second of the last would be missed: that is what a real backup waits for.
    let file = std::fs::OpenOptions::new()
        .write(true)
        .open(fixture.path("source/base/1/2619"))
        .unwrap();
    file.set_modified(
        std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_799_000_000 + page as u64),
    )
    .unwrap();
}

#[test]
fn a_chain_of_every_format_comes_back_as_it_was() {
    for format in FORMATS {
        let fixture = Fixture::new(format);
        fixture.backup("full");
        for page in [3, 30] {
            change(&fixture, page);
            fixture.clock.sleep(std::time::Duration::from_secs(5));
            fixture.backup("incr");
        }
        for workers in ["1", "3"] {
            let target = format!("target{workers}");
            fixture
                .restore(&target, &[&format!("--process-max={workers}")])
                .unwrap();
            fixture.assert_same(&target);
        }
    }
}

#[test]
fn delta_mends_what_differs_and_removes_what_is_not_of_the_backup() {
    for format in FORMATS {
        let fixture = Fixture::new(format);
        fixture.backup("full");
        fixture.restore("target", &[]).unwrap();
        let mut content = fixture.read("target/base/1/2619");
        content[20 * 8192] ^= 1;
        content.extend_from_slice(b"longer");
        fixture.write("target/base/1/2619", &content);
        fixture.write("target/base/1/1259", &content[..8192]);
        fixture.write("target/base/1/2620", b"not empty");
        fixture.write("target/base/1/extra", b"extra");
        std::fs::remove_file(fixture.path("target/base/20000/1259")).unwrap();
        std::fs::create_dir_all(fixture.path("target/pg_extra/deep")).unwrap();
        std::os::unix::fs::symlink("/", fixture.path("target/link")).unwrap();
        fixture.restore("target", &["--delta"]).unwrap();
        fixture.assert_same("target");
        assert!(!fixture.exists("target/pg_extra") && !fixture.exists("target/link"));
    }
}

#[test]
fn force_with_delta_trusts_size_and_time_and_without_overwrites() {
    let fixture = Fixture::new(&["--compress-type=none"]);
    fixture.backup("full");
    fixture.restore("target", &[]).unwrap();
    let time = std::fs::metadata(fixture.path("target/base/1/1259"))
        .unwrap()
        .modified()
        .unwrap();
    let mut content = fixture.read("target/base/1/1259");
    content[0] ^= 1;
    fixture.write("target/base/1/1259", &content);
    let file = std::fs::OpenOptions::new()
        .write(true)
        .open(fixture.path("target/base/1/1259"))
        .unwrap();
    file.set_modified(time).unwrap();
    fixture.restore("target", &["--delta", "--force"]).unwrap();
    assert_eq!(
        fixture.read("target/base/1/1259"),
        content,
        "same size and time is the same file"
    );
    fixture.restore("target", &["--force"]).unwrap();
    fixture.assert_same("target");
}

#[test]
fn a_link_map_moves_a_path_and_a_file_out_of_the_data_directory() {
    let fixture = Fixture::new(&["--compress-type=none"]);
    fixture.backup("full");
    let outside = |name: &str| fixture.path(name).display().to_string();
    let maps = [
        format!("--link-map=base={}", outside("out/base")),
        format!("--link-map=PG_VERSION={}", outside("out/v")),
    ];
    let error = fixture
        .restore("target", &[&maps[0], "--link-map=nothing=/x"])
        .unwrap_err();
    assert_eq!(
        (error.code, error.message.as_str()),
        (ErrorCode::LinkMap, "unable to map link 'nothing'")
    );
    fixture.restore("target", &[&maps[0], &maps[1]]).unwrap();
    assert_eq!(
        std::fs::read_link(fixture.path("target/base")).unwrap(),
        fixture.path("out/base")
    );
    assert_eq!(
        std::fs::read_link(fixture.path("target/PG_VERSION")).unwrap(),
        fixture.path("out/v")
    );
    assert_eq!(
        fixture.read("out/base/1/1259"),
        fixture.read("source/base/1/1259")
    );
    // A delta without the mapping puts everything back in its place.
    fixture.restore("target", &["--delta"]).unwrap();
    fixture.assert_same("target");
}

#[test]
fn databases_that_are_left_out_have_their_size_but_no_content() {
    let fixture = Fixture::new(&["--compress-type=gz", "--repo1-bundle"]);
    fixture.backup("full");
    fixture.restore("target", &["--db-exclude=20000"]).unwrap();
    let size = fixture.read("source/base/20000/1259").len();
    assert_eq!(fixture.read("target/base/20000/1259"), vec![0; size]);
    assert_eq!(
        std::fs::metadata(fixture.path("target/base/20000/1259"))
            .unwrap()
            .blocks(),
        0
    );
    assert_eq!(fixture.read("target/base/20000/PG_VERSION"), b"17\n");
    assert_eq!(
        fixture.read("target/base/1/1259"),
        fixture.read("source/base/1/1259")
    );
    for (option, code) in [
        ("--db-include=nope", ErrorCode::DbMissing),
        ("--db-include=1", ErrorCode::DbInvalid),
    ] {
        let error = fixture.restore("other", &[option]).unwrap_err();
        assert_eq!(error.code, code);
        let way_on = match code {
            ErrorCode::DbMissing => "the backup has the databases 20000.",
            _ => "take --db-include=1 out.",
        };
        assert_eq!(error.hints, [way_on]);
        assert!(!fixture.exists("other"));
    }
}

#[test]
fn recovery_settings_are_written_when_a_type_is_given() {
    let fixture = Fixture::new(&["--compress-type=none"]);
    fixture.backup("full");
    fixture
        .restore("target", &["--type=immediate", "--target-action=promote"])
        .unwrap();
    let conf = String::from_utf8(fixture.read("target/postgresql.auto.conf")).unwrap();
    assert!(conf.starts_with("work_mem = '4MB'\n\n# Recovery settings generated by pgBackRest restore on 2027-01-15 08:00:0"), "{conf}");
    assert!(
        conf.contains("\nrestore_command = '/usr/bin/pgkeep --lock-path="),
        "{conf}"
    );
    assert!(conf.contains(" archive-get %f \"%p\"'\nrecovery_target = 'immediate'\nrecovery_target_action = 'promote'\n"), "{conf}");
    assert!(fixture.exists("target/recovery.signal"));
    // Without a type an offline backup is only started.
    fixture.restore("target", &["--delta"]).unwrap();
    fixture.assert_same("target");
}

#[test]
fn a_set_of_an_old_version_gets_the_recovery_file_of_that_version() {
    let fixture = Fixture::new(&["--compress-type=none"]);
    fixture.backup("full");
    let storage = this_host::directory(&fixture.path("repo"));
    let stanza = pgkeep_repo::Stanza::new("demo").unwrap();
    let info = pgkeep_repo::BackupInfo::load(&*storage, &stanza, None).unwrap();
    let label = &info.entries()[0].label;
    let mut manifest = Manifest::load(&*storage, &stanza, label, None).unwrap();
    for version in ["9.3", "9.6", "11"] {
        manifest.pg.version = version.to_owned();
        manifest.save(&*storage, &stanza, label, None).unwrap();
        let target = format!("target{version}");
        let error = fixture
            .restore(&target, &["--type=default", "--archive-mode=off"])
            .unwrap_err();
        assert_eq!(
            error.message,
            "option 'archive-mode' is not supported on PostgreSQL < 12"
        );
        fixture.restore(&target, &["--type=standby"]).unwrap();
        let conf = String::from_utf8(fixture.read(&format!("{target}/recovery.conf"))).unwrap();
        assert!(
            conf.starts_with("# Recovery settings generated by pgBackRest restore on "),
            "{conf}"
        );
        assert!(
            conf.ends_with(" archive-get %f \"%p\"'\nstandby_mode = 'on'\n"),
            "{conf}"
        );
        assert!(!fixture.exists(&format!("{target}/standby.signal")));
        assert_eq!(
            fixture.read(&format!("{target}/postgresql.auto.conf")),
            b"work_mem = '4MB'\n"
        );
    }
}
