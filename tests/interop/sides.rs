//! The two programs, each with a configuration and a repository of its own.

use pgkeep_testkit::pgbackrest::PgBackRest;
use pgkeep_testkit::run::{Outcome, Program, run};
use pgkeep_testkit::scratch::Scratch;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

pub const SIDES: [&str; 2] = ["ours", "theirs"];

/// Where both work.
pub struct Stage<'a> {
    ours: &'a Program,
    theirs: PgBackRest,
    pub scratch: Scratch,
}

impl<'a> Stage<'a> {
    pub fn new(ours: &'a Program) -> Result<Self> {
        Ok(Self {
            ours,
            theirs: PgBackRest::rolling()?,
            scratch: Scratch::new()?,
        })
    }

    /// The program of a side with the configuration of one, which may be the other's.
    pub fn run(&self, program: &str, side: &str, arguments: &[&str]) -> Result<Outcome> {
        let mut command = match program {
            "ours" => self.ours.as_pgbackrest(),
            _ => self.theirs.command(),
        };
        let config = self.scratch.join(format!("{side}.conf"));
        command
            .arg(format!("--config={}", config.display()))
            .arg("--stanza=main");
        Ok(run(command.args(arguments))?)
    }
}
