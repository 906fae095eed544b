//! The reference pages: all options, all commands.

use pgkeep_config::Program;
use pgkeep_config::render::reference::{command_pages, configuration};

use crate::generated;

#[test]
fn the_page_about_options_says_what_the_definitions_say() {
    generated(
        "docs/reference/configuration.md",
        &tidied(&configuration(Program::PgKeep)),
    );
}

#[test]
fn the_page_about_commands_says_what_the_definitions_say() {
    generated(
        "docs/reference/commands.md",
        &tidied(&command_pages(Program::PgKeep)),
    );
}

/// Wraps prose to the width of all other pages; headings, lists and code stay as they are.
fn tidied(page: &str) -> String {
    let mut out = String::new();
    let mut code = false;
    for line in page.lines() {
        code ^= line.starts_with("```");
        let prose = !code && !line.starts_with(['#', '`', '|']);
        if prose && line.chars().count() > WIDTH {
            wrap(&mut out, line);
        } else {
            out.push_str(line);
            out.push('\n');
        }
    }
    out
}

const WIDTH: usize = 120;

fn wrap(out: &mut String, line: &str) {
    // What continues an entry of a list is indented below its text.
    let indent = if line.starts_with("- ") { "  " } else { "" };
    let mut width = 0;
    for word in line.split(' ') {
        let length = word.chars().count();
        if width > 0 && width + 1 + length > WIDTH {
            out.push('\n');
            out.push_str(indent);
            width = indent.len();
        } else if width > 0 {
            out.push(' ');
            width += 1;
        }
        out.push_str(word);
        width += length;
    }
    out.push('\n');
}
