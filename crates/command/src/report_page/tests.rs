#![allow(clippy::disallowed_methods)] // repositories that are none, and the files that are written

use jiff::tz::TimeZone;

use super::facts::{
    Coverage, Doctor, Drill, Fate, Finding, Gap, Grade, Kind, Repository, Retention, Set, Span,
    Stanza, State, Verify,
};
use super::{Facts, page};

const NOW: i64 = 1_800_000_000;
const DAY: i64 = 86_400;

fn facts(stanzas: Vec<Stanza>) -> Facts {
    Facts {
        at: NOW,
        zone: TimeZone::UTC,
        host: "backup1".to_owned(),
        unlisted: Vec::new(),
        stanzas,
        doctor: Doctor::Found(Vec::new()),
    }
}

fn set(label: &str, kind: Kind, days_ago: i64, stored: u64) -> Set {
    Set {
        label: label.to_owned(),
        kind,
        start: NOW - days_ago * DAY - 600,
        stop: NOW - days_ago * DAY,
        size: (40 << 30) + u64::try_from(60 - days_ago).unwrap() * (200 << 20),
        stored,
        restorable: "until 2027-01-15 08:00:00".to_owned(),
        state: State::Ok,
        notes: Vec::new(),
        fate: Fate::Stays("within repo1-retention-full=4".to_owned()),
    }
}

/// A stanza of five weeks with a gap, and a repository that cannot be reached.
fn example() -> Facts {
    let mut sets = Vec::new();
    for days_ago in (0..35).rev() {
        let (kind, letter, stored) = match days_ago % 7 {
            6 => (Kind::Full, 'F', 12 << 30),
            3 => (Kind::Diff, 'D', 2 << 30),
            _ => (Kind::Incr, 'I', 300 << 20),
        };
        sets.push(set(
            &format!("202612{:02}-010000{letter}", 35 - days_ago),
            kind,
            days_ago,
            stored,
        ));
    }
    sets[0].fate = Fate::Goes(
        "after the next full backup".to_owned(),
        "not within repo1-retention-full=4".to_owned(),
    );
    sets[9].state = State::Fail;
    sets[9].restorable = "nothing: 000000010000000000000042 missing".to_owned();
    sets[20]
        .notes
        .push("pinned until it is released".to_owned());
    let good = Repository {
        key: 1,
        place: "posix /var/lib/pgbackrest".to_owned(),
        cipher: Some("aes-256-cbc".to_owned()),
        state: State::Warn,
        status: "ok".to_owned(),
        wal: vec!["17-1: 000000010000000000000001 to 000000010000000A000000F0".to_owned()],
        sets,
        coverage: Some(Coverage {
            spans: vec![
                Span {
                    from: NOW - 34 * DAY,
                    to: NOW - 26 * DAY,
                },
                Span {
                    from: NOW - 24 * DAY,
                    to: NOW - 240,
                },
            ],
            gaps: vec![Gap {
                from: NOW - 26 * DAY,
                to: Some(NOW - 24 * DAY),
                first: "000000010000000000000042".to_owned(),
                last: "000000010000000000000044".to_owned(),
            }],
        }),
        wal_error: None,
        retention: Retention {
            rules: vec!["repo1-retention-full=4".to_owned()],
            error: None,
        },
        verify: Some(Verify {
            at: NOW - 2 * DAY,
            code: 0,
        }),
    };
    let broken = Repository {
        key: 2,
        place: "s3 backups:/pgkeep".to_owned(),
        cipher: Some("none".to_owned()),
        state: State::Fail,
        status: "[HostConnectError] unable to connect to 's3.example.com:443': timeout".to_owned(),
        ..Repository::default()
    };
    let drill = |days_ago: i64, result: &str| Drill {
        at: NOW - days_ago * DAY,
        passed: result == "ok",
        label: "20261231-010000F".to_owned(),
        restore_ms: Some(310_000),
        replay_ms: Some(64_000),
        age: Some(120),
        result: result.to_owned(),
    };
    let mut facts = facts(vec![
        Stanza {
            name: "main".to_owned(),
            state: State::Warn,
            status: "different across repos".to_owned(),
            version: Some("17".to_owned()),
            repositories: vec![good, broken],
            drills: vec![drill(9, "the drill failed: page checksums"), drill(2, "ok")],
            ..Stanza::default()
        },
        Stanza {
            name: "web".to_owned(),
            state: State::Fail,
            status: "not read".to_owned(),
            error: Some("[OptionInvalid] no repository".to_owned()),
            ..Stanza::default()
        },
    ]);
    let finding = |grade, seen: &str, mend: &str| Finding {
        grade,
        stanza: Some("main".to_owned()),
        subject: "main repo2".to_owned(),
        title: "repository within reach",
        seen: seen.to_owned(),
        means: "Nothing is stored there until it is.",
        mend: mend.to_owned(),
    };
    facts.doctor = Doctor::Found(vec![
        finding(Grade::Fail, "cannot be reached", "pgkeep --repo=2 doctor"),
        finding(Grade::Note, "to know", ""),
        finding(Grade::Ok, "in order", ""),
    ]);
    facts
}

/// The page without its style, for searching.
fn body(facts: &Facts) -> String {
    let page = page(facts, None);
    page.split_once("</head>").unwrap().1.to_owned()
}

#[test]
fn the_page_says_how_each_repository_stands_and_what_mends_it() {
    let body = body(&example());
    for part in [
        "Something has failed",
        "2 stanzas; failed: main and web.",
        "[HostConnectError] unable to connect to &#39;s3.example.com:443&#39;: timeout",
        "[OptionInvalid] no repository",
        "<pre>pgkeep --repo=2 doctor</pre>",
        "posix /var/lib/pgbackrest, encrypted with aes-256-cbc",
        "all in order",
        "recovery took 6m 14s",
        "the drill failed: page checksums",
        "pinned until it is released",
        "1 check in order, 0 not tested.",
    ] {
        let part = part.replace("&#39;", "'");
        assert!(body.contains(&part), "{part}\n{body}");
    }
}

#[test]
fn gaps_are_drawn_and_told() {
    let body = body(&example());
    assert_eq!(
        body.matches("<rect class=\"gap\"").count(),
        2,
        "gap and legend"
    );
    assert!(body.contains(
        "Gap from 2026-12-20 08:00 to 2026-12-22 08:00: WAL 000000010000000000000042 to 000000010000000000000044 is missing"
    ));
    let mut whole = example();
    for repository in &mut whole.stanzas[0].repositories {
        repository
            .coverage
            .iter_mut()
            .for_each(|one| one.gaps.clear());
    }
    assert!(!super::tests::body(&whole).contains("class=\"gap\""));
}

#[test]
fn every_set_is_a_mark_of_its_kind_and_a_row() {
    let body = body(&example());
    assert_eq!(body.matches("class=\"mark full").count(), 5);
    assert_eq!(body.matches("class=\"mark diff").count(), 5);
    assert_eq!(body.matches("class=\"mark incr").count(), 25);
    assert_eq!(body.matches(" bad\"").count(), 1);
    assert_eq!(body.matches("<th role=\"rowheader\"").count(), 35 + 2);
}

#[test]
fn what_goes_next_is_told_with_its_reason() {
    let body = body(&example());
    let at = body.find("Goes after the next full backup:").unwrap();
    let rest = &body[at..at + 300];
    assert!(
        rest.contains("20261201-010000F") && rest.contains("not within"),
        "{rest}"
    );
}

#[test]
fn hostile_names_are_text() {
    let evil = "<script>alert(1)</script>\"'&<img src=x onerror=y>";
    let mut facts = example();
    facts.host = evil.to_owned();
    facts.unlisted.push(evil.to_owned());
    let stanza = &mut facts.stanzas[0];
    stanza.name = evil.to_owned();
    stanza.running = Some(evil.to_owned());
    stanza.drills[0].result = evil.to_owned();
    stanza.drills[0].label = evil.to_owned();
    let repository = &mut stanza.repositories[0];
    repository.place = evil.to_owned();
    repository.cipher = Some(evil.to_owned());
    repository.wal.push(evil.to_owned());
    repository.retention.rules.push(evil.to_owned());
    let set = &mut repository.sets[0];
    set.label = evil.to_owned();
    set.notes.push(evil.to_owned());
    set.restorable = evil.to_owned();
    set.fate = Fate::Goes(evil.to_owned(), evil.to_owned());
    stanza.repositories[1].status = evil.to_owned();
    let Doctor::Found(findings) = &mut facts.doctor else {
        unreachable!("the example has findings")
    };
    for finding in findings {
        finding.seen = evil.to_owned();
        finding.subject = evil.to_owned();
        finding.mend = evil.to_owned();
    }
    let page = page(&facts, Some(evil));
    assert!(page.contains("&lt;script&gt;"));
    assert!(!page.contains("<script"), "{page}");
    assert!(!page.contains("<img"), "{page}");
    // In an attribute it ends nothing.
    assert!(!page.contains("\"'&amp;"), "{page}");
}

#[test]
fn hostile_numbers_are_no_panic() {
    for (time, size) in [(i64::MAX, u64::MAX), (i64::MIN, u64::MAX), (0, 0)] {
        let mut facts = example();
        let stanza = &mut facts.stanzas[0];
        let drill = &mut stanza.drills[1];
        drill.at = time;
        (drill.restore_ms, drill.replay_ms, drill.age) = (Some(time), Some(time), Some(time));
        let repository = &mut stanza.repositories[0];
        repository.verify = Some(Verify { at: time, code: 0 });
        for set in &mut repository.sets[5..8] {
            (set.stop, set.size, set.stored) = (time, size, size);
        }
        repository.sets[5].start = time;
        repository.sets[6].start = time.saturating_neg();
        let coverage = repository.coverage.as_mut().expect("the example has it");
        coverage.spans[0].from = time;
        coverage.spans[1].to = time;
        assert!(page(&facts, None).ends_with("</html>"), "{time}");
    }
}

#[test]
fn a_history_of_drills_that_cannot_be_read_is_not_taken_for_none() {
    let mut facts = example();
    facts.stanzas[0].drills.clear();
    assert!(page(&facts, None).contains(">never<"));
    facts.stanzas[0].drills_error = Some("unable to open it".to_owned());
    let page = page(&facts, None);
    assert!(
        page.contains("unable to open it") && !page.contains(">never<"),
        "{page}"
    );
}

#[test]
fn nothing_is_loaded_from_elsewhere() {
    let page = page(&example(), None);
    for part in [
        "http://", "https://", "url(", "@import", "<script", "style=\"", "src=",
    ] {
        assert!(!page.contains(part), "{part}");
    }
    let links: Vec<&str> = page
        .split(" href=\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect();
    assert!(links.len() >= 3, "{links:?}");
    for link in links {
        assert!(link.starts_with('#') || link == "data:,", "{link}");
    }
}

#[test]
fn without_a_stanza_the_page_does_not_say_that_all_is_well() {
    let page = page(&facts(Vec::new()), None);
    assert!(page.contains("Something has failed") && page.contains("No stanza was found"));
}

#[test]
fn one_stanza_in_order_is_told_as_such_and_a_notice_stands_on_top() {
    let mut all = example();
    all.stanzas.truncate(1);
    let stanza = &mut all.stanzas[0];
    stanza.state = State::Ok;
    stanza.status = "ok".to_owned();
    stanza.repositories.truncate(1);
    stanza.repositories[0].state = State::Ok;
    all.doctor = Doctor::NotAsked;
    let page = page(&all, Some("this page is 5m old"));
    assert!(page.contains("All is in order"));
    assert!(page.contains("1 stanza; in order: main."));
    assert!(page.contains("this page is 5m old"));
    assert!(page.contains("report-doctor=n"));
    assert!(!page.contains("<nav"));
}

mod runs {
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    use pgkeep_config::Program;

    use crate::error::ErrorCode;
    use crate::run::{Context, test_context};

    fn context(dir: &Path, more: &[&str]) -> Context {
        let own = [
            format!("--repo1-path={}", dir.join("repo").display()),
            format!("--lock-path={}", dir.join("lock").display()),
            format!("--spool-path={}", dir.join("spool").display()),
            format!("--log-path={}", dir.display()),
            "--no-report-doctor".to_owned(),
        ];
        let options: Vec<&str> = own
            .iter()
            .map(String::as_str)
            .chain(more.iter().copied())
            .collect();
        test_context::new(Program::PgKeep, "report", &options)
    }

    #[test]
    fn a_broken_repository_is_told_and_hides_no_other() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("file"), "no directory").unwrap();
        std::fs::create_dir_all(dir.path().join("repo/backup/demo")).unwrap();
        let broken = format!("--repo2-path={}", dir.path().join("file").display());
        let facts = super::super::gather(&context(dir.path(), &[&broken])).unwrap();
        let statuses: Vec<&str> = facts.stanzas[0]
            .repositories
            .iter()
            .map(|one| one.status.as_str())
            .collect();
        assert_eq!(statuses[0], "missing stanza data");
        assert!(statuses[1].starts_with('['), "{statuses:?}");
        let page = super::page(&facts, None);
        assert!(page.contains("missing stanza data") && page.contains("Something has failed"));
    }

    #[test]
    fn a_file_is_replaced_whole_and_not_for_everybody() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("www");
        std::fs::create_dir(&target).unwrap();
        std::fs::write(target.join("backups.html"), "old").unwrap();
        let option = format!("--report-file={}", target.join("backups.html").display());
        super::super::run(&context(dir.path(), &[&option])).unwrap();
        let file = target.join("backups.html");
        assert!(std::fs::read_to_string(&file).unwrap().ends_with("</html>"));
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o640);
        assert_eq!(std::fs::read_dir(&target).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_cannot_be_written_is_an_error_that_says_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        let option = format!("--report-file={}/missing/a.html", dir.path().display());
        let error = super::super::run(&context(dir.path(), &[&option])).unwrap_err();
        assert_eq!(error.code, ErrorCode::FileWrite);
        assert!(error.text().contains("must exist"), "{}", error.text());
        assert!(!dir.path().join("missing").exists());
    }
}
