//! What the options mean, and what is refused before anything is done.

use pgkeep_config::Program;
use serde_json::json;

use super::plan_document;
use super::settings::{Goal, Settings, Wanted};
use crate::error::{Error, ErrorCode};
use crate::run::test_context;
use crate::scratch::Plan;

fn settings(options: &[&str]) -> Result<Settings, ErrorCode> {
    let context = test_context::new(Program::PgKeep, "restore-table", options);
    Settings::from(&context).map_err(|error| {
        assert!(!error.message.is_empty());
        error.code
    })
}

#[test]
fn what_is_restored_and_where_it_goes_is_read_from_the_options() {
    let found = settings(&["--table=shop.public.a", "--table=shop.s.\"B\""]).unwrap();
    let name = |schema: &str, table: &str| (schema.to_owned(), table.to_owned());
    assert_eq!(
        found.wanted,
        Wanted::Tables(vec![name("public", "a"), name("s", "B")])
    );
    assert_eq!(found.database, "shop");
    assert_eq!(
        found.scratch.path.to_str(),
        Some("/var/tmp/pgkeep-restore-table-demo")
    );
    assert!(matches!(found.goal, Goal::Output));
    let found = settings(&[
        "--schema=shop.s",
        "--to-cluster",
        "--to-database=Old",
        "--to-schema=\"New\"",
        "--pg1-port=6000",
        "--pg1-socket-path=/run/pg",
        "--clean",
    ])
    .unwrap();
    assert_eq!(found.to_schema.as_deref(), Some("New"));
    let Goal::Cluster(connection) = &found.goal else {
        panic!("no cluster");
    };
    assert_eq!(connection.database, "old");
    assert!(connection.clean);
    for (name, value) in [("PGPORT", "6000"), ("PGHOST", "/run/pg")] {
        let wanted = (name.to_owned(), value.to_owned());
        assert!(connection.variables.contains(&wanted), "{name}");
    }
}

#[test]
fn nothing_that_leads_to_the_data_directory_of_the_original_reaches_the_restore() {
    let found = settings(&["--table=shop.public.a", "--to-cluster", "--pg1-port=6000"]).unwrap();
    let words = [found.scratch.restore, found.scratch.archive_get].concat();
    assert!(
        !words.iter().any(|word| word.starts_with("--pg")),
        "{words:?}"
    );
}

#[test]
fn a_limit_holds_for_the_restore_and_for_the_wal() {
    let found = settings(&["--table=shop.public.a", "--repo1-rate-limit=1MiB"]).unwrap();
    for words in [found.scratch.restore, found.scratch.archive_get] {
        let limit = words.iter().find(|word| word.contains("rate-limit"));
        let limit = limit.map(String::as_str);
        assert_eq!(limit, Some("--repo1-rate-limit=1MiB"), "{words:?}");
    }
    assert!(
        found
            .scratch
            .info
            .iter()
            .all(|word| !word.contains("rate-limit"))
    );
}

#[test]
fn options_that_do_not_go_together_are_refused() {
    for (code, options) in [
        (ErrorCode::OptionRequired, vec![]),
        (
            ErrorCode::OptionInvalid,
            vec!["--table=a.b.c", "--database=a"],
        ),
        (
            ErrorCode::OptionInvalidValue,
            vec!["--table=a.b.c", "--table=b.b.c"],
        ),
        (ErrorCode::OptionInvalidValue, vec!["--table=b.c"]),
        (ErrorCode::OptionInvalidValue, vec!["--schema=a.b.c"]),
        (ErrorCode::OptionInvalidValue, vec!["--database=a.b"]),
        (
            ErrorCode::OptionInvalidValue,
            vec!["--table=a.b.c", "--to-schema=x.y"],
        ),
        (
            ErrorCode::OptionInvalidValue,
            vec!["--table=a.b.c", "--to-schema=pg_own"],
        ),
        (
            ErrorCode::OptionInvalidValue,
            vec!["--table=a.pg_catalog.pg_class"],
        ),
        (
            ErrorCode::OptionInvalidValue,
            vec!["--schema=a.b", "--schema=a.information_schema"],
        ),
        (
            ErrorCode::OptionInvalid,
            vec!["--table=a.b.c", "--table=a.b.d", "--to-table=x"],
        ),
        (
            ErrorCode::OptionInvalid,
            vec!["--schema=a.b", "--schema=a.c", "--to-schema=x"],
        ),
        (
            ErrorCode::OptionInvalid,
            vec!["--schema=a.b", "--to-table=x"],
        ),
        (
            ErrorCode::OptionInvalid,
            vec!["--database=a", "--to-schema=x"],
        ),
        (
            ErrorCode::OptionInvalid,
            vec!["--database=a", "--to-cluster", "--clean"],
        ),
        (
            ErrorCode::OptionInvalid,
            vec!["--table=a.b.c", "--to-cluster", "--dump-file=/x"],
        ),
        (
            ErrorCode::OptionInvalid,
            vec!["--table=a.b.c", "--to-cluster", "--dump-format=custom"],
        ),
        (
            ErrorCode::OptionInvalidValue,
            vec!["--table=a.b.c", "--scratch-setting=archive_command=x"],
        ),
    ] {
        assert_eq!(settings(&options).map(drop), Err(code), "{options:?}");
    }
}

#[test]
fn the_plan_for_programs_says_what_does_not_apply_and_what_would_stop_it() {
    let mut found = settings(&[
        "--table=shop.public.a",
        "--to-cluster",
        "--to-schema=restored",
        "--pg1-port=6000",
        "--pg1-socket-path=/run/pg",
        "--type=name",
        "--target=before",
        "--dry-run",
        "--output=json",
    ])
    .unwrap();
    assert!(found.json);
    found.scratch.left_out = vec![16400];
    let plan = Plan {
        label: "20260101-030000F".to_owned(),
        repo_key: 2,
        major: 17,
        size: 700,
        file_total: 7,
        needed: 600,
        gap: Some(("a".to_owned(), "b".to_owned())),
        ..Plan::default()
    };
    let error = Error::new(ErrorCode::DbMismatch, "table 'public.a' exists").with_hint("look.");
    let document = plan_document::document("demo", &found, (&plan, Some("a.unfinished"), &[error]));
    assert_eq!(
        document,
        json!({
            "stanza": "demo",
            "set": {
                "label": "20260101-030000F", "repo-key": 2, "pg-version": 17, "size": 700,
                "file-total": 7,
            },
            "recovery": {"type": "name", "target": "before"},
            "reach": {"wal": null, "gap": {"start": "a", "stop": "b"}, "unread": []},
            "restore": {
                "database": "shop", "schema": [], "table": [{"schema": "public", "name": "a"}],
                "large-objects": false,
            },
            "to": {
                "kind": "cluster", "format": null, "path": null, "host": "/run/pg", "port": 6000,
                "database": "shop", "schema": "restored", "table": null, "clean": false,
                "removed-first": "a.unfinished",
            },
            "scratch": {
                "path": "/var/tmp/pgkeep-restore-table-demo", "need": 600,
                "database-left-out-total": 1,
            },
            "refused": [{"code": 58, "message": "table 'public.a' exists", "hint": ["look."]}],
        })
    );
    let found = settings(&["--database=shop", "--dump-file=/x", "--dump-format=custom"]).unwrap();
    let to = &plan_document::document("demo", &found, (&plan, None, &[]))["to"];
    assert_eq!(
        (&to["kind"], &to["format"], &to["path"], &to["host"]),
        (&json!("file"), &json!("custom"), &json!("/x"), &json!(null))
    );
}
