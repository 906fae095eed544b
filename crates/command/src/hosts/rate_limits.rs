//! How fast the files of a repository or a cluster may be read and written, by the options.
//!
//! The bytes are counted on the host that has the files, by the process that serves a run there, and in the run itself as they
//! come and go: the slower of the two counts. So a limit holds also where the other host is not told of it, as over TLS.

use std::sync::Arc;

use pgkeep_config::command::CommandId;
use pgkeep_config::option::{self, OptionDef};
use pgkeep_config::{Config, Source};
use pgkeep_storage::wrap::limited::Limited;
use pgkeep_storage::{RateLimit, Storage};

use crate::hosts::shared_limits::ByClock;
use crate::run::context::Context;

/// The limit of a cluster, if it has one.
#[must_use]
pub fn of_cluster(context: &Context, key: u32) -> Option<Arc<RateLimit>> {
    of(context, option::PG_RATE_LIMIT, key)
}

/// The storage of a repository, slowed down if that is asked for.
#[must_use]
pub(super) fn around(context: &Context, key: u32, storage: Arc<dyn Storage>) -> Arc<dyn Storage> {
    match of_repository(context, key) {
        Some(limit) => Arc::new(Limited::new(storage, limit)),
        None => storage,
    }
}

/// The limit of a repository, if it has one that is meant for the command.
#[must_use]
pub(crate) fn of_repository(context: &Context, key: u32) -> Option<Arc<RateLimit>> {
    is_for_command(&context.config, key)
        .then(|| of(context, option::REPO_RATE_LIMIT, key))
        .flatten()
}

/// Whether the limit of a repository is meant for the command. Archiving must keep up with PostgreSQL, so a limit for all
/// commands is not meant for it; one of its own is.
#[must_use]
pub fn is_for_command(config: &Config, key: u32) -> bool {
    if !matches!(
        config.command(),
        CommandId::ArchivePush | CommandId::ArchiveGet
    ) {
        return true;
    }
    match config.source(option::REPO_RATE_LIMIT, key) {
        Source::File { section, .. } => section.contains(':'),
        _ => true,
    }
}

fn of(context: &Context, option: &'static OptionDef, key: u32) -> Option<Arc<RateLimit>> {
    let bytes_per_second = context.config.size_at(option, key)?;
    let limits = &context.rate_limits;
    Some(limits.get((option.name, key), bytes_per_second, || {
        Arc::new(ByClock {
            clock: context.clock.clone(),
            cancel: context.cancel.clone(),
        })
    }))
}

#[cfg(test)]
mod tests {
    use pgkeep_config::Program;
    use pgkeep_storage::copy::write_all;
    use pgkeep_storage::{StoragePath, WriteOptions};

    use super::*;
    use crate::hosts::repository;
    use crate::run::test_context;

    fn context(command: &str, options: &[&str]) -> Context {
        test_context::new(Program::PgKeep, command, options)
    }

    #[test]
    fn a_repository_that_is_opened_twice_has_one_limit_and_another_its_own() {
        let dir = tempfile::tempdir().unwrap();
        let path = |key: u32| {
            format!(
                "--repo{key}-path={}",
                dir.path().join(key.to_string()).display()
            )
        };
        let (one, two) = (path(1), path(2));
        let context = context(
            "verify",
            &[
                &one,
                &two,
                "--repo1-rate-limit=1MiB",
                "--repo2-rate-limit=2MiB",
            ],
        );
        let began = context.clock.milliseconds();
        let write = |key| {
            let storage = repository::open(&context, key).unwrap().storage;
            let file = StoragePath::new("file");
            write_all(
                &*storage,
                &file,
                &WriteOptions::default(),
                &vec![0; 1 << 20],
            )
            .unwrap();
            context.clock.milliseconds() - began
        };
        // The first 100 ms are the burst.
        assert_eq!(
            [write(1), write(1), write(2)].map(|time| (time + 5) / 100),
            [9, 19, 23]
        );
    }

    #[test]
    fn a_signal_ends_a_wait() {
        let context = context("verify", &["--repo1-rate-limit=1KiB"]);
        let limit = of(&context, option::REPO_RATE_LIMIT, 1).unwrap();
        context.cancel.cancel(15);
        let before = context.clock.milliseconds();
        assert!(limit.moved(1 << 30).is_err());
        assert_eq!(context.clock.milliseconds(), before);
    }

    #[test]
    fn archiving_is_slowed_down_only_when_asked() {
        let of_file = |command: &str, section: &str| {
            let file = format!("[{section}]\nrepo1-rate-limit=1MiB\n[demo]\npg1-path=/pg\n");
            let context = test_context::with_file(Program::PgKeep, command, &[], &file);
            is_for_command(&context.config, 1)
        };
        for command in ["archive-push", "archive-get"] {
            assert!(!of_file(command, "global"), "{command}");
            assert!(of_file(command, &format!("global:{command}")), "{command}");
            assert!(of_file(command, &format!("demo:{command}")), "{command}");
            let said = ["--repo1-rate-limit=1MiB", "--pg1-path=/pg"];
            assert!(is_for_command(&context(command, &said).config, 1));
        }
        assert!(of_file("verify", "global"));
    }
}
