//! A set that is damaged in the repository: the error names file, set, repository and cause, and says what can be done.

use std::time::Duration;

use pgkeep_repo::{BackupInfo, BackupLabel, Stanza};

use super::*;

/// Labels of all sets, the oldest first.
fn labels(fixture: &Fixture) -> Vec<BackupLabel> {
    let storage = this_host::directory(&fixture.path("repo"));
    let pass = fixture.options.iter().any(|option| option.contains("aes"));
    let pass = pass.then(|| secrecy::SecretString::from("secret"));
    let stanza = Stanza::new("demo").unwrap();
    let info = BackupInfo::load(&*storage, &stanza, pass.as_ref()).unwrap();
    info.entries()
        .iter()
        .map(|entry| entry.label.clone())
        .collect()
}

/// A full backup, and a second one that is damaged in the place of `base/1/2619`; its label and its repository file.
fn damaged(fixture: &Fixture, spoil: &dyn Fn(&mut Vec<u8>, usize, usize)) -> (Vec<String>, String) {
    fixture.backup("full");
    fixture.clock.sleep(Duration::from_secs(5));
    fixture.backup("full");
    let labels = labels(fixture);
    let storage = this_host::directory(&fixture.path("repo"));
    let stanza = Stanza::new("demo").unwrap();
    let pass = fixture.options.iter().any(|option| option.contains("aes"));
    let pass = pass.then(|| {
        let pass = secrecy::SecretString::from("secret");
        let info = BackupInfo::load(&*storage, &stanza, Some(&pass)).unwrap();
        info.cipher_pass.unwrap()
    });
    let manifest = Manifest::load(&*storage, &stanza, &labels[1], pass.as_ref()).unwrap();
    let file = manifest.file(b"pg_data/base/1/2619").unwrap();
    let path = format!("repo/{}", manifest.stored_path(&stanza, &file).unwrap());
    let mut bytes = fixture.read(&path);
    let start = manifest.stored_range(&file).offset as usize;
    spoil(&mut bytes, start, start + file.repo_size as usize);
    if bytes.is_empty() {
        std::fs::remove_file(fixture.path(&path)).unwrap();
    } else {
        fixture.write(&path, &bytes);
    }
    (
        labels.iter().map(ToString::to_string).collect(),
        fixture.path(&path).display().to_string(),
    )
}

type Spoil = &'static dyn Fn(&mut Vec<u8>, usize, usize);

const FLIPPED: Spoil = &|bytes, start, end| bytes[(start + end) / 2] ^= 0xff;
const MISSING: Spoil = &|bytes, _, _| bytes.clear();
const SHORT: Spoil = &|bytes, start, end| bytes.truncate((start + end) / 2);
const ODD: Spoil = &|bytes, _, end| bytes.truncate(end - 7);
const MAP: Spoil = &|bytes, _, end| bytes[end - 9..end].fill(0xff);

#[test]
fn damage_is_told_with_file_set_repository_and_what_to_do() {
    const BLOCKS: &[&str] = &["--compress-type=zst", "--repo1-bundle", "--repo1-block"];
    let cases: &[(&[&str], Spoil, &[ErrorCode])] = &[
        (
            &["--compress-type=gz"],
            FLIPPED,
            &[ErrorCode::Format, ErrorCode::Checksum],
        ),
        (&["--compress-type=gz"], MISSING, &[ErrorCode::FileMissing]),
        (&["--compress-type=gz"], SHORT, &[ErrorCode::Format]),
        (&["--compress-type=none"], FLIPPED, &[ErrorCode::Checksum]),
        (
            &["--compress-type=zst", "--repo1-bundle"],
            FLIPPED,
            &[ErrorCode::Format, ErrorCode::Checksum],
        ),
        (
            &["--compress-type=zst", "--repo1-bundle"],
            MISSING,
            &[ErrorCode::FileMissing],
        ),
        (
            &["--compress-type=none", "--repo1-cipher-type=aes-256-cbc"],
            ODD,
            &[ErrorCode::Crypto],
        ),
        (BLOCKS, MAP, &[ErrorCode::Format]),
        (BLOCKS, FLIPPED, &[ErrorCode::Format, ErrorCode::Checksum]),
        (BLOCKS, MISSING, &[ErrorCode::FileMissing]),
    ];
    for (at, (options, spoil, codes)) in cases.iter().enumerate() {
        let fixture = Fixture::new(options);
        let (labels, stored) = damaged(&fixture, spoil);
        let error = fixture.restore("target", &[]).unwrap_err();
        assert!(codes.contains(&error.code), "case {at}: {error:?}");
        let text = error.text();
        // What else is in a bundle that is gone fails first.
        let name = match text.contains("base/1/2619") {
            true => "base/1/2619",
            false => "",
        };
        let target = fixture.path("target").join(name).display().to_string();
        for part in [
            target.as_str(),
            &format!("set {} of repo1 has it in '{stored}'", labels[1]),
            "HINT: run 'pgkeep --stanza=demo --repo=1 verify' to find out what else is damaged in repo1.",
            &format!(
                "HINT: other sets that do not need what is damaged: repo1 {}; restore one with --repo and --set.",
                labels[0]
            ),
        ] {
            assert!(text.contains(part), "case {at}: no '{part}' in:\n{text}");
        }
        assert!(!fixture.exists("target/global/pg_control"));
        // What is advised works.
        fixture
            .restore(
                "target",
                &["--delta", "--repo=1", &format!("--set={}", labels[0])],
            )
            .unwrap();
        fixture.assert_same("target");
    }
}

#[test]
fn sets_that_depend_on_what_is_damaged_are_not_advised() {
    let fixture = Fixture::new(&["--compress-type=gz"]);
    let (labels, stored) = damaged(&fixture, FLIPPED);
    fixture.clock.sleep(Duration::from_secs(5));
    fixture.write("source/base/1/added", b"added");
    fixture.backup("incr");
    let error = fixture.restore("target", &[]).unwrap_err();
    let text = error.text();
    let newest = self::labels(&fixture).pop().unwrap();
    for part in [
        &format!("set {newest} of repo1 has it in '{stored}'"),
        &format!("damaged: repo1 {}; restore", labels[0]),
    ] {
        assert!(text.contains(part), "no '{part}' in:\n{text}");
    }
}

#[test]
fn a_manifest_that_is_lost_leads_to_another_set() {
    let fixture = Fixture::new(&["--compress-type=gz"]);
    let (labels, _) = damaged(&fixture, FLIPPED);
    for name in ["backup.manifest", "backup.manifest.copy"] {
        fixture.write(&format!("repo/backup/demo/{}/{name}", labels[1]), b"odd");
    }
    let text = fixture.restore("target", &[]).unwrap_err().text();
    for part in [
        &format!(
            "set {} of repo1 cannot be restored without its manifest",
            labels[1]
        ),
        &format!("damaged: repo1 {}; restore", labels[0]),
    ] {
        assert!(text.contains(part), "no '{part}' in:\n{text}");
    }
    assert!(!fixture.exists("target"));
}

#[test]
fn a_target_that_cannot_be_written_is_not_the_fault_of_the_set() {
    let fixture = Fixture::new(&["--compress-type=gz"]);
    fixture.backup("full");
    // A directory where the file belongs, made after the targets were looked at.
    let place = fixture.path("target/base/1/2619");
    let moments = Moments::default();
    *moments.0.lock().unwrap() = Some(Box::new(move || std::fs::create_dir(&place).unwrap()));
    let error = run(&fixture.context_with("restore", "target", &[], moments)).unwrap_err();
    let text = error.text();
    assert!(
        text.contains("base/1/2619") && !text.contains("verify"),
        "{text}"
    );
}
