//! Features that are not there yet are refused by name, and only when the command needs them.

use std::sync::Arc;

use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::case::{State, has_hint};

/// Option lines of a configuration file, and what the refusal names.
const REFUSED: &[(&str, &str)] = &[("repo2-host=other", "repo2-host")];

/// Every case of this file.
pub fn add(mut suite: Suite, program: &Arc<Program>) -> Suite {
    for (lines, named) in REFUSED {
        let program = Arc::clone(program);
        suite = suite.test(
            format!("{named}_is_refused_by_name_and_only_where_it_is_needed"),
            move || refused(&program, lines, named),
        );
    }
    suite
}

fn refused(program: &Program, lines: &str, named: &str) -> TestResult {
    let state = State::new()?;
    let text = std::fs::read_to_string(&state.config)?;
    state.scratch.write(
        "test.conf",
        text.replace("[global]\n", &format!("[global]\n{lines}\n")),
    )?;
    // Commands that do not touch that repository work as ever.
    state.ours(program, &["version"]).map(drop)?;
    state.ours(program, &["stop"])?.success()?;
    state.ours(program, &["start"])?.success()?;
    state.ours(program, &["--repo=1", "repo-ls"])?.success()?;
    let refused = state.ours(program, &["--repo=2", "repo-ls"])?;
    if refused.code != 31
        || !refused
            .stdout
            .contains(&format!("option '{named}' is not supported by pgkeep yet"))
    {
        return Err(format!("exit code {}\n{}", refused.code, refused.stdout).into());
    }
    has_hint(&refused)
}
