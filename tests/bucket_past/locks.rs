//! `repo-storage-lock`: what is locked stays a backup, is told, and goes when its time has come.

use std::sync::Arc;

use pgkeep_testkit::object_server::{BUCKET, Kind, ObjectServer};
use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::stage::{Stage, end_of_second};

pub fn add(suite: Suite, program: &Arc<Program>) -> Suite {
    let program = Arc::clone(program);
    let [gcs, azure, no_versions] = [(); 3].map(|()| Arc::clone(&program));
    suite
        .test(
            "a_locked_backup_is_kept_until_its_time_has_come",
            move || locked(&program),
        )
        .test(
            "a_backup_in_gcs_is_kept_until_its_time_has_come",
            move || {
                elsewhere(
                    &gcs,
                    gcs_with_versions()?,
                    "only who has storage.objects.overrid",
                )
            },
        )
        .test(
            "a_backup_in_azure_is_kept_until_its_time_has_come",
            move || {
                let server = ObjectServer::start_locking_blobs()?;
                elsewhere(&azure, server, "repo1-storage-lock=compliance")
            },
        )
        .test(
            "a_bucket_that_could_not_replace_locked_files_is_refused",
            move || refused(&no_versions),
        )
}

fn gcs_with_versions() -> pgkeep_testkit::Result<ObjectServer> {
    let server = ObjectServer::start(Kind::Gcs)?;
    let header = "content-type: application/json\r\n";
    let body = r#"{"versioning":{"enabled":true}}"#;
    server.send("PATCH", &format!("/storage/v1/b/{BUCKET}"), header, body)?;
    Ok(server)
}

/// On a server whose locks the kit enforces. `doctor`: what it says of the mode.
fn elsewhere(program: &Program, server: ObjectServer, doctor: &str) -> TestResult {
    let stage = Stage::on(server, program, &LOCK)?;
    let first = stage.backup()?;
    let second = stage.backup()?;
    let both = [first.clone(), second.clone()];
    assert_eq!(stage.labels()?, both, "the expire of the backup kept it");
    let expire = stage.ours(&["expire"])?.success()?;
    let kept = format!("repo1: keep expired backup {first}: still locked in the bucket, until ");
    assert_eq!(expire.stdout.matches(&kept).count(), 1, "{}", expire.stdout);
    let text = stage.ours(&["info"])?.success()?.stdout;
    assert_eq!(text.matches("locked: until ").count(), 2, "{text}");
    // What is there already is replaced though it is locked.
    let annotate = [&format!("--set={second}"), "--annotation=a=b", "annotate"];
    stage.ours(&annotate)?.success()?;
    let found = stage.ours(&["--verbose", "doctor"])?.stdout;
    assert!(found.contains(doctor), "{found}");
    for what in ["what a thief", "what the account may do", "writing to"] {
        assert!(!found.contains(&format!("FAIL: {what}")), "{found}");
    }

    // A file that is still locked loses its name; the next run finds nothing of it.
    let manifest = format!("repo/backup/main/{first}/backup.manifest");
    stage.server.end_lock(&manifest);
    let expire = stage.ours(&["expire"])?.success()?;
    assert!(
        expire
            .stdout
            .contains(&format!("remove expired backup {first}")),
        "{}",
        expire.stdout
    );
    assert_eq!(stage.labels()?, [&*second]);
    let tree = stage.ours(&["repo-ls", "--recurse"])?.success()?.stdout;
    assert!(!tree.contains(&format!("backup/main/{first}")), "{tree}");
    let copy = stage.empty_copy()?;
    stage.ours(&[&copy, "restore"])?.success()?;
    stage.copy_is_right()?;
    Ok(())
}

/// Nothing was written, so that the option can be taken away again.
fn refused(program: &Program) -> TestResult {
    let server = ObjectServer::start(Kind::Gcs)?;
    let Err(error) = Stage::on(server, program, &LOCK) else {
        return Err("the stanza was made".into());
    };
    let text = error.to_string();
    assert!(
        text.contains("option 'repo1-storage-lock' needs a bucket that keeps versions"),
        "{text}"
    );
    assert!(
        text.contains("HINT: locked files are replaced only"),
        "{text}"
    );
    Ok(())
}

const LOCK: [(&str, &str); 4] = [
    ("repo1-storage-lock", "governance"),
    ("repo1-storage-lock-days", "30"),
    ("repo1-retention-full", "1"),
    ("log-level-console", "info"),
];

fn locked(program: &Program) -> TestResult {
    let stage = Stage::new(program, &LOCK)?;
    let first = stage.backup()?;
    let second = stage.backup()?;
    let both = [first.clone(), second.clone()];
    assert_eq!(stage.labels()?, both, "the expire of the backup kept it");

    let expire = stage.ours(&["expire"])?.success()?;
    let kept = format!("repo1: keep expired backup {first}: still locked in the bucket, until ");
    assert_eq!(expire.stdout.matches(&kept).count(), 1, "{}", expire.stdout);
    assert!(
        !expire.stdout.contains("remove expired backup"),
        "{}",
        expire.stdout
    );
    stage
        .ours(&[&format!("--set={first}"), "expire"])?
        .success()?;
    assert_eq!(stage.labels()?, both);
    let copy = stage.empty_copy()?;
    let set = format!("--set={first}");
    stage.ours(&[&copy, &set, "restore"])?.success()?;
    stage.copy_is_right()?;

    let text = stage.ours(&["info"])?.success()?.stdout;
    assert_eq!(text.matches("locked: until ").count(), 2, "{text}");
    let json = stage.ours(&["--output=json", "info"])?.success()?.stdout;
    assert_eq!(json.matches("\"locked-until\":").count(), 2, "{json}");
    let doctor = stage.ours(&["--verbose", "doctor"])?.stdout;
    assert!(doctor.contains("s3:BypassGovernanceRetention"), "{doctor}");
    let unlocked = [
        "--reset-repo1-storage-lock",
        "--reset-repo1-storage-lock-days",
    ];
    let doctor = stage.ours(&[&unlocked[..], &["--verbose", "doctor"]].concat())?;
    assert!(
        doctor.stdout.contains("s3:DeleteObjectVersion"),
        "{}",
        doctor.stdout
    );

    // Its time has come: it goes, and what the bucket keeps of it can still be restored.
    let time = format!("--repo-target-time={}", end_of_second()?);
    let ended = "<Retention><Mode>GOVERNANCE</Mode><RetainUntilDate>2020-01-01T00:00:00Z</RetainUntilDate></Retention>";
    let bypass = "x-amz-bypass-governance-retention: true\r\n";
    let manifest = stage.object(&format!("backup/main/{first}/backup.manifest?retention"));
    stage.server.send("PUT", &manifest, bypass, ended)?;
    stage.ours(&["expire"])?.success()?;
    assert_eq!(stage.labels()?, [second]);
    let copy = stage.empty_copy()?;
    stage
        .ours(&[&copy, &set, "--repo=1", &time, "restore"])?
        .success()?;
    stage.copy_is_right()?;
    Ok(())
}
