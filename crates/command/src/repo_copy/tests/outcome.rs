//! What programs are told of a copy.

use serde_json::{Value, json};

use super::*;

fn told(options: &[&str], source: &Place, target: &Place) -> (Option<ErrorCode>, Value) {
    let options = [options, &["--output=json"]].concat();
    let run = Run {
        options: &options,
        ..Run::default()
    };
    let (result, said) = run.told(source, target);
    // One line, and nothing else.
    assert_eq!(said.matches('\n').count(), 1, "{said}");
    let document = serde_json::from_str(&said).unwrap();
    (result.err().map(|error| error.code), document)
}

fn results(document: &Value) -> Vec<(&str, &str)> {
    let sets = document["backup"].as_array().unwrap().iter();
    sets.map(|set| {
        let text = |key: &str| set[key].as_str().unwrap();
        (text("label"), text("result"))
    })
    .collect()
}

#[test]
fn programs_are_told_what_was_copied_and_what_was_there() {
    let (source, target) = (Place::source(), Place::empty());
    let (code, first) = told(&["--dry-run"], &source, &target);
    assert_eq!(code, None);
    assert_eq!(first["dry-run"], json!(true));
    assert_eq!(first["total"]["backup"]["to-copy"], json!(3));
    assert_eq!(first["total"]["wal"]["to-copy"], json!(6));
    assert!(!target.has("backup/demo/backup.info"));

    let set = format!("--set={INCR}");
    let (code, second) = told(&[&set], &source, &target);
    assert_eq!(code, None);
    assert_eq!(second["status"], json!({"code": 0, "message": "ok"}));
    assert_eq!(second["repo-key"], json!({"from": 1, "to": 2}));
    assert_eq!(results(&second), [(FULL, "copied"), (INCR, "copied")]);
    let full: usize = (0..FILES).map(|number| content(FULL, number).len()).sum();
    assert_eq!(second["backup"][0]["size"], json!(full));
    assert_eq!(second["backup"][0]["bytes"], json!(full));
    assert_eq!(
        second["backup"][0]["file"],
        json!({"copied": FILES, "there": 0})
    );
    assert_eq!(
        second["archive"],
        json!([{"id": "17-1", "wal": {"to-copy": 0, "copied": 4, "there": 0, "failed": 0}}])
    );
    let planned = &second["total"]["bytes"]["planned"];
    assert_eq!(planned, &second["total"]["bytes"]["copied"]);

    let (code, third) = told(&[], &source, &target);
    assert_eq!(code, None);
    assert_eq!(
        results(&third),
        [(FULL, "there"), (INCR, "there"), (LATER, "copied")]
    );
    assert_eq!(
        third["total"]["wal"],
        json!({"to-copy": 0, "copied": 2, "there": 4, "failed": 0})
    );
}

#[test]
fn programs_are_told_what_is_wrong_and_the_exit_code() {
    let (source, target) = (Place::source(), Place::empty());
    let damaged = vec![b'x'; content(FULL, 1).len()];
    let path = file_path(FULL, 1);
    write(&source.memory, &path, &damaged);
    source.remove(&wal_path(6));
    let (code, document) = told(&[], &source, &target);
    // Of several reasons the gravest.
    assert_eq!(code, Some(ErrorCode::FileMissing));
    assert_eq!(
        document["status"],
        json!({"code": ErrorCode::FileMissing.number(), "message": "error"})
    );
    assert_eq!(document["error"]["code"], document["status"]["code"]);
    assert_eq!(
        results(&document),
        [(FULL, "failed"), (INCR, "failed"), (LATER, "failed")]
    );
    assert_eq!(
        document["problem"],
        json!([{"path": path, "problem": "checksum-invalid", "error": null}])
    );
    let reason = |at: usize| {
        document["backup"][at]["reason"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(reason(1), format!("it builds on {FULL}"));
    assert!(reason(2).contains(&segment(6)), "{}", reason(2));
}

#[test]
fn programs_are_told_of_a_run_that_cannot_begin() {
    let (source, target) = (Place::source(), Place::empty());
    let (code, document) = told(&["--set=20200101-000000F"], &source, &target);
    assert_eq!(code, Some(ErrorCode::BackupSetInvalid));
    assert_eq!(
        document["status"]["code"],
        json!(ErrorCode::BackupSetInvalid.number())
    );
    assert_eq!(document["backup"], json!([]));
    assert!(!document["error"]["hint"].as_array().unwrap().is_empty());
}
