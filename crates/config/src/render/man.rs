//! The manual page.
//!
//! Commands and options in short form with their facts; longer texts are in the reference. Invariant: every line of text is escaped, so
//! that nothing in a definition is taken for a request of the formatter.

use std::fmt::Write;

use super::facts::{facts, name_with_index, placeholder};
use super::text::plain;
use crate::define::command::commands;
use crate::input::Program;
use crate::parse::name;
use crate::parse::search::{DefaultFiles, PGBACKREST_FILES, PGKEEP_FILES};

/// The page for section 1, in `man` macros.
pub fn page(program: Program, version: &str) -> String {
    let binary = program.binary();
    let mut page = format!(
        ".TH {} 1 \"\" \"{} {version}\"\n.SH NAME\n{binary} \\- backup and restore for PostgreSQL\n\
         .SH SYNOPSIS\n.B {binary}\n[options] command [parameters]\n.br\n.B {binary}\nhelp [command [option]]\n",
        binary.to_uppercase(),
        program.title()
    );
    page.push_str(
        ".SH DESCRIPTION\nOptions and words may come in any order; the first word that is not an option is the command. Commands and option names may be \
         shortened as long as they are unique. The command line wins over the environment, and the environment over the configuration file.\n",
    );
    page.push_str(".SH COMMANDS\n");
    for command in commands(program).filter(|command| !command.internal) {
        let _ = writeln!(
            page,
            ".TP\n.B {}\n{}",
            escape(&format!("{} {}", command.name, command.parameter_usage)).trim_end(),
            escape(&plain(command.summary))
        );
    }
    page.push_str(".SH OPTIONS\n");
    for option in name::options(program).filter(|option| !option.internal) {
        let value = placeholder(option).map_or_else(String::new, |text| format!("={text}"));
        let name = name_with_index(option);
        let _ = writeln!(
            page,
            ".TP\n.B {}\n{}",
            escape(&format!("--{name}{value}")),
            escape(&plain(option.summary))
        );
        for (label, text) in facts(option) {
            let _ = writeln!(page, ".br\n{}", escape(&format!("{label}: {text}")));
        }
    }
    add_surroundings(&mut page, program);
    page
}

/// Files, environment and exit status.
fn add_surroundings(page: &mut String, program: Program) {
    page.push_str(".SH FILES\n");
    let places: &[DefaultFiles] = match program {
        Program::PgKeep => &[PGKEEP_FILES, PGBACKREST_FILES],
        Program::PgBackRest => &[PGBACKREST_FILES],
    };
    for place in places {
        let _ = writeln!(
            page,
            ".TP\n.I {}\nThe configuration.\n.TP\n.I {}/*.conf\nFurther parts of the configuration, read in the order of their names.",
            place.config, place.include
        );
    }
    page.push_str(".SH ENVIRONMENT\n");
    let prefixes: &[&str] = match program {
        Program::PgKeep => &["PGKEEP", "PGBACKREST"],
        Program::PgBackRest => &["PGBACKREST"],
    };
    for prefix in prefixes {
        let _ = writeln!(
            page,
            ".TP\n.B {prefix}_<NAME>\nAn option in upper case, with _ instead of \\-; lists and maps are separated by colons."
        );
    }
    add_exit_statuses(page, program);
    page.push_str(
        ".SH SEE ALSO\npsql(1), pg_ctlcluster(1), sftp(1), sshd_config(5), systemd.timer(5)\n.br\n\
         The Debian package has guides in /usr/share/doc/pgkeep/guide (begin with getting-started.md), and every command and option in \
         /usr/share/doc/pgkeep/reference. The command help shows the same texts.\n",
    );
}

/// What a run ends with, by the definitions of the commands.
fn add_exit_statuses(page: &mut String, program: Program) {
    page.push_str(".SH EXIT STATUS\n.TP\n0\nSuccess.\n");
    for command in commands(program) {
        let ours = program == Program::PgKeep;
        for exit in command.exit.iter().filter(|exit| ours || !exit.ours) {
            let _ = writeln!(
                page,
                ".TP\n{}\n{}",
                exit.status,
                escape(&format!("{}: {}", command.name, plain(exit.meaning)))
            );
        }
    }
    page.push_str(
        ".TP\n25 to 125\nThe code of the error that is shown, for instance ERROR: [055]. pgBackRest has the same numbers. \
         63: ended by a signal. The guide on exit codes says what to do for each.\n",
    );
}

/// Text that the formatter shows as it is.
fn escape(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    if text.starts_with(['.', '\'']) {
        format!("\\&{text}")
    } else {
        text
    }
}
