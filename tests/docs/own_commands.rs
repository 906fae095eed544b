//! Pages that count up commands name all of them.

use pgkeep_config::command::COMMANDS;

use crate::{path, text};

#[test]
fn the_guide_to_migrating_names_every_command_that_pgbackrest_does_not_have() {
    let page = text("docs/guide/migrating.md");
    let row = page
        .lines()
        .find(|line| line.starts_with("| commands that only one program has |"))
        .expect("the table has the row");
    let named: Vec<&str> = row.split('`').skip(1).step_by(2).collect();
    let ours: Vec<&str> = COMMANDS
        .iter()
        .filter(|command| command.ours)
        .map(|command| command.name)
        .collect();
    assert_eq!(named, ours);
}

/// Which commands a stop file ends is said by their definitions, from where help and pages have it.
#[test]
fn definitions_say_which_commands_look_for_a_stop_file() {
    for command in COMMANDS {
        let folder = path("crates/command/src").join(command.name.replace('-', "_"));
        // Not every command is there yet.
        let looks = std::fs::read_to_string(folder.join("mod.rs"))
            .is_ok_and(|source| source.contains("stop_file::check("));
        assert_eq!(
            looks, command.stop_test,
            "{}: stop_test in the table of commands, and the help of stop",
            command.name
        );
    }
}
