//! Checks of the tables: agreement with pgBackRest's option table, order, completeness of the texts.

use std::collections::{BTreeMap, BTreeSet};

use super::command::{COMMANDS, CommandId, Role};
use super::option::{
    CommandRoles, DRY_RUN, Default, Depend, Group, Kind, OPTIONS, OptionDef, PROCESS_MAX,
    REPO_PATH, Range, Section,
};

use crate::input::Program;

/// Facts about pgBackRest's options; the head of the file explains its form.
const PGBACKREST: &str = include_str!("../../tests-data/options.tsv");

/// The lines of pgBackRest's table by option, references to lists resolved.
fn pgbackrest() -> BTreeMap<&'static str, String> {
    let mut lists = BTreeMap::new();
    let mut options = BTreeMap::new();
    for line in PGBACKREST.lines().filter(|line| !line.starts_with('#')) {
        let (name, rest) = line.split_once('\t').expect("a line has several columns");
        if name.starts_with('@') {
            lists.insert(name, rest);
        } else {
            let (facts, commands) = line.rsplit_once('\t').expect("a line has several columns");
            let commands = lists.get(commands).unwrap_or(&commands);
            options.insert(name, format!("{facts}\t{commands}"));
        }
    }
    options
}

/// The same facts about one of our definitions, in the same form.
fn row(option: &OptionDef) -> String {
    let yes = |value: bool| (if value { "y" } else { "n" }).to_owned();
    let by_command = |list: Vec<String>| list.join("; ");
    [
        option.name.to_owned(),
        match option.section {
            Section::Global => "global",
            Section::Stanza => "stanza",
            Section::CommandLine => "command-line",
        }
        .to_owned(),
        option.help_section.to_owned(),
        kind(option.kind).to_owned(),
        default(option.default),
        by_command(exceptions(option.default_by_command, |value| {
            (*value).to_owned()
        })),
        option.allowed.join("|"),
        by_command(exceptions(option.allowed_by_command, |values| {
            values.join("|")
        })),
        range(option.range),
        option.group.map_or("", Group::name).to_owned(),
        yes(option.required),
        by_command(exceptions(option.required_by_command, |value| yes(*value))),
        yes(option.negatable),
        yes(option.resettable),
        yes(option.multiple),
        yes(option.secure),
        yes(option.bool_like),
        yes(option.internal),
        option
            .internal_for
            .iter()
            .filter(|id| !is_ours(option, **id))
            .map(|id| id.name())
            .collect::<Vec<_>>()
            .join(","),
        deprecated(option),
        option.depends.as_ref().map(depend).unwrap_or_default(),
        option
            .depends_by_command
            .iter()
            .filter(|(id, _)| !is_ours(option, *id))
            .map(|(id, on)| format!("{}: {}", id.name(), depend(on)))
            .collect::<Vec<_>>()
            .join("; "),
        option
            .commands
            .iter()
            .filter(|known| !is_ours(option, known.command))
            .map(command)
            .collect::<Vec<_>>()
            .join(","),
    ]
    .join("\t")
}

/// Whether pgBackRest does not know the pair.
fn is_ours(option: &OptionDef, command: CommandId) -> bool {
    command.definition().ours || option.commands_ours.contains(&command)
}

fn exceptions<T>(list: &[(CommandId, T)], value: impl Fn(&T) -> String) -> Vec<String> {
    list.iter()
        .filter(|(id, _)| !id.definition().ours)
        .map(|(id, of)| format!("{}={}", id.name(), value(of)))
        .collect()
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Boolean => "boolean",
        Kind::Integer => "integer",
        Kind::Size => "size",
        Kind::Time => "time",
        Kind::String => "string",
        Kind::StringId => "string-id",
        Kind::Path => "path",
        Kind::List => "list",
        Kind::Hash => "hash",
    }
}

fn default(default: Default) -> String {
    match default {
        Default::None => String::new(),
        Default::Is(value) => value.to_owned(),
        Default::Argv0 => "argv[0]".to_owned(),
        Default::ByOption { option, values } => values
            .iter()
            .map(|(of, value)| format!("{value} when {option}={of}"))
            .collect::<Vec<_>>()
            .join("; "),
    }
}

fn range(range: Option<Range>) -> String {
    match range {
        None => String::new(),
        Some(Range::Is(min, max)) => format!("{min}..{max}"),
        Some(Range::ByOption { option, values }) => values
            .iter()
            .map(|(of, min, max)| format!("{min}..{max} when {option}={of}"))
            .collect::<Vec<_>>()
            .join("; "),
    }
}

fn depend(depend: &Depend) -> String {
    let Depend {
        option,
        values,
        otherwise,
    } = depend;
    let condition = match values {
        [] => format!("{option} set"),
        [value] => format!("{option} = {value}"),
        values => format!("{option} in ({})", values.join(",")),
    };
    match otherwise {
        None => condition,
        Some(value) => format!("{condition} (else value is {value})"),
    }
}

/// `db-path,db<N>-path`: spelling without index first, then with the index after the first word.
fn deprecated(option: &OptionDef) -> String {
    let mut spellings = Vec::new();
    for old in option.deprecated {
        if old.unindexed {
            spellings.push(old.name.to_owned());
        }
        if old.indexed {
            spellings.push(old.name.replacen('-', "<N>-", 1));
        }
    }
    spellings.sort_by_key(|spelling| spelling.replace("<N>", ""));
    spellings.join(",")
}

fn command(known: &CommandRoles) -> String {
    let name = known.command.name();
    if *known == CommandRoles::all(known.command) {
        return name.to_owned();
    }
    let roles = Role::ALL
        .iter()
        .filter(|role| known.has(**role))
        .map(|role| role.name());
    format!("{name}({})", roles.collect::<Vec<_>>().join("+"))
}

#[test]
fn every_option_is_what_pgbackrest_says() {
    let pgbackrest = pgbackrest();
    for option in OPTIONS.iter().filter(|option| !option.ours) {
        let expected = pgbackrest
            .get(option.name)
            .expect("pgBackRest knows the option");
        let columns = |row: &str| row.split('\t').map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(columns(&row(option)), columns(expected), "{}", option.name);
    }
    let ours: BTreeSet<_> = OPTIONS.iter().map(|option| option.name).collect();
    let missing: Vec<_> = pgbackrest
        .keys()
        .filter(|name| !ours.contains(**name))
        .collect();
    assert!(missing.is_empty(), "not declared: {missing:?}");
    assert_eq!(pgbackrest.len(), 202);
}

#[test]
fn help_of_pgbackrest_lists_1688_pairs_of_command_and_option() {
    let mut pairs = 0;
    for option in OPTIONS.iter().filter(|option| !option.ours) {
        for known in option.commands {
            // The two options of `help` are not in any help text.
            let shown =
                known.main && known.command != CommandId::Help && !is_ours(option, known.command);
            pairs += usize::from(shown && !option.internal_in(known.command));
        }
    }
    assert_eq!(pairs, 1688);
}

#[test]
fn options_are_sorted_and_unique() {
    for pair in OPTIONS.windows(2) {
        assert!(
            pair[0].name < pair[1].name,
            "{} before {}",
            pair[0].name,
            pair[1].name
        );
    }
    let known = OPTIONS.iter().filter(|option| !option.ours).count();
    assert_eq!(known, 202);
}

#[test]
fn options_are_found_by_name_and_by_any_older_spelling_only_once() {
    assert_eq!(OptionDef::from_name("process-max"), Some(PROCESS_MAX));
    assert_eq!(OptionDef::from_name("repo1-path"), None);
    let mut spellings = BTreeSet::new();
    for option in OPTIONS {
        for old in option.deprecated {
            assert!(old.indexed || old.unindexed, "{}", old.name);
            assert!(
                spellings.insert(old.name),
                "{} is older spelling of two options",
                old.name
            );
            let named = OptionDef::from_name(old.name);
            assert!(
                named.is_none() || named == Some(*option),
                "{} is an option",
                old.name
            );
        }
    }
    assert!(spellings.contains("db-path"));
}

#[test]
fn commands_are_sorted_and_in_the_order_of_their_ids() {
    for pair in COMMANDS.windows(2) {
        assert!(pair[0].name < pair[1].name, "{}", pair[0].name);
    }
    for (at, command) in COMMANDS.iter().enumerate() {
        assert_eq!(command.id as usize, at, "{}", command.name);
        assert_eq!(command.id.name(), command.name);
        assert_eq!(CommandId::from_name(command.name), Some(command.id));
        assert_eq!(command.roles, command.id.roles());
        assert!(command.parameters.0 <= command.parameters.1);
        assert_eq!(
            command.parameter_usage.is_empty(),
            command.parameters.1 == 0
        );
    }
    assert_eq!(COMMANDS.len(), CommandId::Version as usize + 1);
}

#[test]
fn commands_of_options_are_sorted_and_in_roles_that_exist() {
    for option in OPTIONS {
        assert!(!option.commands.is_empty(), "{}", option.name);
        for pair in option.commands.windows(2) {
            assert!(pair[0].command < pair[1].command, "{}", option.name);
        }
        for known in option.commands {
            assert!(
                Role::ALL.iter().any(|role| known.has(*role)),
                "{}",
                option.name
            );
            for role in Role::ALL.into_iter().filter(|role| known.has(*role)) {
                assert!(known.command.roles().has(role), "{} {role:?}", option.name);
            }
        }
        let exceptions = option.default_by_command.iter().map(|(id, _)| *id);
        let exceptions = exceptions.chain(option.allowed_by_command.iter().map(|(id, _)| *id));
        let exceptions = exceptions.chain(option.required_by_command.iter().map(|(id, _)| *id));
        let exceptions = exceptions.chain(option.depends_by_command.iter().map(|(id, _)| *id));
        for id in exceptions.chain(option.internal_for.iter().copied()) {
            assert!(
                option.roles(id).is_some(),
                "{} has an exception for {id:?}",
                option.name
            );
        }
    }
}

#[test]
fn what_an_option_depends_on_exists_for_the_same_commands() {
    for option in OPTIONS {
        for known in option.commands {
            let Some(depend) = option.depends_for(known.command) else {
                continue;
            };
            let other = OptionDef::from_name(depend.option).expect("the option depended on exists");
            assert!(
                other.roles(known.command).is_some(),
                "{} of {known:?}",
                option.name
            );
            for value in depend.values {
                assert!(
                    accepts(other, known.command, value),
                    "{} = {value}",
                    depend.option
                );
            }
        }
        let follows = [
            if let Default::ByOption { option: on, .. } = option.default {
                Some(on)
            } else {
                None
            },
            if let Some(Range::ByOption { option: on, .. }) = option.range {
                Some(on)
            } else {
                None
            },
        ];
        for on in follows.into_iter().flatten() {
            assert!(
                OptionDef::from_name(on).is_some(),
                "{} follows {on}",
                option.name
            );
        }
    }
}

/// Whether `value` can be a value of `option` for `command`, as far as the table tells.
fn accepts(option: &OptionDef, command: CommandId, value: &str) -> bool {
    match option.kind {
        Kind::Boolean => value == "y" || value == "n",
        Kind::StringId => option.allowed_for(command).contains(&value),
        _ => true,
    }
}

#[test]
fn defaults_are_values_the_option_accepts() {
    for option in OPTIONS {
        for known in option.commands {
            if let Default::Is(value) = option.default_for(known.command) {
                assert!(
                    accepts(option, known.command, value),
                    "{} {value}",
                    option.name
                );
            }
        }
    }
}

#[test]
fn every_text_says_something_and_ends_with_a_full_stop() {
    let texts = OPTIONS
        .iter()
        .map(|option| (option.name, option.summary, option.help));
    let commands = COMMANDS
        .iter()
        .map(|command| (command.name, command.summary, command.help));
    for (name, summary, help) in texts.chain(commands) {
        assert!(
            summary.ends_with('.') && !summary.contains('\n'),
            "summary of {name}"
        );
        assert!(summary.len() <= 80, "summary of {name} is long");
        assert!(
            help.ends_with('.') && !help.contains("\n\n\n"),
            "help of {name}"
        );
        assert!(help.split("\n\n").count() <= 4, "help of {name} is long");
        for paragraph in help.split("\n\n") {
            assert!(
                !paragraph.contains('\n') && paragraph.ends_with('.'),
                "help of {name}"
            );
            assert_eq!(paragraph.trim(), paragraph, "help of {name}");
        }
        assert_ne!(summary, help, "help of {name} repeats the summary");
    }
}

#[test]
fn texts_refer_only_to_options_and_commands_that_exist() {
    let texts = OPTIONS.iter().map(|option| (option.name, option.help));
    for (name, help) in texts.chain(COMMANDS.iter().map(|command| (command.name, command.help))) {
        for word in help.split('`').skip(1).step_by(2) {
            let Some(said) = word.strip_prefix("--") else {
                continue;
            };
            let said = said.split(['=', ' ']).next().unwrap_or(said);
            let plain = said.strip_prefix("no-").unwrap_or(said);
            assert!(
                OptionDef::from_name(plain).is_some(),
                "help of {name}: {word}"
            );
        }
        assert_eq!(
            help.matches('`').count() % 2,
            0,
            "help of {name}: unpaired quote"
        );
    }
}

#[test]
fn examples_use_the_option_or_command_they_stand_for() {
    for option in OPTIONS {
        let said = option.example.strip_prefix("--").unwrap_or(option.example);
        let said = said.split('=').next().unwrap_or(said);
        let spelled = match option.group {
            Some(group) => option
                .name
                .replacen(group.name(), &format!("{}1", group.name()), 1),
            None => option.name.to_owned(),
        };
        assert!(
            said == spelled || said == format!("no-{spelled}"),
            "{}",
            option.example
        );
        if option.section == Section::CommandLine {
            assert!(option.example.starts_with("--"), "{}", option.example);
        }
        if option.kind == Kind::Boolean && !option.example.starts_with("--") {
            assert!(option.example.ends_with("=y") || option.example.ends_with("=n"));
        }
    }
    for command in COMMANDS {
        assert!(!command.examples.is_empty(), "{}", command.name);
        for example in command.examples {
            assert!(example.contains("pgkeep"), "{example}");
        }
    }
}

#[test]
fn own_options_have_names_pgbackrest_does_not_know_and_need_not_be_given() {
    let pgbackrest = pgbackrest();
    for option in OPTIONS.iter().filter(|option| option.ours) {
        assert!(!pgbackrest.contains_key(option.name), "{}", option.name);
        // One that is asked for only beside another of ours is never asked of who gave none.
        let beside_ours = option.depends.as_ref().is_some_and(|depend| {
            OPTIONS
                .iter()
                .any(|other| other.ours && other.name == depend.option)
        });
        assert!(
            !option.required || option.default != Default::None || beside_ours,
            "{}",
            option.name
        );
    }
}

#[test]
fn pairs_that_only_we_know_are_pairs_of_pgbackrests_words() {
    for option in OPTIONS {
        for command in option.commands_ours {
            assert!(
                !option.ours && !command.definition().ours,
                "{}",
                option.name
            );
            assert!(option.is_known(Program::PgKeep, *command, Role::Main));
            assert!(!option.is_known(Program::PgBackRest, *command, Role::Main));
        }
    }
    assert_eq!(DRY_RUN.commands_ours, [CommandId::Restore]);
}

#[test]
fn secrets_are_never_choices_or_defaults() {
    let secure: Vec<_> = OPTIONS.iter().filter(|option| option.secure).collect();
    assert_eq!(secure.len(), 11);
    for option in secure {
        assert!(
            option.allowed.is_empty() && option.kind == Kind::String,
            "{}",
            option.name
        );
    }
}

#[test]
fn names_fit_the_limit_of_the_command_line() {
    for option in OPTIONS {
        assert!(
            option.name.len() + "no-".len() + "256".len() <= 64,
            "{}",
            option.name
        );
    }
    assert_eq!(REPO_PATH.group, Some(Group::Repo));
}

#[test]
fn the_help_of_stop_names_the_commands_that_it_stops() {
    let help = CommandId::Stop.definition().help;
    let named: Vec<&str> = help
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|word| !word.starts_with("--") && *word != "start")
        .collect();
    for command in COMMANDS {
        assert_eq!(
            command.stop_test,
            named.contains(&command.name),
            "help of stop and {}",
            command.name
        );
    }
}
