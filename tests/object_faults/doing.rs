//! The commands that are disturbed, and how each is made ready and done again.

use pgkeep_testkit::run::Outcome;

use crate::stage::{Result, Stage};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doing {
    Backup,
    Push,
    Expire,
    Restore,
    Verify,
}

impl Doing {
    pub const ALL: [Self; 5] = [
        Self::Backup,
        Self::Push,
        Self::Expire,
        Self::Restore,
        Self::Verify,
    ];

    /// Those that write to the repository.
    pub const WRITING: [Self; 3] = [Self::Backup, Self::Push, Self::Expire];

    pub fn name(self) -> &'static str {
        match self {
            Self::Backup => "backup",
            Self::Push => "archive-push",
            Self::Expire => "expire",
            Self::Restore => "restore",
            Self::Verify => "verify",
        }
    }

    /// Makes ready what the command needs, and gives its arguments.
    pub fn prepare(self, stage: &Stage<'_>) -> Result<Vec<String>> {
        let backup = ["--no-online", "--type=full", "--no-expire-auto", "backup"];
        let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        Ok(match self {
            Self::Backup => owned(&["--no-online", "--type=full", "backup"]),
            Self::Push => owned(&["archive-push", &stage.next_segment()?]),
            Self::Expire => {
                stage.ours(&backup)?.success()?;
                owned(&["--repo1-retention-full=1", "expire"])
            }
            Self::Restore => owned(&[&stage.empty_copy()?, "--type=none", "restore"]),
            Self::Verify => owned(&["--output=text", "verify"]),
        })
    }

    /// One run, after which every other one has as much to do as the next.
    pub fn settle(self, stage: &Stage<'_>) -> Result<()> {
        let arguments = self.prepare(stage)?;
        self.run(stage, &arguments)?.success()?;
        Ok(())
    }

    /// Runs it with these arguments.
    pub fn run(self, stage: &Stage<'_>, arguments: &[String]) -> Result<Outcome> {
        let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
        stage.ours(&words)
    }

    /// The next run, after one that may have ended anywhere.
    pub fn again(self, stage: &Stage<'_>, arguments: &[String]) -> Result<()> {
        let mut words: Vec<&str> = arguments.iter().map(String::as_str).collect();
        if self == Self::Restore {
            words.insert(0, "--delta");
        }
        stage.ours(&words)?.success()?;
        self.is_done(stage)
    }

    /// What the command was for.
    pub fn is_done(self, stage: &Stage<'_>) -> Result<()> {
        match self {
            Self::Restore => stage.copy_is_right(),
            _ => stage.is_whole(false),
        }
    }
}
