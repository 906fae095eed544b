//! A cluster made up, a repository in a bucket behind a front that makes faults, and what must hold after each.

use std::cell::Cell;
use std::fs;
use std::path::PathBuf;

use pgkeep_testkit::compare::{Ignore, Snapshot};
use pgkeep_testkit::configuration::Configuration;
use pgkeep_testkit::data_dir::DataDirBuilder;
use pgkeep_testkit::object_server::faults::{FaultyFront, Plan};
use pgkeep_testkit::object_server::{BUCKET, Kind, ObjectServer};
use pgkeep_testkit::pgbackrest::PgBackRest;
use pgkeep_testkit::run::{Outcome, Program, run};
use pgkeep_testkit::scratch::Scratch;

use crate::store::Store;

pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// More than one part of an upload.
const SEGMENT_SIZE: u32 = 8 << 20;

pub struct Stage<'a> {
    pub program: &'a Program,
    pub store: &'static Store,
    pub front: FaultyFront,
    server: ObjectServer,
    pgbackrest: PgBackRest,
    scratch: Scratch,
    config: PathBuf,
    cluster: DataDirBuilder,
    segment: Cell<u32>,
}

impl<'a> Stage<'a> {
    /// A repository with one full backup of pgBackRest's and one of ours.
    pub fn new(program: &'a Program, store: &'static Store) -> Result<Self> {
        let pgbackrest = PgBackRest::mandatory()?;
        let server = ObjectServer::start(store.kind)?;
        let front = server.with_faults(Plan::none())?;
        let scratch = Scratch::new()?;
        let data = scratch.join("data");
        let cluster = DataDirBuilder::new("15")?
            .wal_segment_size(SEGMENT_SIZE)
            .page_checksums()
            .relation("base/1/16384", 4)
            .relation("base/1/16385", 700)
            .relation("global/1262", 1)
            .file("pg_xact/0000", vec![0x55; 20_000])
            .file("empty", "");
        cluster.build(&data)?;
        scratch.account().own_tree(&data)?;
        let config = Configuration::new(&scratch)?
            .global("repo1-retention-full", 2)
            .global("log-level-file", "off")
            .global("log-level-console", "warn")
            .global("compress-type", "none")
            .global("job-retry", 0)
            // Waits for a server that is gone are over soon.
            .global("io-timeout", store.io_timeout)
            .stanza("main", "pg1-path", data.display())
            .bucket_at(1, &server, front.address().port())
            .write(&scratch, "pgbackrest.conf")?;
        let stage = Self {
            program,
            store,
            front,
            server,
            pgbackrest,
            scratch,
            config,
            cluster,
            segment: Cell::new(0),
        };
        stage.theirs(&["--no-online", "stanza-create"])?.success()?;
        let backup = ["--no-online", "--type=full", "backup"];
        stage.theirs(&backup)?.success()?;
        stage.ours(&backup)?.success()?;
        Ok(stage)
    }

    pub fn ours(&self, arguments: &[&str]) -> Result<Outcome> {
        self.ours_with_fault("", arguments)
    }

    /// This program with a fault planned (`PGKEEP_TEST_FAULT`); none if empty.
    pub fn ours_with_fault(&self, fault: &str, arguments: &[&str]) -> Result<Outcome> {
        let mut command = self.program.command();
        if !fault.is_empty() {
            command.env("PGKEEP_TEST_FAULT", fault);
        }
        command
            .arg(format!("--config={}", self.config.display()))
            .arg("--stanza=main");
        Ok(run(command.args(arguments))?)
    }

    fn theirs(&self, arguments: &[&str]) -> Result<Outcome> {
        let mut command = self.pgbackrest.command();
        command
            .arg(format!("--config={}", self.config.display()))
            .arg("--stanza=main");
        Ok(run(command.args(arguments))?)
    }

    /// Path of a new segment in `pg_wal`.
    pub fn next_segment(&self) -> Result<String> {
        let number = self.segment.get() + 1;
        self.segment.set(number);
        let name = format!("data/pg_wal/0000000100000000{number:08X}");
        self.scratch
            .write(&name, self.cluster.wal_segment(number as u8))?;
        Ok(self.scratch.join(name).display().to_string())
    }

    /// An empty directory to restore into, as the option for it.
    pub fn empty_copy(&self) -> Result<String> {
        let copy = self.scratch.join("copy");
        if copy.exists() {
            fs::remove_dir_all(&copy)?;
        }
        self.scratch.make_dir("copy")?;
        Ok(self.copy())
    }

    pub fn copy(&self) -> String {
        format!("--pg1-path={}", self.scratch.join("copy").display())
    }

    /// What was restored is what the cluster has.
    pub fn copy_is_right(&self) -> Result<()> {
        let of = |name: &str| Snapshot::of(&self.scratch.join(name), &Ignore::of_restore());
        Ok(of("data")?.must_equal(&of("copy")?)?)
    }

    /// Both programs find whole what is there. Between the removal of manifests and that of their names from the list, a
    /// listed backup may have no manifest (`after_fault`): this program's verify says so, and the next run mends it.
    pub fn is_whole(&self, after_fault: bool) -> Result<()> {
        self.front.plan(Plan::none());
        let theirs = self
            .theirs(&["--output=text", "--verbose", "verify"])?
            .success()?;
        if !theirs.stdout.contains("status: ok") || theirs.stdout.contains("status: invalid") {
            return Err(format!("pgBackRest's verify:\n{}", theirs.stdout).into());
        }
        let ours = self.ours(&["--output=text", "verify"])?;
        // An expire that died between the removal of both manifests of a set, or of one of them, and that of its entry: the set is
        // as whole as before, verify tells what is missing, and the next expire ends it.
        let mended_next = after_fault
            && !ours.stdout.contains("status: invalid")
            && match ours.code {
                55 => ours.stdout.contains("status: manifest missing"),
                28 => {
                    (ours.stdout).contains("the other of the two is: unable to open missing file")
                }
                _ => false,
            };
        if !mended_next {
            ours.success()?;
        }
        Ok(())
    }

    /// What a run left behind is gone after expire: uploads, where the server lists them, and whatever is below the
    /// backups and belongs to none of them. moto says of every upload that it was begun long ago.
    pub fn expire_leaves_nothing(&self) -> Result<()> {
        self.front.plan(Plan::none());
        self.ours(&["expire"])?.success()?;
        if self.store.kind == Kind::Moto
            && let Some(count @ 1..) = self.uploads()?
        {
            return Err(format!("{count} uploads are left after expire").into());
        }
        let info = self.theirs(&["--output=json", "info"])?.success()?.stdout;
        let listed = self.theirs(&["--output=json", "--recurse", "repo-ls", "backup/main"])?;
        let listed: serde_json::Value = serde_json::from_str(&listed.success()?.stdout)?;
        let entries = listed.as_object().ok_or("repo-ls printed no object")?;
        let is_known = |name: &str| {
            let first = name.split('/').next().unwrap_or_default();
            match first {
                "." | "backup.history" | "backup.info" | "backup.info.copy" => true,
                label => info.contains(&format!("\"label\":\"{label}\"")),
            }
        };
        let left: Vec<&String> = entries.keys().filter(|name| !is_known(name)).collect();
        if left.is_empty() {
            return Ok(());
        }
        Err(format!("after expire there are {left:?} of no backup in {info}").into())
    }

    /// Uploads that were begun and neither ended nor given up; `None` where nobody can tell.
    pub fn uploads(&self) -> Result<Option<usize>> {
        match self.store.kind {
            Kind::Moto => {
                let answer = self.server.ask("GET", &format!("/{BUCKET}?uploads"))?;
                if !answer.contains("ListMultipartUploadsResult") {
                    return Err(format!("no list of uploads: {answer}").into());
                }
                Ok(Some(answer.matches("<Upload>").count()))
            }
            Kind::Gcs => Ok(Some(self.server.unfinished_uploads())),
            _ => Ok(None),
        }
    }
}

/// The run ended by itself with an error that names what happened; hands the text back.
pub fn ended_with_error(outcome: &Outcome) -> Result<String> {
    let all = format!("{}{}", outcome.stdout, outcome.stderr);
    let by_itself = (1..=127).contains(&outcome.code) && !all.contains("panicked");
    if by_itself && all.contains("ERROR: [") {
        Ok(all)
    } else {
        Err(format!("exit code {}\n{all}", outcome.code).into())
    }
}
