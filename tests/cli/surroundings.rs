//! What a command finds around it: variables that mean nothing to it, and descriptors that are closed.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;

use pgkeep_testkit::run::{Program, run};
use pgkeep_testkit::suite::{Suite, TestResult};

/// Every case of this file.
pub fn add(suite: Suite, program: &Arc<Program>) -> Suite {
    let program = Arc::clone(program);
    suite.test("a_variable_in_another_encoding_is_no_obstacle", move || {
        variables(&program)
    })
}

/// The server hands its whole environment to `archive_command`.
fn variables(program: &Program) -> TestResult {
    let odd = OsStr::from_bytes(b"\xff");
    for name in ["ODD", "HOME", "PGDATA", "PGPASSWORD", "PATH", "TZ", "LANG"] {
        let mut command = program.command();
        command.env(name, odd).args(["--no-config", "info"]);
        let outcome = run(&mut command)?.success()?;
        if !outcome.stdout.contains("No stanzas exist") {
            return Err(format!("{name}: {}", outcome.stdout).into());
        }
    }
    run(program.command().env(odd, "x").arg("version"))?.success()?;
    Ok(())
}
