//! The plan, printed and nothing done; and the question before files are overwritten.

use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::run::context::Output;
use crate::run::prompt::Prompt;

use super::*;

/// What a command prints.
#[derive(Clone, Default)]
struct Printed(Arc<Mutex<Vec<u8>>>);

impl Write for Printed {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Prints the plan and hands it back; nothing below the fixture is changed by it.
fn plan(fixture: &Fixture, target: &str, more: &[&str]) -> (Result<()>, String) {
    let before = everything(fixture);
    let printed = Printed::default();
    let mut context = fixture.context("restore", target, &[more, &["--dry-run"]].concat());
    context.output = Output::new(printed.clone());
    let result = run(&context);
    assert_eq!(before, everything(fixture));
    let text = String::from_utf8(printed.0.lock().unwrap().clone()).unwrap();
    (result, text)
}

/// Every path with its size and times.
fn everything(fixture: &Fixture) -> Vec<String> {
    let mut found = Vec::new();
    let mut paths = vec![fixture.dir.path().to_owned()];
    while let Some(path) = paths.pop() {
        for entry in std::fs::read_dir(&path).unwrap() {
            let path = entry.unwrap().path();
            let info = path.symlink_metadata().unwrap();
            found.push(format!(
                "{} {} {}.{} {:o}",
                path.display(),
                info.len(),
                info.mtime(),
                info.mtime_nsec(),
                info.mode()
            ));
            if info.is_dir() {
                paths.push(path);
            }
        }
    }
    found.sort();
    found
}

#[test]
fn a_dry_run_prints_the_plan_and_changes_nothing() {
    let fixture = Fixture::new(&["--compress-type=none"]);
    fixture.backup("full");
    std::fs::create_dir_all(fixture.path("spool/archive/demo/out")).unwrap();
    fixture.write("spool/archive/demo/out/000000010000000000000001.ok", b"");
    let (result, text) = plan(&fixture, "target", &[]);
    result.unwrap();
    let data = fixture.path("target").display().to_string();
    for part in [
        "restore plan\nset: 2027",
        "F of repo1, the newest\n     full backup of PostgreSQL 17 that ended 2027-01-15 08:00",
        &format!("\ndata directory: {data}\n"),
        "\nWAL needed: none, the backup was made of a stopped cluster\n",
        "\nto be removed: nothing\n",
        &format!("\nspace for {data}: "),
        "\nnothing has been changed: without --dry-run the restore would begin.\n",
    ] {
        assert!(text.contains(part), "no {part:?} in:\n{text}");
    }

    fixture.restore("target", &[]).unwrap();
    assert!(
        !fixture.exists("spool/archive/demo"),
        "a real restore empties the spool"
    );
    let mut content = fixture.read("target/base/1/2619");
    content.truncate(8192);
    fixture.write("target/base/1/2619", &content);
    // The restore wrote it anew, perhaps in the same second.
    std::fs::OpenOptions::new()
        .write(true)
        .open(fixture.path("target/postgresql.auto.conf"))
        .unwrap()
        .set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000))
        .unwrap();
    fixture.write("target/mine", b"precious");
    std::fs::create_dir_all(fixture.path("target/my_dir")).unwrap();
    fixture.write("target/my_dir/inside", &[7; 5000]);
    std::fs::create_dir_all(fixture.path("target/pg_wal/archive_status")).unwrap();
    fixture.write(
        "target/pg_wal/archive_status/000000010000000000000009.ready",
        b"",
    );

    let (result, text) = plan(&fixture, "target", &["--delta"]);
    result.unwrap();
    for part in [
        "\nexisting files: files with the same checksum are kept\nto be kept: ",
        &format!(
            "\nto be overwritten: 2 files, 8KB, where the content differs\n  {data}/base/1/2619\n"
        ),
        &format!("not in the backup\n  {data}/mine\n  {data}/my_dir\n"),
        "\nWARNING: WAL that is not archived yet goes with pg_wal, archive it first if it is needed: 1 file\n  000000010000000000000009\n",
    ] {
        assert!(text.contains(part), "no {part:?} in:\n{text}");
    }
    let (result, text) = plan(&fixture, "target", &["--delta", "--output=json"]);
    result.unwrap();
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(document["set"]["reason"], "the newest");
    assert_eq!(document["existing"]["differ"]["count"], 2);
    assert_eq!(document["existing"]["remove"]["count"].as_u64(), Some(3));
    assert!(document["existing"]["remove"]["bytes"].as_u64().unwrap() >= 5008);
    assert_eq!(
        document["existing"]["wal-not-archived"]["first"][0],
        "000000010000000000000009"
    );
    assert_eq!(document["space"][0]["path"][0], data.as_str());
    assert_eq!(document["refused"], serde_json::json!([]));
    assert_eq!(document["reach"], serde_json::Value::Null);
}

#[test]
fn a_dry_run_tells_what_would_refuse_the_restore() {
    let fixture = Fixture::new(&["--compress-type=none"]);
    fixture.backup("full");
    fixture.restore("target", &[]).unwrap();
    fixture.write("target/postmaster.pid", b"1\n");
    for (options, codes) in [
        (
            &[][..],
            &[ErrorCode::PgRunning, ErrorCode::PathNotEmpty][..],
        ),
        (&["--delta"], &[ErrorCode::PgRunning]),
    ] {
        let (result, text) = plan(&fixture, "target", &[options, &["--output=json"]].concat());
        assert_eq!(result.unwrap_err().code, codes[0]);
        let document: serde_json::Value = serde_json::from_str(&text).unwrap();
        let found: Vec<u64> = document["refused"]
            .as_array()
            .unwrap()
            .iter()
            .map(|refused| refused["code"].as_u64().unwrap())
            .collect();
        let codes: Vec<u64> = codes.iter().map(|code| u64::from(code.number())).collect();
        assert_eq!(found, codes);
    }
    let (_, text) = plan(&fixture, "target", &["--delta"]);
    assert!(
        text.ends_with("the restore would be refused, see the error.\n"),
        "{text}"
    );
}

/// Gives one answer to every question and counts them.
struct Answers(&'static str, AtomicUsize);

impl Prompt for Answers {
    fn ask(&self, question: &str) -> Result<Option<String>> {
        assert!(question.starts_with("restore plan\nset: "), "{question}");
        assert!(
            question.ends_with("Files are about to be overwritten or removed. Go on? [y/N] "),
            "{question}"
        );
        self.1.fetch_add(1, Ordering::SeqCst);
        Ok(Some(self.0.to_owned()))
    }
}

#[test]
fn whoever_sits_there_is_asked_once_before_files_are_overwritten_or_removed() {
    let fixture = Fixture::new(&["--compress-type=none"]);
    fixture.backup("full");
    let restore = |answer: &'static str, options: &[&str]| {
        let prompt = Arc::new(Answers(answer, AtomicUsize::new(0)));
        let mut context = fixture.context("restore", "target", options);
        context.prompt = Arc::clone(&prompt) as Arc<dyn Prompt>;
        let result = run(&context);
        (result, prompt.1.load(Ordering::SeqCst))
    };
    // Nothing is there: nothing is asked.
    let (result, asked) = restore("n\n", &[]);
    result.unwrap();
    assert_eq!(asked, 0);
    fixture.write("target/base/1/2619", b"changed");
    for no in ["n\n", "\n", "", "yes please\n"] {
        let before = everything(&fixture);
        let (result, asked) = restore(no, &["--delta"]);
        let error = result.unwrap_err();
        assert_eq!((error.code, asked), (ErrorCode::PathNotEmpty, 1));
        assert_eq!(
            error.message,
            "the restore was not confirmed, nothing has been changed"
        );
        assert_eq!(before, everything(&fixture));
    }
    let (result, asked) = restore("Y\n", &["--delta"]);
    result.unwrap();
    assert_eq!(asked, 1);
    fixture.assert_same("target");
    let (result, asked) = restore("n\n", &["--delta", "--force"]);
    result.unwrap();
    assert_eq!(asked, 0);
}

#[test]
fn nothing_is_unreachable_where_recovery_may_do_otherwise() {
    let fixture = Fixture::new(&["--compress-type=none"]);
    let doubt = |options: &[&str], unread: &[&str]| {
        let settings = Settings::from(&fixture.context("restore", "target", options)).unwrap();
        let unread: Vec<String> = unread.iter().map(ToString::to_string).collect();
        forecast::doubt(&settings, &unread).unwrap_or_default()
    };
    let time = ["--type=time", "--target=2026-11-24 04:01:13+00"];
    assert_eq!(doubt(&time, &[]), "");
    assert!(doubt(&["--type=time", "--target=2026-11-24 04:01:13"], &[]).contains("time zone"));
    assert!(doubt(&time, &["repo2: gone"]).ends_with("repo2: gone"));
    for (option, part) in [
        ("--recovery-option=restore-command=cp", "restore_command"),
        ("--recovery-option=recovery_target_timeline=1", "setting"),
    ] {
        assert!(doubt(&["--type=default", option], &[]).contains(part));
    }
    assert_eq!(
        doubt(
            &["--type=default", "--recovery-option=primary_conninfo=x"],
            &[]
        ),
        ""
    );
}
