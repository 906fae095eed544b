//! As `pgkeep` a mistake is told with what was meant, where was looked and what is there; as `pgbackrest` nothing is added.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use pgkeep_testkit::run::{Outcome, Program, run};
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::case::{Result, Same, State, fail_in, has_hint};

/// Every case of this file.
pub fn add(mut suite: Suite, program: &Arc<Program>) -> Suite {
    type Case = fn(&Program) -> TestResult;
    let cases: &[(&str, Case)] = &[
        ("a_mistake_is_told_with_what_was_meant", mistakes),
        (
            "a_configuration_that_cannot_be_read_is_told_with_who_may",
            unreadable,
        ),
        (
            "a_relative_configuration_is_told_with_the_whole_path",
            relative,
        ),
        ("doctor_reports_a_missing_configuration_or_stanza", doctor),
        ("info_says_that_no_configuration_was_found", info),
        ("an_error_names_the_next_step", next_steps),
        ("help_can_be_asked_for_after_the_command", help),
    ];
    for (name, case) in cases {
        let program = Arc::clone(program);
        suite = suite.test(*name, move || case(&program));
    }
    suite
}

fn all(outcome: &Outcome) -> String {
    format!("{}{}", outcome.stdout, outcome.stderr)
}

/// As `pgkeep` the outcome has this code and all parts; as `pgbackrest` the same error without them.
fn told(program: &Program, arguments: &[&str], code: i32, parts: &[&str]) -> Result<()> {
    let ours = program.run(arguments)?.expect_code(code)?;
    has_hint(&ours)?;
    let plain = program.run_as_pgbackrest(arguments)?.expect_code(code)?;
    for part in parts {
        if !all(&ours).contains(part) {
            return Err(format!("no '{part}' in:\n{}", all(&ours)).into());
        }
        if all(&plain).contains(part) {
            return Err(format!("'{part}' as pgbackrest:\n{}", all(&plain)).into());
        }
    }
    let error = |outcome: &Outcome| {
        let text = all(outcome);
        let found = text.lines().find_map(|line| line.split_once("ERROR: "));
        found.unwrap_or_default().1.to_owned()
    };
    if error(&ours) != error(&plain) {
        return Err(format!("not the same error:\n{}\n{}", error(&ours), error(&plain)).into());
    }
    Ok(())
}

fn mistakes(program: &Program) -> TestResult {
    let state = State::without_stanza()?;
    let config = format!("--config={}", state.config.display());
    let told = |arguments: &[&str], code, parts: &[&str]| {
        told(
            program,
            &[&[config.as_str()], arguments].concat(),
            code,
            parts,
        )
    };
    told(&["bakup"], 48, &["did you mean 'backup'?"])?;
    told(&["help", "backup", "tpye"], 31, &["did you mean '--type'?"])?;
    told(
        &["--stanzza=main", "info"],
        31,
        &["did you mean '--stanza'?"],
    )?;
    told(
        &["--stanza=main", "--type=ful", "backup"],
        32,
        &["did you mean 'full'?"],
    )?;
    told(&["backup"], 37, &["--stanza=main"])?;
    told(
        &["--stanza=mian", "check"],
        37,
        &["did you mean --stanza=main?"],
    )?;
    told(
        &["--stanza=main", "--type=time", "restore"],
        37,
        &["add --target, for example --target="],
    )?;
    // Commands that need no cluster fail later.
    told(
        &["--stanza=mian", "expire"],
        104,
        &["did you mean --stanza=main?"],
    )?;
    told(
        &["--stanza=mian", "--set=20260101-101010F", "repo-get", "x"],
        31,
        &["it is an option of"],
    )
}

fn unreadable(program: &Program) -> TestResult {
    let state = State::without_stanza()?;
    let mode = |mode| fs::set_permissions(&state.config, fs::Permissions::from_mode(mode));
    mode(0o040)?;
    let shown = state.config.display().to_string();
    let config = format!("--config={shown}");
    let place = format!("file '{shown}' belongs to user");
    told(
        program,
        &[&config, "info"],
        41,
        &[&place, "has mode 0040", &format!("chmod u+r '{shown}'")],
    )?;
    mode(0o640)?;
    let closed = state.scratch.make_dir("closed")?;
    fs::copy(&state.config, closed.join("x.conf"))?;
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o600))?;
    let config = format!("--config={}/x.conf", closed.display());
    let place = format!("directory '{}' belongs to user", closed.display());
    told(program, &[&config, "info"], 41, &[&place, "mode 0600"])?;

    let broken = state
        .scratch
        .write("broken.conf", "[global]\nrepo1-cipher-pass: sesame\n")?;
    let config = format!("--config={}", broken.display());
    told(
        program,
        &[&config, "info"],
        29,
        &[&format!("in '{}'", broken.display())],
    )?;
    for outcome in [
        program.run([&config, "info"])?,
        program.run_as_pgbackrest([&config, "info"])?,
    ] {
        if all(&outcome).contains("sesame") {
            return Err(format!("a secret is shown:\n{}", all(&outcome)).into());
        }
    }
    Ok(())
}

fn relative(program: &Program) -> TestResult {
    let state = State::without_stanza()?;
    let outcome = run(program
        .command()
        .current_dir(state.scratch.path())
        .args(["--config=test.conf", "info"]))?
    .expect_code(55)?;
    let whole = format!("--config={}", state.config.display());
    match all(&outcome).contains(&whole) {
        true => Ok(()),
        false => Err(format!("no '{whole}' in:\n{}", all(&outcome)).into()),
    }
}

/// The finding about stanzas, and that there are others: the rest is still looked at.
fn doctor(program: &Program) -> TestResult {
    let state = State::without_stanza()?;
    let config = format!("--config={}", state.config.display());
    let nowhere = format!(
        "--config-path={}",
        state.scratch.make_dir("nowhere")?.display()
    );
    for (arguments, parts) in [
        (
            &[config.as_str(), "--stanza=mian"][..],
            &["no stanza 'mian'; it has main"][..],
        ),
        (
            &[&nowhere],
            &[
                "no configuration file was found; looked for",
                "/nowhere/pgkeep.conf",
                "conf.d/*.conf",
            ],
        ),
        (
            &[&nowhere, "--stanza=main"],
            &[
                "no configuration file was found",
                "a section [main] with pg1-path",
            ],
        ),
        (
            &["--no-config", "--stanza=main"],
            &["because of --no-config"],
        ),
    ] {
        let told = program
            .run(
                [
                    arguments,
                    &["--output=json", "--log-level-console=off", "doctor"],
                ]
                .concat(),
            )?
            .expect_code(2)?
            .stdout;
        for part in parts.iter().chain(&["\"stanza-section\"", "\"lock-path\""]) {
            if !told.contains(part) {
                return Err(format!("{arguments:?}: no '{part}' in:\n{told}").into());
            }
        }
    }
    Ok(())
}

fn info(program: &Program) -> TestResult {
    let state = State::without_stanza()?;
    let nowhere = format!(
        "--config-path={}",
        state.scratch.make_dir("nowhere")?.display()
    );
    let looked = "no configuration file was found; looked for";
    let config = format!("--config={}", state.config.display());
    for (arguments, part) in [
        (&[nowhere.as_str(), "info"][..], looked),
        (
            &[config.as_str(), "--stanza=mian", "info"],
            "did you mean --stanza=main?",
        ),
    ] {
        let said = program.run(arguments)?.success()?.stdout;
        if !said.contains(part) {
            return Err(format!("no '{part}' in:\n{said}").into());
        }
        let said = all(&program.run_as_pgbackrest(arguments)?.success()?);
        if said.contains(part) {
            return Err(format!("'{part}' as pgbackrest:\n{said}").into());
        }
    }
    // What programs read stays JSON, and a stanza that is configured is not doubted.
    for arguments in [
        &[nowhere.as_str(), "--output=json", "info"][..],
        &[config.as_str(), "--stanza=main", "info"],
    ] {
        let said = program.run(arguments)?.success()?.stdout;
        if said.contains("HINT") {
            return Err(said.into());
        }
    }
    Ok(())
}

fn help(program: &Program) -> TestResult {
    let right = program.run(["help", "backup"])?.success()?.stdout;
    for words in [["backup", "--help"], ["--help", "backup"], ["-h", "backup"]] {
        let said = program.run(words)?.success()?.stdout;
        if said != right {
            return Err(format!("{words:?}:\n{said}").into());
        }
    }
    program
        .run_as_pgbackrest(["backup", "--help"])?
        .expect_code(31)?;
    Ok(())
}

/// What pgBackRest says and no more left users without a way on; the first line stays the same.
fn next_steps(program: &Program) -> TestResult {
    let state = State::new()?;
    let cases: &[(&[&str], &str)] = &[
        (
            &["--set=x", "--annotation=a=b", "annotate"],
            "a label is 20260101-120000F",
        ),
        (&["--set=x", "expire"], "a label is 20260101-120000F"),
        (
            &["--tablespace-map=x=/y", "--delta", "restore"],
            "the backup has no tablespaces",
        ),
        (&["repo-rm", "backup"], "--recurse removes it"),
        (&["repo-get"], "repo-get backup/main/backup.info"),
        (&["archive-get"], "archive-get %f"),
        (
            &["archive-get", "000000010000000000000001"],
            "archive-get %f",
        ),
        (&["archive-push"], "archive-push %p"),
        (&["check"], "pg1 could not be reached"),
        (&["backup"], "pg1 could not be reached"),
    ];
    let hinted = |arguments: &[&str], part: &str| -> TestResult {
        fail_in(program, &state, arguments, Same::Text)?;
        let said = all(&state.ours(program, arguments)?);
        let hint = |line: &str| line.contains("HINT: ") && line.contains(part);
        match said.lines().any(hint) {
            true => Ok(()),
            false => Err(format!("{arguments:?}: no hint with '{part}':\n{said}").into()),
        }
    };
    for (arguments, part) in cases {
        hinted(arguments, part)?;
    }
    state.ours(program, &["stop"])?.success()?;
    hinted(&["backup"], "pgkeep --stanza=main start")
}
