//! The memory of a backup to a bucket and of a restore from it does not grow with the size of a file.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use pgkeep_testkit::configuration::Configuration;
use pgkeep_testkit::data_dir::DataDirBuilder;
use pgkeep_testkit::object_server::ObjectServer;
use pgkeep_testkit::run::Program;
use pgkeep_testkit::scratch::Scratch;
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::Result;
use crate::store::{Store, stores};

const MIB: u64 = 1 << 20;
/// Bytes on their way to or from a bucket (`ObjectSettings::byte_budget`), whatever their number of files and workers.
const BUDGET: u64 = 64 * MIB;
/// What the program takes besides: itself, its threads, the buffers of TLS, and what the allocator has not given back.
const BESIDES: u64 = 48 * MIB;
/// What a worker takes: the part that it fills before it asks for room, and the way of bytes to it.
const WORKER: u64 = 16 * MIB;

pub(crate) fn add(mut suite: Suite, program: &Arc<Program>) -> Suite {
    // The way of bytes is the same for all stores up to the requests.
    let full = std::env::var_os("PGKEEP_TEST_FULL").is_some();
    for store in stores().take(if full { usize::MAX } else { 1 }) {
        let program = Arc::clone(program);
        let name = format!(
            "{}_memory_is_bounded_whatever_the_size_of_a_file",
            store.name
        );
        suite = suite.test(name, move || bounded(&program, store, full));
    }
    suite
}

struct Stage<'a> {
    program: &'a Program,
    scratch: Scratch,
    config: PathBuf,
}

fn bounded(program: &Program, store: &Store, full: bool) -> TestResult {
    let server = ObjectServer::start(store.strict)?;
    let scratch = Scratch::new()?;
    let data = scratch.join("data");
    DataDirBuilder::new("15")?.build(&data)?;
    // One for each of two workers; holes, which take no room on the disk. More than the bound each, and where everything is
    // to run so much that parts of the upload grow.
    let sizes: [u64; 2] = if full { [1280, 512] } else { [256, 128] };
    let files = ["base/1/30000", "base/1/30001"];
    for (name, size) in files.iter().zip(sizes) {
        let file = scratch.write(format!("data/{name}"), "")?;
        fs::File::options()
            .write(true)
            .open(file)?
            .set_len(size * MIB)?;
    }
    scratch.account().own_tree(&data)?;
    let config = Configuration::new(&scratch)?
        .bucket(1, &server)
        .global("compress-type", "none")
        .global("repo1-retention-full", 1)
        .global("log-level-file", "off")
        .stanza("main", "pg1-path", data.display())
        .write(&scratch, "pgbackrest.conf")?;
    let stage = Stage {
        program,
        scratch,
        config,
    };
    stage.peak(&["--no-online", "stanza-create"])?;
    for count in [1, 2] {
        let bound = BUDGET + BESIDES + count * WORKER;
        let workers = &format!("--process-max={count}");
        let backup = ["--no-online", "--type=full", workers, "backup"];
        let copy = stage.scratch.make_dir("copy")?;
        let to = format!("--pg1-path={}", copy.display());
        let restore = ["--type=none", workers, &to, "restore"];
        for arguments in [&backup[..], &restore[..]] {
            let peak = stage.peak(arguments)?;
            println!(
                "object_stores, {} {arguments:?}: peak {} MiB of {sizes:?} MiB",
                store.name,
                peak / MIB
            );
            if peak > bound {
                return Err(format!(
                    "{arguments:?} took {} MiB of {} MiB",
                    peak / MIB,
                    bound / MIB
                )
                .into());
            }
        }
        for (name, size) in files.iter().zip(sizes) {
            if fs::metadata(copy.join(name))?.len() != size * MIB {
                return Err(format!("{name} came back in part").into());
            }
        }
        fs::remove_dir_all(copy)?;
    }
    Ok(())
}

impl Stage<'_> {
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.program.command();
        command
            .arg(format!("--config={}", self.config.display()))
            .arg("--stanza=main")
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    }

    /// The most memory of a run, which must succeed: the program has no other processes at work. The kernel keeps the
    /// highest figure, so nothing is missed but what the last moments add.
    fn peak(&self, arguments: &[&str]) -> Result<u64> {
        let mut child = self.command(arguments).spawn()?;
        let status = format!("/proc/{}/status", child.id());
        let mut peak = 0;
        let ended = loop {
            // There is no such line once it has ended.
            let text = fs::read_to_string(&status).unwrap_or_default();
            let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let value = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
            peak = peak.max(value.unwrap_or(0) * 1024);
            if let Some(ended) = child.try_wait()? {
                break ended;
            }
            std::thread::sleep(Duration::from_millis(10));
        };
        if ended.success() && peak > 0 {
            return Ok(peak);
        }
        Err(format!("{arguments:?} ended with {ended}, peak {peak}").into())
    }
}
