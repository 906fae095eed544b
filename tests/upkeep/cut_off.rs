//! A full backup that was cut off before its end, and a next run under other settings: cipher, compression, or the clock.
//!
//! Each program runs on its own copy of the same repository; pgBackRest is the measure of exit code and warnings.

use std::path::Path;
use std::sync::Arc;

use pgkeep_testkit::run::{Outcome, Program, run};
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::state::{Result, State};

const CIPHER: [(&str, &str); 2] = [
    ("repo1-cipher-type", "aes-256-cbc"),
    ("repo1-cipher-pass", "of the first run"),
];

struct Case {
    name: &'static str,
    first: &'static [(&'static str, &'static str)],
    /// Options of the second run only, in its configuration.
    second: &'static [(&'static str, &'static str)],
    /// Whether the first set is gone on with.
    resumed: bool,
    /// The second run cannot read the repository at all.
    refused: bool,
}

const CASES: [Case; 7] = [
    Case {
        name: "gz_to_lz4_starts_afresh",
        first: &[("compress-type", "gz")],
        second: &[("compress-type", "lz4")],
        resumed: false,
        refused: false,
    },
    Case {
        name: "gz_to_none_starts_afresh",
        first: &[("compress-type", "gz")],
        second: &[("compress-type", "none")],
        resumed: false,
        refused: false,
    },
    Case {
        name: "none_to_zst_starts_afresh_with_a_cipher",
        first: &[
            ("compress-type", "none"),
            ("repo1-cipher-type", "aes-256-cbc"),
            ("repo1-cipher-pass", "of the first run"),
        ],
        second: &[("compress-type", "zst")],
        resumed: false,
        refused: false,
    },
    Case {
        name: "another_level_goes_on",
        first: &[("compress-type", "gz"), ("compress-level", "1")],
        second: &[("compress-level", "9")],
        resumed: true,
        refused: false,
    },
    Case {
        name: "a_cipher_that_was_not_there_is_refused",
        first: &[],
        second: &CIPHER,
        resumed: false,
        refused: true,
    },
    Case {
        name: "another_passphrase_is_refused",
        first: &CIPHER,
        second: &[("repo1-cipher-pass", "of another run")],
        resumed: false,
        refused: true,
    },
    Case {
        name: "a_cipher_that_is_gone_is_refused",
        first: &CIPHER,
        second: &[("repo1-cipher-type", "none")],
        resumed: false,
        refused: true,
    },
];

pub fn add(mut suite: Suite, program: &Arc<Program>) -> Suite {
    for case in &CASES {
        let program = Arc::clone(program);
        suite = suite.test(format!("a_cut_off_backup_{}", case.name), move || {
            visit(&program, case)
        });
    }
    suite
}

fn visit(program: &Program, case: &Case) -> TestResult {
    let state = State::with_backup(case.first)?;
    let cut = state.labels()?.remove(0);
    // All that makes a backup exist; what is listed without it is taken from the list.
    std::fs::remove_file(state.in_repo(&format!("backup/main/{cut}/backup.manifest")))?;
    let mut other = state.configuration.clone();
    for (option, value) in case.second {
        other = other.global(option, value);
    }
    if case.second.contains(&("repo1-cipher-type", "none")) {
        let text: String = other
            .text()
            .lines()
            .filter(|line| !line.starts_with("repo1-cipher-pass"))
            .map(|line| format!("{line}\n"))
            .collect();
        state.scratch.write("second.conf", text)?;
    } else {
        other.write(&state.scratch, "second.conf")?;
    }
    let repo = state.scratch.join("repo");
    let saved = state.scratch.join("saved");
    copy(&repo, &saved)?;
    let config = format!("--config={}", state.scratch.join("second.conf").display());
    let words = [
        &config,
        "--stanza=main",
        "--no-online",
        "--type=full",
        "--log-level-console=warn",
        "--no-log-timestamp",
        "backup",
    ];
    let expected = run(state.pgbackrest.command().args(words))?;
    let left = state.labels()?;
    std::fs::remove_dir_all(&repo)?;
    copy(&saved, &repo)?;
    let got = run(program.as_pgbackrest().args(words))?;
    let labels = state.labels()?;
    let fail = |what: &str| {
        format!(
            "{what}: {left:?} {labels:?}\npgBackRest ({}):\n{}{}\nthis program ({}):\n{}{}",
            expected.code, expected.stdout, expected.stderr, got.code, got.stdout, got.stderr
        )
    };
    // What another passphrase makes of a file is chance: pgBackRest stops at the first line of it, this program reads on to
    // the end, which proves that it was the passphrase.
    let garbage = [29, 95];
    let alike = expected.code == got.code
        || (case.refused && garbage.contains(&expected.code) && garbage.contains(&got.code));
    if !alike || (got.code == 0) == case.refused {
        return Err(fail("exit codes").into());
    }
    if !case.refused && said(&expected) != said(&got) {
        return Err(fail("warnings").into());
    }
    let kept = |labels: &[String]| labels == [cut.as_str()];
    let expected_kept = case.resumed || case.refused;
    if kept(&left) != expected_kept || kept(&labels) != expected_kept || labels.len() != 1 {
        return Err(fail("sets").into());
    }
    // Whoever was refused left everything as it was: the first settings go on from there.
    let config = match case.refused {
        true => state.config.clone(),
        false => state.scratch.join("second.conf"),
    };
    let config = format!("--config={}", config.display());
    if case.refused {
        let words = ["--stanza=main", "--no-online", "--type=full"];
        let outcome = run(program
            .as_pgbackrest()
            .arg(&config)
            .args(words)
            .args(["--log-level-console=warn", "backup"]))?
        .success()?;
        let told = format!("resumable backup {cut} of same type exists");
        if !outcome.stdout.contains(&told) {
            return Err(outcome.stdout.into());
        }
    }
    for command in [state.pgbackrest.command(), program.as_pgbackrest()] {
        verifies(command, &config)?;
    }
    Ok(())
}

/// Warnings and errors, as far as both say them.
fn said(outcome: &Outcome) -> Vec<String> {
    let lines = outcome.stdout.lines().chain(outcome.stderr.lines());
    lines.map(str::to_owned).collect()
}

fn verifies(mut command: std::process::Command, config: &str) -> TestResult {
    let verified =
        run(command
            .arg(config)
            .args(["--stanza=main", "--output=text", "--verbose", "verify"]))?
        .success()?
        .stdout;
    match verified.contains("status: ok") && !verified.contains("status: invalid") {
        true => Ok(()),
        false => Err(verified.into()),
    }
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    run(std::process::Command::new("cp").arg("-a").arg(from).arg(to))?.success()?;
    Ok(())
}
