//! Files that grow, shrink, empty or vanish between the listing and their copy: both programs store the same of them.
//!
//! A large file is copied first; while it is, the whole process group stands still and the others are changed. When something
//! else had been copied by then, a fresh backup is started, a few times.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use pgkeep_testkit::compare::{Ignore, Snapshot};
use pgkeep_testkit::configuration::Configuration;
use pgkeep_testkit::data_dir::DataDirBuilder;
use pgkeep_testkit::pgbackrest::PgBackRest;
use pgkeep_testkit::run::{Program, run};
use pgkeep_testkit::scratch::Scratch;
use pgkeep_testkit::suite::{Suite, TestResult};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Copied first, and not in an instant: 6 MB of what does not compress, by bz2.
const LARGE: &str = "base/1/90000";
const LARGE_SIZE: usize = 6_000_000;
/// Backups started until one is caught half-way.
const TRIES: u32 = 5;

pub fn add(mut suite: Suite, program: &Arc<Program>) -> Suite {
    for (name, bundle) in [
        ("files_that_change_while_they_are_copied_alone", "n"),
        ("files_that_change_while_they_are_bundled", "y"),
    ] {
        let program = Arc::clone(program);
        suite = suite.test(
            format!("both_programs_do_the_same_with_{name}"),
            move || visit(&program, bundle),
        );
    }
    suite
}

fn visit(program: &Program, bundle: &str) -> TestResult {
    let pgbackrest = PgBackRest::rolling()?;
    let scratch = Scratch::new()?;
    let mut found = Vec::new();
    let theirs = || pgbackrest.command();
    let ours = || program.as_pgbackrest();
    let sides: [(&str, &dyn Fn() -> Command); 2] = [("theirs", &theirs), ("ours", &ours)];
    for (side, command) in sides {
        let data = scratch.join("data");
        let repo = scratch.make_dir(format!("repo-{side}"))?;
        let config = Configuration::new(&scratch)?
            .global("repo1-path", repo.display())
            .global("repo1-bundle", bundle)
            .global("repo1-bundle-limit", "1MiB")
            .global("compress-type", "bz2")
            .global("compress-level", 9)
            .global("job-retry", 0)
            .global("log-level-file", "off")
            .stanza("main", "pg1-path", data.display())
            .write(&scratch, &format!("{side}.conf"))?;
        let config = format!("--config={}", config.display());
        let mut tries = 0;
        loop {
            for path in [&data, &repo.join("backup"), &repo.join("archive")] {
                if path.exists() {
                    fs::remove_dir_all(path)?;
                }
            }
            make(&data)?;
            scratch.account().own_tree(&data)?;
            run(pgbackrest.command().arg(&config).args([
                "--stanza=main",
                "--no-online",
                "stanza-create",
            ]))?
            .success()?;
            tries += 1;
            match backup(command(), &config, &repo, &data)? {
                Met::HalfWay => break,
                Met::TooLate(why) if tries == TRIES => return Err(why.into()),
                Met::TooLate(_) => {}
            }
        }
        found.push(manifest(&repo)?);
        let copy = scratch.make_dir(format!("copy-{side}"))?;
        let path = format!("--pg1-path={}", copy.display());
        // Each other's.
        let mut restore = match side {
            "ours" => pgbackrest.command(),
            _ => program.as_pgbackrest(),
        };
        run(restore
            .arg(&config)
            .args(["--stanza=main", &path, "--type=none", "restore"]))?
        .success()?;
    }
    if found[0] != found[1] || found[0].iter().any(|line| line.contains("90004")) {
        return Err(format!("pgBackRest: {:#?}\nthis program: {:#?}", found[0], found[1]).into());
    }
    let of = |side: &str| Snapshot::of(&scratch.join(format!("copy-{side}")), &Ignore::nothing());
    of("theirs")?.must_equal(&of("ours")?)?;
    let sizes = [("90001", 40_000), ("90002", 8192), ("90003", 0)];
    for (name, size) in sizes {
        let file = scratch.join(format!("copy-ours/base/1/{name}"));
        if fs::metadata(file)?.len() != size {
            return Err(format!("{name} was not stored as it was then").into());
        }
    }
    Ok(())
}

fn make(data: &Path) -> TestResult {
    // What an xorshift gives does not compress.
    let mut state = 88_172_645_463_325_252_u64;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    })
    .take(LARGE_SIZE)
    .collect();
    DataDirBuilder::new("15")?
        .file(LARGE, noise)
        .file("base/1/90001", vec![1; 40_000])
        .file("base/1/90002", vec![2; 80_000])
        .file("base/1/90003", vec![3; 24_000])
        .file("base/1/90004", vec![4; 16_000])
        .build(data)?;
    // Both see the same times.
    let time = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let mut waiting = vec![data.to_owned()];
    while let Some(path) = waiting.pop() {
        for entry in fs::read_dir(path)? {
            let path = entry?.path();
            if path.is_dir() {
                waiting.push(path);
            } else {
                fs::File::options()
                    .write(true)
                    .open(&path)?
                    .set_modified(time)?;
            }
        }
    }
    Ok(())
}

/// Whether the backup stood still while its first file was copied.
enum Met {
    HalfWay,
    TooLate(String),
}

fn backup(mut command: Command, config: &str, repo: &Path, data: &Path) -> Result<Met> {
    let mut child = command
        .arg(config)
        .args(["--stanza=main", "--no-online", "--type=full", "backup"])
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let group = format!("-{}", child.id());
    let signal = |name: &str| run(Command::new("kill").args([name, "--", &group]));
    let started = Instant::now();
    while !stored(repo).iter().any(|name| name.starts_with("90000")) {
        if let Some(status) = child.try_wait()? {
            return Ok(Met::TooLate(format!(
                "the backup ended with {status} unseen"
            )));
        }
        if started.elapsed() > Duration::from_secs(300) {
            let _ = child.kill();
            return Err("the backup does not begin".into());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    signal("-STOP")?.success()?;
    let stored = stored(repo);
    let changed = (|| -> Result<Met> {
        if stored.len() != 1 {
            return Ok(Met::TooLate(format!("more was copied already: {stored:?}")));
        }
        let path = |name: &str| data.join("base/1").join(name);
        let open = |name: &str| fs::File::options().write(true).open(path(name));
        open("90001")?.set_len(49_000)?;
        open("90002")?.set_len(8192)?;
        open("90003")?.set_len(0)?;
        fs::remove_file(path("90004"))?;
        Ok(Met::HalfWay)
    })();
    signal("-CONT")?.success()?;
    let status = child.wait()?;
    match changed? {
        Met::HalfWay if !status.success() => Err(format!("the backup ended with {status}").into()),
        met => Ok(met),
    }
}

/// Names of files in the set, but for its manifest.
fn stored(repo: &Path) -> Vec<String> {
    let mut names = Vec::new();
    let mut waiting = vec![repo.join("backup/main")];
    while let Some(path) = waiting.pop() {
        for entry in fs::read_dir(path).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            match entry.file_type() {
                Ok(kind) if kind.is_dir() && name != "backup.history" => waiting.push(entry.path()),
                Ok(kind) if kind.is_file() && !name.starts_with("backup.") => names.push(name),
                _ => {}
            }
        }
    }
    names
}

/// Sizes and checksums that the manifest has of the files that changed.
fn manifest(repo: &Path) -> Result<Vec<String>> {
    let link = repo.join("backup/main/latest");
    let text = fs::read_to_string(link.join("backup.manifest"))?;
    let mut found = Vec::new();
    for line in text.lines() {
        let Some((name, value)) = line
            .split_once("={")
            .filter(|(name, _)| name.contains("/9000"))
        else {
            continue;
        };
        let parts = value.trim_end_matches('}').split(',');
        let kept = parts.filter(|part| {
            ["\"checksum\"", "\"size\"", "\"szo\""]
                .iter()
                .any(|key| part.starts_with(key))
        });
        found.push(format!("{name} {}", kept.collect::<Vec<_>>().join(" ")));
    }
    Ok(found)
}
