//! Features that are not there yet are refused by name, and only when the command needs them.

use std::sync::Arc;

use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::case::{State, has_hint};

/// Options of the command line, with the name under which they are refused.
const REFUSED: &[(&str, &str)] = &[("--repo1-format=6", "repo1-format=6")];

/// Every case of this file.
pub fn add(mut suite: Suite, program: &Arc<Program>) -> Suite {
    for (option, named) in REFUSED {
        let program = Arc::clone(program);
        suite = suite.test(
            format!(
                "{}_is_refused_by_name_and_only_where_it_is_needed",
                named.replace('=', "_")
            ),
            move || refused(&program, option, named),
        );
    }
    suite
}

fn refused(program: &Program, option: &str, named: &str) -> TestResult {
    let state = State::new()?;
    // Commands that do not need it work as ever.
    state.ours(program, &["version"]).map(drop)?;
    state.ours(program, &["repo-ls"])?.success()?;
    let refused = state.ours(program, &["--no-online", option, "stanza-create"])?;
    if refused.code != 31
        || !refused
            .stdout
            .contains(&format!("option '{named}' is not supported by pgkeep yet"))
    {
        return Err(format!("exit code {}\n{}", refused.code, refused.stdout).into());
    }
    has_hint(&refused)
}
