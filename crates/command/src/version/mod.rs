//! `version`: which program this is.
//!
//! Started as `pgbackrest` it answers in the original's form with the version it is compatible with, because scripts
//! compare that; started as `pgkeep` it names itself and that version.

use pgkeep_config::{Program, option};

use crate::error::Result;
use crate::runtime::Context;

/// Version of this program.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Version of the original whose commands, options and repository this program keeps to.
pub const COMPATIBLE: &str = "2.60.0";

/// Goes into files we write as `backrest-version`. Distinct from every version of the original, so that it never resumes a backup
/// of ours (spec 7.5), and the reader sees who wrote a set.
pub use pgkeep_repo::info_file::PROGRAM_VERSION as WRITTEN_BY;

/// The version shown in begin lines and answers: the compatible one when started as the original.
#[must_use]
pub fn shown(program: Program) -> &'static str {
    match program {
        Program::PgBackRest => COMPATIBLE,
        Program::PgKeep => VERSION,
    }
}

/// Prints the version as text, or with `--output=num` as one number.
///
/// # Errors
/// When the output cannot be written.
pub fn run(context: &Context) -> Result<()> {
    let program = context.config.program();
    if context.config.string(option::OUTPUT) == Some("num") {
        return context.output.text(&number(shown(program)).to_string());
    }
    match program {
        Program::PgBackRest => context.output.text(&format!("pgBackRest {COMPATIBLE}\n")),
        Program::PgKeep => context.output.text(&format!(
            "pgkeep {VERSION} (compatible with pgBackRest {COMPATIBLE})\n"
        )),
    }
}

/// `2.60.0` as `2060000`: major × 1000000 + minor × 1000 + patch.
fn number(version: &str) -> u64 {
    version
        .split('.')
        .fold(0, |sum, part| sum * 1000 + part.parse::<u64>().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_one_number_with_three_digits_a_part() {
        assert_eq!(number("2.60.0"), 2_060_000);
        assert_eq!(number("2.55.1"), 2_055_001);
    }
}
