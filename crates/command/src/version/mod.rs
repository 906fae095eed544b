//! `version`: which program this is.
//!
//! Started as `pgbackrest` it answers in the form of pgBackRest, with the version it is compatible with, because scripts compare
//! that. Started as `pgkeep` it names itself and that version, and can list the SSH algorithms that are built in.

use pgkeep_config::{Program, option};

use crate::error::Result;
use crate::run::Context;
use pgkeep_storage::sftp::{Algorithm, built_in};

/// Version of this program.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Version of pgBackRest whose commands, options and repository this program follows.
pub const COMPATIBLE: &str = "2.60.0";

/// Goes into files we write as `backrest-version`. It differs from every version of pgBackRest, which resumes backups of its own
/// version only and so never one of ours. It also tells a reader who wrote a set.
pub use pgkeep_repo::info_file::PROGRAM_VERSION as WRITTEN_BY;

/// The version shown in begin lines and answers: the compatible one when started as `pgbackrest`.
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
            "pgkeep {VERSION} (compatible with pgBackRest {COMPATIBLE})\n{}",
            if context.config.boolean(option::ALGORITHMS) {
                algorithms()
            } else {
                String::new()
            }
        )),
    }
}

/// What is built in for SFTP, strongest first; what is offered only on request stands in brackets.
fn algorithms() -> String {
    let all = built_in();
    let mut text = String::from(
        "\nSSH algorithms, strongest first; those in brackets only with repo-sftp-algorithm=legacy:\n",
    );
    for (name, list) in [
        ("key exchange", &all.key_exchange),
        ("keys", &all.key),
        ("ciphers", &all.cipher),
        ("MACs", &all.mac),
    ] {
        text.push_str(&format!("\n{name}\n"));
        for algorithm in list {
            text.push_str(&format!("    {}\n", shown_name(algorithm)));
        }
    }
    text
}

fn shown_name(algorithm: &Algorithm) -> String {
    if algorithm.legacy {
        format!("[{}]", algorithm.name)
    } else {
        algorithm.name.clone()
    }
}

/// `2.60.0` as `2060000`: major × 1000000 + minor × 1000 + patch.
pub(crate) fn number(version: &str) -> u64 {
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
