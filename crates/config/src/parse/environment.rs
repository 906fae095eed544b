//! Reads options from environment variables.
//!
//! `PGBACKREST_<NAME>` always, and `PGKEEP_<NAME>` before it unless the program was started as pgbackrest. Invariant: a variable never
//! replaces what the command line said, and unknown names are warnings, never errors.

use super::name::{self, Lookup};
use super::{Said, SaidValue};
use crate::advice::spelling;
use crate::define::command::{CommandId, Role};
use crate::define::option::Kind;
use crate::error::{ConfigError, Result};
use crate::input::Program;
use crate::value::Source;

/// Variables of the test suites, which programs started by them inherit; no option's name begins so.
const OF_TESTS: &str = "PGKEEP_TEST_";

/// Adds the options of the environment to `said`.
///
/// # Errors
/// 32 for an empty value or a boolean that is neither `y` nor `n`.
pub(crate) fn parse(
    environment: &[(String, String)],
    program: Program,
    command: (CommandId, Role),
    said: &mut Said,
    warnings: &mut Vec<String>,
) -> Result<()> {
    let prefixes: &[&str] = match program {
        Program::PgKeep => &["PGKEEP_", "PGBACKREST_"],
        Program::PgBackRest => &["PGBACKREST_"],
    };
    for prefix in prefixes {
        for (variable, value) in environment {
            if variable.starts_with(OF_TESTS) {
                continue;
            }
            if let Some(name) = variable.strip_prefix(prefix) {
                let name = name.to_ascii_lowercase().replace('_', "-");
                parse_variable(variable, &name, value, program, command, said, warnings)?;
            }
        }
    }
    Ok(())
}

fn parse_variable(
    variable: &str,
    name: &str,
    value: &str,
    program: Program,
    (command, role): (CommandId, Role),
    said: &mut Said,
    warnings: &mut Vec<String>,
) -> Result<()> {
    let Some(found) = name::find(name, Lookup::exact(program))? else {
        let mut warning = format!("environment contains invalid option '{name}'");
        if program == Program::PgKeep {
            warning.push_str(&format!("\nHINT: it comes from the variable {variable}."));
            if let Some(hint) = spelling::key(name, program) {
                warning.push_str(&format!("\nHINT: {hint}"));
            }
        }
        warnings.push(warning);
        return Ok(());
    };
    if found.negate || found.reset {
        let what = if found.negate { "negate" } else { "reset" };
        warnings.push(format!(
            "environment contains invalid {what} option '{name}'"
        ));
        return Ok(());
    }
    if !found.option.is_known(program, command, role) {
        return Ok(());
    }
    if value.is_empty() {
        return Err(ConfigError::option_value(format!(
            "environment variable '{name}' must have a value"
        )));
    }
    if said.has(found.option, found.key) {
        return Ok(());
    }
    let boolean = found.option.kind == Kind::Boolean;
    if boolean && value != "y" && value != "n" {
        return Err(ConfigError::option_value(format!(
            "environment boolean option '{name}' must be 'y' or 'n'"
        ))
        .advise(program, spelling::boolean(value)));
    }
    let values = if boolean {
        Vec::new()
    } else if found.option.multiple {
        value.split(':').map(str::to_owned).collect()
    } else {
        vec![value.to_owned()]
    };
    said.insert(
        found.option,
        found.key,
        SaidValue {
            negate: boolean && value == "n",
            reset: false,
            values,
            source: Source::Environment {
                variable: variable.to_owned(),
            },
        },
    );
    Ok(())
}
