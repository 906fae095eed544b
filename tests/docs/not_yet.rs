//! The page about what is refused so far follows the list of refusals and the table of commands.

use pgkeep_command::run::not_yet::NOT_YET;
use pgkeep_config::command::COMMANDS;

use crate::{generated, text};

const HEAD: &str = "# What is refused so far

pgkeep accepts every command and option of pgBackRest 2.60. A feature that is not there yet is refused by name, with
exit code 31 (option) or 48 (command), and only when the command being run needs it: a configuration file that uses such
an option for something else goes on working. Nothing is changed by a refused command; pgBackRest can run it on the same
repository.
";

#[test]
fn the_page_about_what_is_refused_follows_the_code() {
    let mut page = HEAD.to_owned();
    page.push_str("\n| command | |\n|---|---|\n");
    let dispatch = text("crates/cli/src/dispatch.rs");
    let refused: Vec<_> = COMMANDS
        .iter()
        .filter(|command| {
            let name = format!("{:?}", command.id);
            // Help is answered, and the server runs, before commands are dispatched.
            name != "Help"
                && name != "Server"
                && !dispatch.contains(&format!("CommandId::{name} =>"))
        })
        .collect();
    for command in &refused {
        page.push_str(&format!("| `{}` | {} |\n", command.name, command.summary));
    }
    if refused.is_empty() {
        page.push_str("| none | |\n");
    }
    page.push_str("\n| option | what it needs |\n|---|---|\n");
    for (option, what) in NOT_YET {
        page.push_str(&format!("| `{option}` | {what} |\n"));
    }
    generated("docs/reference/not-yet.md", &page);
}
