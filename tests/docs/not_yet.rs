//! The page about what is refused so far follows the list of refusals, and so do the texts of help.

use pgkeep_command::run::not_yet::NOT_YET;
use pgkeep_config::option::OPTIONS;

use crate::generated;

const HEAD: &str = "# What is refused so far

pgkeep accepts every command and option of pgBackRest 2.60. The options below it does not support yet. It refuses them by
name, with exit code 31, and only when the command being run needs them: a configuration file that uses such an option for
something else goes on working. Nothing is changed by a refused command; pgBackRest can run it on the same repository.
";

#[test]
fn the_page_about_what_is_refused_follows_the_code() {
    let mut page = HEAD.to_owned();
    page.push_str("\n| option | why |\n|---|---|\n");
    for (option, what) in NOT_YET {
        page.push_str(&format!("| `{option}` | {what} |\n"));
    }
    generated("docs/reference/not-yet.md", &page);
}

/// A feature that has come must not be called missing by the help of its options.
#[test]
fn help_calls_missing_what_is_refused_and_nothing_else() {
    let refused: Vec<&str> = NOT_YET
        .iter()
        .filter_map(|(name, _)| (!name.contains('=')).then_some(*name))
        .collect();
    let mut called: Vec<&str> = OPTIONS
        .iter()
        .filter(|option| option.help.contains("supported by pgkeep yet"))
        .map(|option| option.name)
        .collect();
    called.sort_unstable();
    assert_eq!(called, refused);
}
