//! The repositories of a check. As pgkeep they are asked at the same time, since each may keep its caller waiting, and told of in their
//! order; what is wrong with one does not hide how the others are. As pgBackRest the check ends with the first that is not in order.

use pgkeep_config::Program;

use crate::error::{Error, ErrorCode, Result};
use crate::hosts::{Repository, repository};
use crate::jobs::{AT_ONCE, side_by_side};
use crate::run::Context;

/// One repository, or why it could not be opened.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) key: u32,
    repository: Result<Repository>,
}

impl Opened {
    /// `repo1`
    pub(super) fn name(&self) -> String {
        format!("repo{}", self.key)
    }

    pub(super) fn get(&self) -> Result<&Repository> {
        self.repository.as_ref().map_err(Clone::clone)
    }
}

/// All of them.
#[derive(Debug)]
pub(super) struct Repositories {
    pub(super) all: Vec<Opened>,
    together: bool,
}

impl Repositories {
    /// # Errors
    /// That of opening one, where the check ends with the first error; the run was stopped.
    pub(super) fn open(context: &Context) -> Result<Self> {
        let keys = repository::keys(&context.config);
        let together = keys.len() > 1 && context.config.program() == Program::PgKeep;
        let open = |&key: &u32| {
            let repository = repository::open(context, key);
            Opened { key, repository }
        };
        let all = match together {
            true => side_by_side(&keys, AT_ONCE, open),
            false => keys
                .iter()
                .map(|key| {
                    let opened = open(key);
                    opened.get()?;
                    Ok(opened)
                })
                .collect::<Result<_>>()?,
        };
        context.cancel.check()?;
        Ok(Self { all, together })
    }

    /// Works on each of `items`. `tell` says that it begins with one, `take` gets what came of it, both in the order of the items.
    ///
    /// # Errors
    /// The first of `take`.
    pub(super) fn each<'i, I: Sync, T: Send>(
        &self,
        items: &'i [I],
        tell: impl Fn(&I),
        work: impl Fn(&I) -> Result<T> + Sync,
        mut take: impl FnMut(&'i I, Result<T>) -> Result<()>,
    ) -> Result<()> {
        items.first().into_iter().for_each(&tell);
        let results = match self.together {
            true => side_by_side(items, AT_ONCE, &work),
            false => Vec::new(),
        };
        let mut results = results.into_iter();
        for (number, item) in items.iter().enumerate() {
            if number > 0 {
                tell(item);
            }
            take(item, results.next().unwrap_or_else(|| work(item)))?;
        }
        Ok(())
    }
}

/// What is wrong in one of several repositories.
pub(super) struct Failures {
    go_on: bool,
    repositories: usize,
    count: usize,
    first: Option<ErrorCode>,
}

impl Failures {
    pub(super) fn new(repositories: &Repositories) -> Self {
        Self {
            go_on: repositories.together,
            repositories: repositories.all.len(),
            count: 0,
            first: None,
        }
    }

    /// The value, or nothing with the reason in the log; an error where the check ends with the first.
    pub(super) fn take<T>(&mut self, name: &str, result: Result<T>) -> Result<Option<T>> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(error) if self.go_on && error.code != ErrorCode::Term => {
                self.count += 1;
                self.first.get_or_insert(error.code);
                crate::log_error(&error.with_prefix(&format!("{name}: ")));
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// The code of the first, once all repositories were checked.
    pub(super) fn end(&self) -> Result<()> {
        match self.first {
            None => Ok(()),
            Some(code) => Err(Error::new(
                code,
                format!(
                    "{} of {} repositories are not in order",
                    self.count, self.repositories
                ),
            )
            .with_hint("the errors above say what is wrong with each.")),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::sync::Barrier;

    use super::*;

    fn repositories(together: bool) -> Repositories {
        let opened = |key| Opened {
            key,
            repository: Err(Error::new(ErrorCode::HostConnect, format!("{key} is dead"))),
        };
        Repositories {
            all: [1, 2, 5].map(opened).into(),
            together,
        }
    }

    #[test]
    fn all_are_asked_at_the_same_time_and_told_of_in_order() {
        let repositories = repositories(true);
        let mut failures = Failures::new(&repositories);
        let said = RefCell::new(Vec::new());
        // Nobody goes on before all have come.
        let all_came = Barrier::new(repositories.all.len());
        let work = |one: &Opened| {
            all_came.wait();
            one.get().map(drop)
        };
        let tell = |one: &Opened| said.borrow_mut().push(format!("{}?", one.name()));
        let take = |one: &Opened, result: Result<()>| {
            said.borrow_mut().push(one.name());
            failures.take(&one.name(), result).map(drop)
        };
        repositories
            .each(&repositories.all, tell, work, take)
            .unwrap();
        let expected = ["repo1?", "repo1", "repo2?", "repo2", "repo5?", "repo5"];
        assert_eq!(*said.borrow(), expected);
        let error = failures.end().unwrap_err();
        assert_eq!(error.code, ErrorCode::HostConnect);
        assert!(error.message.starts_with("3 of 3"), "{error}");
    }

    #[test]
    fn where_the_first_error_ends_the_check_no_other_is_asked() {
        let repositories = repositories(false);
        let mut failures = Failures::new(&repositories);
        let work = |one: &Opened| match one.key {
            1 => one.get().map(drop),
            key => panic!("repo{key} is asked"),
        };
        let take = |one: &Opened, result| failures.take(&one.name(), result).map(drop);
        let error = repositories
            .each(&repositories.all, |_| (), work, take)
            .unwrap_err();
        assert_eq!(error.message, "1 is dead");
    }
}
