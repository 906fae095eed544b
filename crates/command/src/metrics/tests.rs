#![allow(clippy::disallowed_methods)] // repositories that are none, and the files that are written

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::{Arc, Mutex};

use pgkeep_config::Program;

use super::family::{Families, Metric, labels};
use crate::error::ErrorCode;
use crate::run::context::Output;
use crate::run::{Context, test_context};

/// What is printed, for the test to read.
#[derive(Clone, Default)]
struct Printed(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Printed {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

pub(super) fn context(dir: &Path, more: &[&str]) -> Context {
    let own = [
        format!("--repo1-path={}", dir.join("repo").display()),
        format!("--lock-path={}", dir.join("lock").display()),
        format!("--spool-path={}", dir.join("spool").display()),
        format!("--log-path={}", dir.display()),
    ];
    let options: Vec<&str> = own
        .iter()
        .map(String::as_str)
        .chain(more.iter().copied())
        .collect();
    test_context::new(Program::PgKeep, "metrics", &options)
}

/// What the command prints; it must succeed.
pub(super) fn printed(context: Context) -> String {
    let printed = Printed::default();
    let context = Context {
        output: Output::new(printed.clone()),
        ..context
    };
    super::run(&context).unwrap();
    let bytes = printed.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn a_broken_repository_is_a_value_and_hides_no_other() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("file"), "no directory").unwrap();
    std::fs::create_dir_all(dir.path().join("repo/backup/demo")).unwrap();
    let broken = format!("--repo2-path={}", dir.path().join("file").display());
    let text = printed(context(dir.path(), &[&broken]));
    for line in [
        r#"pgbackrest_exporter_status{stanza="demo"} 1"#,
        r#"pgbackrest_repo_status{cipher="none",repo_key="1",stanza="demo"} 3"#,
        r#"pgbackrest_repo_status{cipher="none",repo_key="2",stanza="demo"} 99"#,
        r#"pgbackrest_stanza_status{stanza="demo"} 4"#,
    ] {
        assert!(text.lines().any(|one| one == line), "{line}\n{text}");
    }
}

/// node_exporter reads the older format: there a type that it does not know makes the whole file invalid.
#[test]
fn the_text_is_valid_as_openmetrics_and_in_the_older_format() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("repo/backup/demo")).unwrap();
    let text = printed(context(dir.path(), &[]));
    assert!(text.ends_with("\n# EOF\n"), "{text}");
    for line in text.lines().filter(|line| line.starts_with("# TYPE ")) {
        assert!(line.ends_with(" gauge"), "{line}");
    }
    for line in text.lines().filter_map(|line| line.strip_prefix("# UNIT ")) {
        let (name, unit) = line.split_once(' ').unwrap();
        assert!(name.ends_with(&format!("_{unit}")), "{line}");
    }
}

#[test]
fn odd_values_of_labels_are_escaped_and_the_same_series_comes_once() {
    static METRIC: Metric = Metric::seconds("pgkeep_test", "For a test");
    let mut families = Families::default();
    let odd = labels([("stanza", "a\"b\\c\nd")]);
    families.add(&METRIC, &odd, 1_i64);
    families.add(&METRIC, &odd, 1.5);
    families.add(&METRIC, &labels([]), u64::MAX);
    assert_eq!(
        super::text::render(families),
        "# HELP pgkeep_test_seconds For a test.\n\
         # TYPE pgkeep_test_seconds gauge\n\
         # UNIT pgkeep_test_seconds seconds\n\
         pgkeep_test_seconds{} 9223372036854775807\n\
         pgkeep_test_seconds{stanza=\"a\\\"b\\\\c\\nd\"} 1.5\n\
         # EOF\n"
    );
}

#[test]
fn a_file_is_replaced_whole_and_everybody_may_read_it() {
    let dir = tempfile::tempdir().unwrap();
    let target = dir.path().join("textfile");
    std::fs::create_dir(&target).unwrap();
    std::fs::write(target.join("pgkeep.prom"), "old").unwrap();
    let option = format!("--metrics-file={}", target.join("pgkeep.prom").display());
    assert_eq!(printed(context(dir.path(), &[&option])), "");
    let file = target.join("pgkeep.prom");
    assert!(std::fs::read_to_string(&file).unwrap().ends_with("# EOF\n"));
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o644);
    let names: Vec<_> = std::fs::read_dir(&target)
        .unwrap()
        .map(|one| one.unwrap().file_name())
        .collect();
    assert_eq!(names, ["pgkeep.prom"]);
}

#[test]
fn a_file_that_cannot_be_written_is_an_error_that_says_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let fails = |path: &str| {
        let option = format!("--metrics-file={}/{path}", dir.path().display());
        super::run(&context(dir.path(), &[&option])).unwrap_err()
    };
    let error = fails("missing/pgkeep.prom");
    assert_eq!(error.code, ErrorCode::FileWrite);
    assert!(error.text().contains("missing"), "{}", error.text());
    assert!(error.text().contains("must exist"), "{}", error.text());
    assert!(!dir.path().join("missing").exists());
    for name in ["pgkeep.txt", ".prom"] {
        let error = fails(name);
        assert_eq!(error.code, ErrorCode::OptionInvalidValue);
        assert!(
            error.text().contains("must end in .prom"),
            "{}",
            error.text()
        );
    }
}
