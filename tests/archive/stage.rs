//! A made-up cluster with its repositories and this program under pgBackRest's name, as in `archive_command`.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use pgkeep_testkit::configuration::Configuration;
use pgkeep_testkit::data_dir::DataDirBuilder;
use pgkeep_testkit::run::{Outcome, Program, run};
use pgkeep_testkit::scratch::Scratch;

use crate::place::{Kind, Place};

pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Segments are small so that many can be pushed.
const SEGMENT_SIZE: u32 = 1 << 20;
/// Segments in a log file of 4 GiB: then the name of the directory changes.
const PER_LOG: u32 = 4096;
/// How long something may take that does happen.
const WAIT_MAX: Duration = Duration::from_secs(240);

/// What a test works on.
pub struct Stage<'a> {
    pub program: &'a Program,
    pub scratch: Scratch,
    pub places: Vec<Place>,
    config: PathBuf,
    cluster: DataDirBuilder,
    /// Under its own name, for an option that pgBackRest does not have.
    own_name: bool,
}

impl<'a> Stage<'a> {
    /// Makes the data directory, the repositories and the stanza.
    pub fn new(program: &'a Program, kinds: &[Kind], options: &[(&str, &str)]) -> Result<Self> {
        let scratch = Scratch::new()?;
        let data = scratch.join("data");
        let cluster = DataDirBuilder::new("15")?.wal_segment_size(SEGMENT_SIZE);
        cluster.build(&data)?;
        scratch.account().own_tree(&data)?;
        let mut configuration = Configuration::new(&scratch)?
            .stanza("main", "pg1-path", data.display())
            .global("compress-type", "lz4")
            .global("process-max", 2)
            .global("archive-async", "y")
            .global("log-level-console", "warn")
            .global("log-level-file", "off");
        let mut places = Vec::new();
        for (index, kind) in kinds.iter().enumerate() {
            let (place, made) = Place::make(*kind, index + 1, &scratch, configuration)?;
            configuration = made;
            places.push(place);
        }
        for (option, value) in options {
            configuration = configuration.global(option, value);
        }
        let stage = Self {
            program,
            config: configuration.write(&scratch, "pgbackrest.conf")?,
            scratch,
            places,
            cluster,
            own_name: kinds.iter().any(|kind| kind.only_adds()),
        };
        let made = stage
            .run("kill:0", &["--no-online", "stanza-create"])?
            .success()?;
        // Only a program that can fail on purpose counts; no other proves anything here.
        if !made.stderr.contains("operations: ") {
            return Err("the program was built without the feature faulty".into());
        }
        Ok(stage)
    }

    /// Whether temporary names stay.
    pub fn only_adds(&self) -> bool {
        self.own_name
    }

    /// A command of this program under pgBackRest's name, if that will do.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = match self.own_name {
            true => self.program.command(),
            false => self.program.as_pgbackrest(),
        };
        command
            .arg(format!("--config={}", self.config.display()))
            .arg("--stanza=main")
            .args(arguments);
        command
    }

    /// Runs a command, with a fault if one is given (`PGKEEP_TEST_FAULT`).
    pub fn run(&self, fault: &str, arguments: &[&str]) -> Result<Outcome> {
        let mut command = self.command(arguments);
        if !fault.is_empty() {
            command.env("PGKEEP_TEST_FAULT", fault);
        }
        Ok(run(&mut command)?)
    }

    /// Runs a command under this program's own name.
    pub fn run_as_pgkeep(&self, arguments: &[&str]) -> Result<Outcome> {
        let config = format!("--config={}", self.config.display());
        let mut command = self.program.command();
        Ok(run(command
            .args([config.as_str(), "--stanza=main"])
            .args(arguments))?)
    }

    /// The bytes of a segment, different for each number.
    pub fn segment(&self, number: u32) -> Vec<u8> {
        let mut bytes = self.cluster.wal_segment(number as u8);
        for at in (4096..bytes.len()).step_by(8192) {
            bytes[at..at + 4].copy_from_slice(&number.to_le_bytes());
        }
        bytes
    }

    pub fn wal(&self) -> PathBuf {
        self.scratch.join("data/pg_wal")
    }

    /// Fetches a segment as recovery would; an error if what it brings has wrong bytes.
    pub fn get(&self, fault: &str, number: u32, more: &[&str]) -> Result<Outcome> {
        let target = self.scratch.join("data/pg_wal/RECOVERYXLOG");
        if target.exists() {
            fs::remove_file(&target)?;
        }
        let (name, path) = (name(number), target.display().to_string());
        let mut arguments = more.to_vec();
        arguments.extend(["archive-get", &name, &path]);
        let outcome = self.run(fault, &arguments)?;
        // One that is killed after its work leaves the file, but whole.
        if (outcome.code == 0 || target.exists()) && fs::read(&target)? != self.segment(number) {
            return Err(format!("{} brought wrong bytes", outcome.command).into());
        }
        Ok(outcome)
    }

    /// Fails unless every repository has exactly one file of the segment.
    pub fn is_stored(&self, number: u32) -> Result<()> {
        for (index, place) in self.places.iter().enumerate() {
            let stored = place.stored(&name(number))?;
            if stored.len() != 1 {
                return Err(format!(
                    "repo{} has {stored:?} of segment {}",
                    index + 1,
                    name(number)
                )
                .into());
            }
        }
        Ok(())
    }

    /// Segments that the spool acknowledges.
    pub fn acknowledged(&self) -> Result<Vec<String>> {
        let names = crate::place::names(&self.scratch.join("spool/archive/main/out"))?;
        Ok(names
            .iter()
            .filter_map(|name| name.strip_suffix(".ok"))
            .map(str::to_owned)
            .collect())
    }

    /// Waits until no process of this test is left: those in the background outlive the command that started them.
    pub fn settle(&self) -> Result<()> {
        let mine = self.config.display().to_string();
        wait_for("the background process to end", || {
            for entry in fs::read_dir("/proc")? {
                let Ok(line) = fs::read(entry?.path().join("cmdline")) else {
                    continue;
                };
                if String::from_utf8_lossy(&line).contains(&mine) {
                    return Ok(false);
                }
            }
            Ok(true)
        })
    }
}

/// Name of the segment with this number.
pub fn name(number: u32) -> String {
    format!("00000001{:08X}{:08X}", number / PER_LOG, number % PER_LOG)
}

/// Waits until the condition is true.
pub fn wait_for(what: &str, mut is_true: impl FnMut() -> Result<bool>) -> Result<()> {
    let began = Instant::now();
    while !is_true()? {
        if began.elapsed() > WAIT_MAX {
            return Err(format!("waited in vain for {what}").into());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}
