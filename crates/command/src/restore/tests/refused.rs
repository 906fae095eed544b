//! Restores that must not happen: targets, sets and manifests that are refused.

use pgkeep_repo::manifest::{FileData, Link, Target, TargetKind};
use pgkeep_repo::{BackupInfo, BackupLabel, Stanza};
use pgkeep_storage::{ListOptions, Storage};

use super::*;

/// The names in a directory, to see that nothing was touched.
fn names(fixture: &Fixture, path: &str) -> Vec<String> {
    let tree = this_host::directory(&fixture.path(path));
    let mut names = Vec::new();
    let options = ListOptions {
        sort: true,
        ..ListOptions::default()
    };
    tree.list_tree(&StoragePath::root(), &options, &mut |info| {
        names.push(format!("{} {} {}", info.name, info.size, info.modified));
        Ok(())
    })
    .unwrap();
    names
}

#[test]
fn restore_refuses_nonempty_data_dir_without_delta() {
    let fixture = Fixture::new(&["--compress-type=none"]);
    fixture.backup("full");
    std::fs::create_dir_all(fixture.path("target")).unwrap();
    fixture.write("target/mine", b"precious");
    // Nothing says that it is a cluster, so delta is switched off.
    for options in [&[][..], &["--delta"], &["--force"]] {
        let error = fixture.restore("target", options).unwrap_err();
        let path = fixture.path("target");
        let message = format!(
            "unable to restore to path '{}' because it contains files",
            path.display()
        );
        assert_eq!(
            (error.code, error.message),
            (ErrorCode::PathNotEmpty, message)
        );
        assert_eq!(
            error.hints,
            ["try using --delta if this is what you intended."]
        );
        assert_eq!(fixture.read("target/mine"), b"precious");
    }
}

#[test]
fn restore_refuses_a_running_cluster() {
    let fixture = Fixture::new(&["--compress-type=none"]);
    fixture.backup("full");
    fixture.restore("target", &[]).unwrap();
    fixture.write("target/postmaster.pid", b"1\n");
    let before = names(&fixture, "target");
    let error = fixture.restore("target", &["--delta"]).unwrap_err();
    assert_eq!((error.code, error.hints.len()), (ErrorCode::PgRunning, 2));
    assert_eq!(names(&fixture, "target"), before);
}

#[test]
fn an_unknown_set_is_refused_before_anything_is_touched() {
    let fixture = Fixture::new(&["--compress-type=none"]);
    fixture.backup("full");
    let none = "20200101-000000F";
    for (options, message) in [
        (
            vec!["--set=20200101-000000F"],
            format!("backup set {none} is not valid"),
        ),
        (
            vec!["--type=time", "--target=2020-01-01 00:00:00"],
            "unable to find backup set with stop time less than '2020-01-01 00:00:00'".to_owned(),
        ),
    ] {
        let error = fixture.restore("target", &options).unwrap_err();
        assert_eq!(
            (error.code, error.message),
            (ErrorCode::BackupSetInvalid, message)
        );
        assert_eq!(error.hints.len(), 1, "{:?}", error.hints);
        assert!(!fixture.exists("target"));
    }
    let error = fixture
        .restore("target", &["--type=time", "--target=tomorrow"])
        .unwrap_err();
    assert_eq!(error.code, ErrorCode::Format);
    // Without LSN an offline backup cannot be chosen by it.
    let error = fixture
        .restore("target", &["--type=lsn", "--target=F/0"])
        .unwrap_err();
    assert_eq!(error.code, ErrorCode::BackupSetInvalid);
}

#[test]
fn settings_that_the_version_does_not_know_are_refused_at_once() {
    let fixture = Fixture::new(&["--compress-type=none"]);
    fixture.backup("full");
    let error = fixture
        .restore(
            "target",
            &["--type=default", "--recovery-option=standby-mode=on"],
        )
        .unwrap_err();
    assert!(
        error
            .message
            .starts_with("'standby_mode' setting is not valid"),
        "{error}"
    );
    assert!(!fixture.exists("target"));
}

/// The only backup of a fixture with its manifest.
fn only_backup(fixture: &Fixture) -> (BackupLabel, Manifest) {
    let storage = this_host::directory(&fixture.path("repo"));
    let stanza = Stanza::new("demo").unwrap();
    let label = BackupInfo::load(&*storage, &stanza, None)
        .unwrap()
        .entries()[0]
        .label
        .clone();
    let manifest = Manifest::load(&*storage, &stanza, &label, None).unwrap();
    (label, manifest)
}

#[test]
fn a_manifest_that_leads_out_of_its_targets_is_refused() {
    let fixture = Fixture::new(&["--compress-type=none"]);
    fixture.backup("full");
    let (label, good) = only_backup(&fixture);
    validate::manifest(&good, &label).unwrap();
    let data = good.file(b"pg_data/PG_VERSION").unwrap().data;
    let path = good.path(b"pg_data").unwrap().clone();
    type Spoil<'a> = Box<dyn Fn(&mut Manifest) + 'a>;
    let file = |name: &'static [u8]| -> Spoil<'_> {
        let data: FileData = data.clone();
        Box::new(move |manifest| manifest.add_file(name, &data))
    };
    let base = path.clone();
    let with_path = move |name: &'static [u8]| -> Spoil<'static> {
        let path = pgkeep_repo::manifest::Path {
            name: name.to_vec(),
            ..base.clone()
        };
        Box::new(move |manifest| manifest.add_path(path.clone()))
    };
    let link = |name: &'static [u8], destination: &'static [u8]| -> Spoil<'static> {
        let (user, group) = (path.user, path.group);
        Box::new(move |manifest| {
            manifest.add_link(Link {
                name: name.to_vec(),
                destination: destination.to_vec(),
                user,
                group,
            });
        })
    };
    let target = |name: &'static [u8], kind: TargetKind| -> Spoil<'static> {
        Box::new(move |manifest| {
            manifest.add_target(Target {
                name: name.to_vec(),
                path: b"/etc".to_vec(),
                kind: kind.clone(),
            });
        })
    };
    let spoils: Vec<Vec<Spoil<'_>>> = vec![
        vec![file(b"pg_data/../../etc/passwd")],
        vec![file(b"pg_data/base/./x")],
        vec![file(b"pg_data//x")],
        vec![file(b"/etc/passwd")],
        vec![file(b"passwd")],
        vec![file(b"pg_data/unknown/x")],
        vec![file(b"pg_data/base")],
        vec![file(b"pg_data/..")],
        vec![with_path(b"pg_data/../up"), file(b"pg_data/../up/x")],
        vec![with_path(b"elsewhere"), file(b"elsewhere/x")],
        vec![with_path(b"pg_tblspc/1/x")],
        vec![link(b"pg_data/base", b"/etc")],
        vec![
            link(b"pg_data/base", b"/tmp"),
            target(b"pg_data/base", TargetKind::Link { file: None }),
        ],
        vec![target(b"pg_data/base", TargetKind::Link { file: None })],
        vec![target(b"pg_data/../x", TargetKind::Link { file: None })],
        vec![target(b"other", TargetKind::Path)],
        vec![target(
            b"pg_tblspc/../x",
            TargetKind::Tablespace {
                oid: 7,
                name: b"t".to_vec(),
            },
        )],
        // A link to a "file" that is a directory would let files below it out.
        vec![
            link(b"pg_data/base", b"/etc/x"),
            target(
                b"pg_data/base",
                TargetKind::Link {
                    file: Some(b"x".to_vec()),
                },
            ),
        ],
        vec![
            link(b"pg_data/PG_VERSION", b"/etc/.."),
            target(
                b"pg_data/PG_VERSION",
                TargetKind::Link {
                    file: Some(b"..".to_vec()),
                },
            ),
        ],
    ];
    for (at, spoil) in spoils.iter().enumerate() {
        let mut manifest = good.clone();
        spoil.iter().for_each(|spoil| spoil(&mut manifest));
        let error = validate::manifest(&manifest, &label).expect_err(&format!("case {at}"));
        assert_eq!(error.code, ErrorCode::Format, "case {at}: {error}");
    }
    let other: BackupLabel = "20200101-000000F".parse().unwrap();
    assert!(
        validate::manifest(&good, &other)
            .unwrap_err()
            .message
            .contains("do not match")
    );
}

#[test]
fn a_damaged_file_in_the_repository_is_found_and_leaves_no_cluster() {
    for format in [
        &["--compress-type=none"][..],
        &["--compress-type=zst", "--repo1-bundle"],
    ] {
        let fixture = Fixture::new(format);
        fixture.backup("full");
        let (label, manifest) = only_backup(&fixture);
        let file = manifest.file(b"pg_data/base/1/2619").unwrap();
        let stored = manifest
            .stored_path(&Stanza::new("demo").unwrap(), &file)
            .unwrap();
        let path = format!("repo/{stored}");
        assert!(path.contains(label.as_str()));
        let mut bytes = fixture.read(&path);
        let at = manifest.stored_range(&file).offset as usize + file.repo_size as usize / 2;
        bytes[at] ^= 0xff;
        fixture.write(&path, &bytes);
        let error = fixture.restore("target", &[]).unwrap_err();
        assert!(
            matches!(error.code, ErrorCode::Checksum | ErrorCode::Format),
            "{error}"
        );
        assert!(!fixture.exists("target/global/pg_control"));
        assert!(
            fixture.exists("target/backup.manifest"),
            "so that delta may go on"
        );
        bytes[at] ^= 0xff;
        fixture.write(&path, &bytes);
        fixture.restore("target", &["--delta"]).unwrap();
        fixture.assert_same("target");
    }
}

#[test]
fn files_backed_up_with_invalid_pages_are_restored_only_on_demand() {
    let fixture = Fixture::new(&["--compress-type=none"]);
    let bad = "source/base/1/2619";
    let mut pages = fixture.read(bad);
    pages[9000] ^= 1;
    fixture.write(bad, &pages);
    let context = fixture.context(
        "backup",
        "source",
        &["--no-online", "--type=full", "--checksum-page"],
    );
    crate::backup::run(&context).unwrap();
    // Nothing is made where the restore is bound to meet the file.
    let error = fixture.restore("target", &[]).unwrap_err();
    let path = fixture.path("target/base/1/2619");
    let message = format!("invalid page checksum(s) found in file {}", path.display());
    assert_eq!(
        (error.code, &error.message),
        (ErrorCode::Checksum, &message)
    );
    assert!(!fixture.exists("target/PG_VERSION"));
    fixture
        .restore("target", &["--no-checksum-page-error"])
        .unwrap();
    assert!(fixture.read("target/base/1/2619") == pages);
    // A file that is there already is no worse than before; one that has to be written is.
    fixture.restore("target", &["--delta"]).unwrap();
    fixture.write("target/base/1/2619", b"");
    let error = fixture.restore("target", &["--delta"]).unwrap_err();
    assert_eq!(
        (error.code, &error.message),
        (ErrorCode::Checksum, &message)
    );
    assert!(!fixture.exists("target/global/pg_control"));
    // Nor does the content of a database count that is left out.
    fixture
        .restore("target", &["--delta", "--db-exclude=1"])
        .unwrap();
}
