//! The options that a process on another host is told, as words: those of pgBackRest in its order.

use std::collections::BTreeMap;

use pgkeep_config::command::Role;
use pgkeep_config::option::{Group, OptionDef};
use pgkeep_config::render::argv::{Child, Other, Replacement};
use pgkeep_config::{Config, option};

use super::for_side::for_side;
use crate::error::Result;
use crate::hosts::{rate_limits, repository};
use crate::locks;
use crate::remote::wire::greeting::Side;
use crate::run::context::Context;

/// Words for the other host, which has this cluster or repository; with `quote` they are for a shell.
pub(super) fn words(context: &Context, side: Side, key: u32, quote: bool) -> Result<Vec<String>> {
    let config = &context.config;
    let replace = replacements(context, side, key)?;
    Ok(config.child_options(Child {
        command: config.command(),
        role: Role::Remote,
        local: false,
        other: Some(Other {
            group: match side {
                Side::Pg => Group::Pg,
                Side::Repo => Group::Repo,
            },
            key,
        }),
        quote,
        replace: &replace,
    }))
}

/// File names of the locks that the other host takes for this run.
pub(super) fn locks(context: &Context) -> Result<Vec<String>> {
    let command = context.config.command().definition();
    if !command.lock_remote {
        return Ok(Vec::new());
    }
    let keys = repository::keys(&context.config);
    Ok(locks::names(context.stanza()?, command.lock, &keys))
}

fn replacements(context: &Context, side: Side, key: u32) -> Result<BTreeMap<String, Replacement>> {
    let config = &context.config;
    let value = |text: &str| Replacement::Value(text.to_owned());
    let config_file = |pg, repo| {
        let option = for_side(side, pg, repo);
        said_at(config, option, key).map_or(Replacement::Omit, value)
    };
    let log_level_file = match config.boolean(option::LOG_SUBPROCESS) {
        true => config.string(option::LOG_LEVEL_FILE).unwrap_or("off"),
        false => "off",
    };
    let mut replace = BTreeMap::new();
    let mut put = |option: &OptionDef, with| replace.insert(option.name.to_owned(), with);
    put(
        option::CONFIG,
        config_file(option::PG_HOST_CONFIG, option::REPO_HOST_CONFIG),
    );
    put(
        option::CONFIG_INCLUDE_PATH,
        config_file(
            option::PG_HOST_CONFIG_INCLUDE_PATH,
            option::REPO_HOST_CONFIG_INCLUDE_PATH,
        ),
    );
    put(
        option::CONFIG_PATH,
        config_file(option::PG_HOST_CONFIG_PATH, option::REPO_HOST_CONFIG_PATH),
    );
    put(
        option::REPO,
        match side {
            Side::Pg => Replacement::Omit,
            Side::Repo => value(&key.to_string()),
        },
    );
    put(option::PROCESS, value("0"));
    // These are matters of each host.
    put(option::LOG_FORMAT, Replacement::Omit);
    put(option::LOG_PATH, Replacement::Omit);
    put(option::LOCK_PATH, Replacement::Omit);
    put(option::LOG_LEVEL_FILE, value(log_level_file));
    put(option::LOG_LEVEL_STDERR, value("error"));
    put(option::LOG_LEVEL_CONSOLE, value("off"));
    put(option::REMOTE_TYPE, value(side.name()));
    let locks = locks(context)?;
    if !locks.is_empty() {
        put(option::LOCK, Replacement::Values(locks));
    }
    if side == Side::Repo && !rate_limits::is_for_command(config, key) {
        // The other host could not tell it from one that is meant for archiving.
        let name = format!("repo{key}-rate-limit");
        replace.insert(name, Replacement::Omit);
    }
    Ok(replace)
}

fn said_at<'a>(config: &'a Config, option: &'static OptionDef, key: u32) -> Option<&'a str> {
    let said = !config.source(option, key).is_default();
    said.then(|| config.string_at(option, key)).flatten()
}

#[cfg(test)]
mod tests {
    use pgkeep_config::Program;

    use super::*;
    use crate::run::test_context;

    #[test]
    fn each_host_writes_its_log_in_the_form_of_its_own_configuration() {
        let options = [
            "--pg1-path=/pg",
            "--repo1-host=other",
            "--log-format=json",
            "--log-timestamp",
        ];
        let context = test_context::new(Program::PgKeep, "backup", &options);
        let words = words(&context, Side::Repo, 1, true).unwrap();
        let named = |name: &str| words.iter().any(|word| word.contains(name));
        // Whoever is called pgbackrest there does not know it.
        assert!(!named("log-format"), "{words:?}");
        assert!(named("log-timestamp"), "{words:?}");
    }

    #[test]
    fn a_limit_for_all_commands_is_not_told_where_wal_is_archived() {
        let told = |command: &str, section: &str| {
            let file = format!(
                "[{section}]\nrepo1-rate-limit=1MiB\n[demo]\npg1-path=/pg\nrepo1-host=other\n"
            );
            let context = test_context::with_file(Program::PgKeep, command, &[], &file);
            let words = words(&context, Side::Repo, 1, true).unwrap();
            words.contains(&"--repo1-rate-limit=1MiB".to_owned())
        };
        assert!(told("backup", "global"));
        assert!(told("archive-push", "global:archive-push"));
        assert!(!told("archive-push", "global"));
        assert!(!told("archive-get", "demo"));
    }
}
