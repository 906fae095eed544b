//! The same thing said on the command line, in the environment or in a file gives the same value.

use proptest::prelude::*;

use crate::Config;
use crate::define::command::{CommandId, Role};
use crate::define::option::{Kind, OPTIONS, OptionDef, Range, Section};
use crate::option_name;
use crate::testing::Host;

/// Options of `backup` that all three sources accept without further conditions.
fn candidates() -> Vec<&'static OptionDef> {
    OPTIONS
        .iter()
        .copied()
        .filter(|option| {
            option.is_valid(CommandId::Backup, Role::Main)
                && option.section != Section::CommandLine
                && option.depends_for(CommandId::Backup).is_none()
                && !option.secure
                && !option.ours
                && option.name != "pg-path"
        })
        .collect()
}

/// An option, an index and a value that may or may not be acceptable.
fn said() -> impl Strategy<Value = (&'static OptionDef, u32, String)> {
    let options = candidates();
    (0..options.len(), 1..=3_u32, any::<u16>(), "[a-z/=]{1,6}").prop_map(
        move |(position, key, number, text)| {
            let option = options[position];
            let allowed = option.allowed_for(CommandId::Backup);
            let value = match option.kind {
                Kind::Boolean => ["y", "n"][usize::from(number % 2)].to_owned(),
                Kind::Path => format!("/{text}"),
                Kind::Hash => format!("{text}={number}"),
                Kind::Integer => (i32::from(number % 2000) - 50).to_string(),
                Kind::Size => format!(
                    "{}{}",
                    number % 5000,
                    ["", "k", "MB", "gib"][usize::from(number % 4)]
                ),
                Kind::Time => format!(
                    "{}{}",
                    number % 5000,
                    ["", "ms", "s", "H"][usize::from(number % 4)]
                ),
                _ if !allowed.is_empty() && number % 8 != 0 => {
                    allowed[usize::from(number) % allowed.len()].to_owned()
                }
                _ => text,
            };
            (option, if option.group.is_some() { key } else { 0 }, value)
        },
    )
}

/// Value, spelling and effect; or the message, without what differs between the sources.
fn outcome(host: &Host, words: &[String], option: &'static OptionDef, key: u32) -> String {
    let all = ["backup", "--stanza=demo", "--pg1-path=/pg"]
        .into_iter()
        .chain(words.iter().map(String::as_str));
    match host.load_words(all) {
        Ok(loaded) => {
            let config: &Config = &loaded.config;
            let entry = config.entry(option, key).map(|entry| {
                (
                    entry.value.clone(),
                    entry.spelling.clone(),
                    entry.negate,
                    entry.default.clone(),
                )
            });
            format!(
                "{entry:?} {:?} {}",
                config.keys,
                config.begin_line_options()
            )
        }
        Err(error) => format!("{} {error}", error.code),
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        rng_seed: proptest::test_runner::RngSeed::Fixed(20_260_101),
        ..ProptestConfig::with_cases(2000)
    })]

    #[test]
    fn command_line_environment_and_file_mean_the_same((option, key, value) in said()) {
        let name = option_name(option, key);
        let line = outcome(&Host::pgbackrest(), &[format!("--{name}={value}")], option, key);
        let variable = format!("PGBACKREST_{}", name.to_uppercase().replace('-', "_"));
        let environment = outcome(&Host::pgbackrest().variable(&variable, &value), &[], option, key);
        let text = format!("[demo]\n{name}={value}\n");
        let file = outcome(&Host::pgbackrest().config(&text), &[], option, key);
        prop_assert_eq!(&line, &environment);
        prop_assert_eq!(&line, &file);
    }

    #[test]
    fn nothing_a_user_types_makes_the_parser_panic(words in prop::collection::vec("[-a-z0-9=:/ ]{0,12}", 0..6), file in "[\\[\\]a-z0-9=#: \n-]{0,60}") {
        let _ = Host::ours().config(&file).load_words(words.iter().map(String::as_str));
    }
}

#[test]
fn most_options_of_backup_are_covered() {
    assert!(candidates().len() > 50, "{}", candidates().len());
    let ranged = candidates()
        .iter()
        .filter(|o| matches!(o.range, Some(Range::Is(..))))
        .count();
    assert!(ranged > 5, "{ranged}");
}
