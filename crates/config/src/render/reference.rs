//! The reference pages: one about all options, one about all commands, in Markdown.
//!
//! They are generated into the documentation and compared in a test there. Invariant: the same definitions give the same pages, whatever
//! the host.

use std::fmt::Write;

use super::facts::{facts, name_with_index};
use crate::define::command::{CommandDef, Role, commands};
use crate::define::option::OptionDef;
use crate::input::Program;
use crate::parse::name;

const HEADINGS: [(&str, &str); 9] = [
    ("general", "General"),
    ("archive", "Archive"),
    ("backup", "Backup"),
    ("restore", "Restore"),
    ("log", "Log"),
    ("repository", "Repository"),
    ("server", "Server"),
    ("stanza", "Stanza"),
    ("maintainer", "Maintainer"),
];

/// Page about every option of a configuration file, and those that only the command line and the environment know.
pub fn configuration(program: Program) -> String {
    let binary = program.binary();
    let mut page = format!(
        "# Options of {binary}\n\n\
         Said on the command line (`--name=value`), in the environment (`{}_NAME`) or in the configuration file (`name=value`); the first of \
         these wins, and in the file `[stanza:command]`, `[stanza]`, `[global:command]`, `[global]` in this order. `N` stands for an index \
         from 1 to 256.\n\n\
         Sizes are bytes or have a suffix: `KiB`, `MiB`, `GiB`, `TiB`, `PiB` (powers of 1024, `K` or `KB` is the same). Times are seconds or \
         have a suffix: `ms`, `s`, `m`, `h`, `d`, `w`.\n",
        binary.to_uppercase()
    );
    let heading = |option: &OptionDef| {
        HEADINGS
            .iter()
            .position(|(section, _)| *section == option.help_section)
            .unwrap_or(HEADINGS.len())
    };
    for (position, title) in HEADINGS
        .iter()
        .map(|(_, title)| *title)
        .chain(["Command"])
        .enumerate()
    {
        let mut options = name::options(program)
            .filter(|option| heading(option) == position && !option.internal)
            .peekable();
        if options.peek().is_some() {
            let _ = writeln!(page, "\n## {title}");
        }
        for option in options {
            add_option(&mut page, option);
        }
    }
    page
}

fn add_option(page: &mut String, option: &OptionDef) {
    let _ = writeln!(
        page,
        "\n### {}\n\n{}\n\n{}\n",
        name_with_index(option),
        option.summary,
        option.help
    );
    for (label, text) in facts(option) {
        let _ = writeln!(page, "- {label}: {text}");
    }
    if !option.example.is_empty() {
        let _ = writeln!(page, "- Example: `{}`", option.example);
    }
}

/// Page about every command with the names of its options.
pub fn command_pages(program: Program) -> String {
    let mut page = format!("# Commands of {}\n", program.binary());
    for command in commands(program) {
        add_command(&mut page, command, program);
    }
    page
}

fn add_command(page: &mut String, command: &CommandDef, program: Program) {
    let _ = write!(page, "\n## {}\n\n", command.name);
    if command.internal {
        page.push_str("*Internal.* ");
    }
    if command.ours {
        page.push_str("*As `pgkeep` only: pgBackRest does not have it.* ");
    }
    let _ = writeln!(page, "{}\n\n{}", command.summary, command.help);
    let usage = format!(
        "{} [options] {} {}",
        program.binary(),
        command.name,
        command.parameter_usage
    );
    let _ = write!(page, "\n```\n{}\n", usage.trim_end());
    for example in command.examples {
        let _ = writeln!(page, "{example}");
    }
    page.push_str("```\n");
    if !command.exit.is_empty() {
        page.push_str("\nExit statuses besides 0 and the codes of errors:\n\n");
        for exit in command.exit {
            let _ = writeln!(page, "- {}: {}", exit.status, exit.meaning);
        }
    }
    let options: Vec<String> = name::options(program)
        .filter(|option| {
            option.is_known(program, command.id, Role::Main) && !option.internal_in(command.id)
        })
        .map(|option| format!("`{}`", name_with_index(option)))
        .collect();
    if !options.is_empty() {
        let _ = writeln!(page, "\nOptions: {}", options.join(", "));
    }
}
