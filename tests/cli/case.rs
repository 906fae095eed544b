//! A command given to both programs in the same state, and the comparison of what they answer.

use std::path::{Path, PathBuf};

use pgkeep_testkit::compare::{Ignore, Snapshot};
use pgkeep_testkit::configuration::Configuration;
use pgkeep_testkit::data_dir::DataDirBuilder;
use pgkeep_testkit::pgbackrest::PgBackRest;
use pgkeep_testkit::run::{Outcome, Program, run};
use pgkeep_testkit::scratch::Scratch;
use pgkeep_testkit::suite::TestResult;

pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// A stanza `main` with one finished backup of a made-up cluster.
pub struct State {
    pub scratch: Scratch,
    pub pgbackrest: PgBackRest,
    pub config: PathBuf,
}

impl State {
    /// Makes the state with pgBackRest, so that it is the same whatever this program can do.
    pub fn new() -> Result<Self> {
        let state = Self::without_stanza()?;
        state
            .pgbackrest(&["--no-online", "stanza-create"])?
            .success()?;
        state
            .pgbackrest(&["--no-online", "--type=full", "backup"])?
            .success()?;
        Ok(state)
    }

    /// A configuration and a data directory, but nothing in the repository.
    pub fn without_stanza() -> Result<Self> {
        let scratch = Scratch::new()?;
        let pgbackrest = PgBackRest::mandatory()?;
        let config = Configuration::new(&scratch)?
            .global("repo1-retention-full", 2)
            .global("log-level-file", "off")
            .stanza("main", "pg1-path", scratch.join("data").display())
            .write(&scratch, "test.conf")?;
        let state = Self {
            scratch,
            pgbackrest,
            config,
        };
        state.data_dir("data", &DataDirBuilder::new("15")?)?;
        Ok(state)
    }

    /// Makes a data directory with a few relations.
    pub fn data_dir(&self, name: &str, builder: &DataDirBuilder) -> Result<PathBuf> {
        let path = self.scratch.join(name);
        builder
            .clone()
            .relation("base/1/16384", 4)
            .relation("global/1262", 1)
            .build(&path)?;
        self.scratch.account().own_tree(&path)?;
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
        Ok(path)
    }

    pub fn pgbackrest(&self, arguments: &[&str]) -> Result<Outcome> {
        Ok(run(self
            .pgbackrest
            .command()
            .args(self.common())
            .args(arguments))?)
    }

    pub fn ours(&self, program: &Program, arguments: &[&str]) -> Result<Outcome> {
        Ok(run(program
            .as_pgbackrest()
            .args(self.common())
            .args(arguments))?)
    }

    fn common(&self) -> [String; 2] {
        [
            format!("--config={}", self.config.display()),
            "--stanza=main".to_owned(),
        ]
    }

    pub fn repo(&self) -> PathBuf {
        self.scratch.join("repo")
    }

    /// A file of the repository.
    pub fn in_repo(&self, name: &str) -> PathBuf {
        self.repo().join(name)
    }
}

/// How far the answers must agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Same {
    /// Code and the text of the error, hints aside.
    Text,
    /// Only the code.
    Code,
}

/// Both programs get `arguments` in a state made by `prepare`; both must fail alike and change nothing in the repository.
pub fn fails_alike(
    program: &Program,
    prepare: impl Fn(&State) -> Result<()>,
    arguments: &[&str],
    same: Same,
) -> TestResult {
    let state = State::new()?;
    prepare(&state)?;
    fail_in(program, &state, arguments, same)
}

/// As [`fails_alike`] in a state that exists.
pub fn fail_in(program: &Program, state: &State, arguments: &[&str], same: Same) -> TestResult {
    let before = snapshot(&state.repo())?;
    let theirs = state.pgbackrest(arguments)?;
    let ours = state.ours(program, arguments)?;
    if theirs.code == 0 {
        return Err(format!("pgBackRest does not fail:\n{}", theirs.stdout).into());
    }
    let shown = || {
        format!(
            "pgBackRest:\n{}{}\nthis program:\n{}{}",
            theirs.stdout, theirs.stderr, ours.stdout, ours.stderr
        )
    };
    if ours.code != theirs.code {
        return Err(format!(
            "exit code {} instead of {}\n{}",
            ours.code,
            theirs.code,
            shown()
        )
        .into());
    }
    let (said, expected) = (error_text(&ours), error_text(&theirs));
    if said.is_empty() {
        return Err(format!("no error is shown\n{}", shown()).into());
    }
    if same == Same::Text && said[0] != expected[0] {
        return Err(format!("the error reads differently\n{}", shown()).into());
    }
    before.must_equal(&snapshot(&state.repo())?)?;
    Ok(())
}

/// Must be shown a hint what to do.
pub fn has_hint(outcome: &Outcome) -> TestResult {
    if outcome.stdout.contains("HINT: ") || outcome.stderr.contains("HINT: ") {
        return Ok(());
    }
    Err(format!("no hint in:\n{}{}", outcome.stdout, outcome.stderr).into())
}

fn snapshot(path: &Path) -> Result<Snapshot> {
    Ok(Snapshot::of(path, &Ignore::nothing())?)
}

/// The lines of the error, without time and process.
fn error_text(outcome: &Outcome) -> Vec<String> {
    let all = format!("{}{}", outcome.stdout, outcome.stderr);
    let mut lines = all.lines().skip_while(|line| !line.contains("ERROR: ["));
    let Some(first) = lines.next() else {
        return Vec::new();
    };
    let start = first.find("ERROR: [").unwrap_or(0);
    let mut found = vec![first[start..].to_owned()];
    found.extend(
        lines
            .take_while(|line| line.starts_with(' '))
            .map(|line| line.trim().to_owned()),
    );
    found
}
