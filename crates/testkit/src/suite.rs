//! A suite of tests that may find, while running, that they cannot run here.
//!
//! libtest cannot ignore at run time, so suites have `harness = false` and build their list with this. Output and closing
//! lines are those of `cargo test`. A test that returns `Error::Missing` is *ignored* with the reason; it never passes. In CI,
//! where the set-up brings everything, it fails; `scripts/suites` sees to it there that every suite runs.
//! The seed (`PGKEEP_TEST_SEED`, else 1) is printed for each suite, and the time by the closing lines.

use std::process::ExitCode;

use libtest_mimic::{Arguments, Completion, Failed, Trial};

use crate::error::Error;

/// What a test of a suite returns: `?` works on every error.
pub type TestResult = Result<(), Box<dyn std::error::Error>>;

/// A list of tests under one name.
#[derive(Debug)]
pub struct Suite {
    name: &'static str,
    trials: Vec<Trial>,
    threads: Option<usize>,
}

impl Suite {
    /// An empty suite.
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            trials: Vec::new(),
            threads: None,
        }
    }

    /// Adds a test; its name is a sentence.
    pub fn test(
        mut self,
        name: impl Into<String>,
        test: impl FnOnce() -> TestResult + Send + 'static,
    ) -> Self {
        let name = name.into();
        let told = name.clone();
        self.trials.push(Trial::ignorable_test(name, move || {
            let result = outcome(test(), in_ci());
            if let Err(failed) = &result {
                // Told again at the end, which a suite that is stopped before never reaches.
                eprintln!("{told} failed: {}", failed.message().unwrap_or("?"));
            }
            result
        }));
        self
    }

    /// Runs so many tests at a time unless the command line says otherwise: for suites that wait more than they compute.
    pub fn threads(mut self, count: usize) -> Self {
        self.threads = Some(count);
        self
    }

    /// Runs what the command line selects and prints the closing lines of `cargo test`.
    pub fn run(self) -> ExitCode {
        let mut arguments = Arguments::from_args();
        arguments.test_threads = arguments.test_threads.or(self.threads);
        if !arguments.list {
            println!("suite {}: seed {}", self.name, seed());
        }
        // The closing lines give counts and time.
        libtest_mimic::run(&arguments, self.trials).exit_code()
    }
}

/// The seed for everything drawn at random in a suite.
pub fn seed() -> u64 {
    std::env::var("PGKEEP_TEST_SEED")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(1)
}

/// True where everything must run: the variable `CI` is set, as CI systems do and `.ci/run` does.
pub fn in_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| !matches!(value.as_str(), "" | "0" | "false"))
}

fn outcome(result: TestResult, all_must_run: bool) -> Result<Completion, Failed> {
    match result {
        Ok(()) => Ok(Completion::Completed),
        Err(error) => match error.downcast_ref::<Error>() {
            Some(Error::Missing(what)) if all_must_run => Err(Failed::from(format!(
                "{what}\nIn CI (the variable CI is set) nothing may be missing; elsewhere this test would be ignored."
            ))),
            Some(Error::Missing(what)) => Ok(Completion::ignored_with(what)),
            _ => Err(Failed::from(error.to_string())),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_part_is_ignored_with_its_reason_and_a_failure_fails() {
        let missing = outcome(Err(Error::missing("sshd").into()), false).unwrap();
        assert!(
            matches!(missing, Completion::Ignored { reason: Some(why) } if why.starts_with("sshd is missing"))
        );
        assert!(outcome(Err(Error::failed("broken").into()), false).is_err());
        assert!(outcome(Err("any other error".into()), false).is_err());
    }

    #[test]
    fn in_ci_a_missing_part_is_a_failure() {
        let failed = outcome(Err(Error::missing("sshd").into()), true)
            .err()
            .unwrap();
        let said = failed.message().unwrap_or_default();
        assert!(
            said.starts_with("sshd is missing") && said.contains("nothing may be missing"),
            "{said}"
        );
        assert!(outcome(Ok(()), true).is_ok());
    }
}
