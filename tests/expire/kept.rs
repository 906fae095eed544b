//! Pins and generations, which pgBackRest does not have: what stays is whole, what was announced is what happens.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use pgkeep_repo::backup_info::BackupEntry;
use pgkeep_repo::{BackupInfo, BackupLabel};
use pgkeep_testkit::compare::{Ignore, Snapshot};
use pgkeep_testkit::pgbackrest::PgBackRest;
use pgkeep_testkit::run::{Outcome, Program, run};
use pgkeep_testkit::scratch::Scratch;
use pgkeep_testkit::suite::{TestResult, seed};

use crate::case::{self, Result};
use crate::random::Random;
use crate::repository;

/// Repositories that are looked at.
const CASES: u64 = 6;

struct Stage<'a> {
    scratch: Scratch,
    program: &'a Program,
    listed: BackupInfo,
}

impl<'a> Stage<'a> {
    /// `None`: chance made a repository without a backup, or one that nothing can be expired of.
    fn new(program: &'a Program, random: &mut Random) -> Result<Option<Self>> {
        let scratch = Scratch::new()?;
        let repo = scratch.join("repo");
        fs::create_dir_all(&repo)?;
        let now = jiff::Timestamp::now().as_second();
        repository::make(random, &repo, None, now)?;
        scratch.account().own_tree(&repo)?;
        let mut stage = Self {
            listed: case::listed(&repo, false)?,
            scratch,
            program,
        };
        // Both programs first bring the list up to date with what lies on the disk.
        stage.expire(&[])?.success()?;
        stage.listed = case::listed(&repo, false)?;
        // Some are made so that nothing can be expired, which is for the other tests.
        let usable = stage.expire(&["--dry-run", "--repo1-retention-full=1"])?;
        Ok((usable.code == 0 && !stage.listed.entries().is_empty()).then_some(stage))
    }

    fn run(
        &self,
        mut command: std::process::Command,
        options: &[&str],
        name: &str,
    ) -> Result<Outcome> {
        let mut shared = vec![
            "--no-config".to_owned(),
            "--stanza=demo".to_owned(),
            "--log-level-file=off".to_owned(),
            "--no-log-timestamp".to_owned(),
            format!("--repo1-path={}", self.scratch.join("repo").display()),
        ];
        if name != "info" {
            shared.push("--log-level-console=info".to_owned());
            shared.push(format!(
                "--lock-path={}",
                self.scratch.join("lock").display()
            ));
        }
        Ok(run(command.args(shared).args(options).arg(name))?)
    }

    fn ours(&self, options: &[&str], name: &str) -> Result<Outcome> {
        self.run(self.program.command(), options, name)
    }

    fn expire(&self, options: &[&str]) -> Result<Outcome> {
        self.ours(options, "expire")
    }

    fn snapshot(&self) -> Result<Snapshot> {
        Ok(Snapshot::of(
            &self.scratch.join("repo"),
            &Ignore::nothing(),
        )?)
    }

    /// Segments that the archive has and this backup needs to become consistent.
    fn wal(&self, entry: &BackupEntry) -> Result<BTreeSet<String>> {
        let (Some(start), Some(stop)) = (&entry.archive_start, &entry.archive_stop) else {
            return Ok(BTreeSet::new());
        };
        let archive = self.scratch.join("repo/archive/demo");
        let id = self.listed.history.entries();
        let id = id.iter().find(|one| one.id == entry.pg_id);
        let id = id.ok_or("a backup of an unknown cluster")?.archive_id();
        let mut found = BTreeSet::new();
        for directory in read(&archive.join(id.to_string()))? {
            for file in read(&directory)? {
                let name = file
                    .file_name()
                    .unwrap_or_default()
                    .to_string_lossy()
                    .into_owned();
                let segment = name.get(..24).unwrap_or_default();
                if segment >= start.as_str() && segment <= stop.as_str() {
                    found.insert(segment.to_owned());
                }
            }
        }
        Ok(found)
    }
}

fn read(path: &Path) -> Result<Vec<std::path::PathBuf>> {
    match fs::read_dir(path) {
        Err(_) => Ok(Vec::new()),
        Ok(found) => found.map(|entry| Ok(entry?.path())).collect(),
    }
}

pub(crate) fn what_is_kept_is_whole(program: &Program) -> TestResult {
    let pgbackrest = PgBackRest::rolling()?;
    let mut checked = 0;
    for case in 0.. {
        if checked == CASES {
            break;
        }
        let seed = seed().wrapping_mul(7_000_003).wrapping_add(case);
        let mut random = Random::new(seed);
        let Some(stage) = Stage::new(program, &mut random)? else {
            continue;
        };
        checked += 1;
        one(&stage, &mut random, &pgbackrest).map_err(|error| format!("seed {seed}: {error}"))?;
    }
    Ok(())
}

fn one(stage: &Stage<'_>, random: &mut Random, pgbackrest: &PgBackRest) -> Result<()> {
    let entries = stage.listed.entries();
    let pinned = random.of(entries).clone();
    let (set, full) = (
        format!("--set={}", pinned.label),
        format!("--set={}", pinned.label.full_part()),
    );
    stage
        .ours(&[&set, "--pin=forever"], "annotate")?
        .success()?;

    // The last full backup is refused for another reason.
    let refused = stage.expire(&[&full])?;
    if refused.code != 104 || !refused.stdout.contains("[075]: repo1: ") {
        return Err(format!("a pinned backup was named: {refused:?}").into());
    }

    let before = stage.snapshot()?;
    let rules = [
        "--repo1-retention-full=1",
        "--repo1-retention-diff=1",
        "--repo1-retention-monthly=2",
        "--repo1-retention-weekly=1",
    ];
    let planned = stage.expire(&[&rules[..], &["--dry-run"]].concat())?;
    before.must_equal(&stage.snapshot()?)?;
    let endless = [
        "--dry-run",
        "--repo1-retention-full=1",
        "--repo1-retention-archive=99",
    ];
    let told = stage.expire(&endless)?.success()?;
    for part in [
        "WARN: [DRY-RUN] WAL segments will not be expired: option 'repo1-retention-archive=99' but option 'repo1-retention-full=1' keeps fewer",
        "repo1: all WAL stays: there are fewer backups than the 99 of repo1-retention-archive",
    ] {
        if !told.stdout.contains(part) {
            return Err(format!("'{part}' is not told: {told:?}").into());
        }
    }
    let verdict =
        |label: &BackupLabel, word: &str| planned.stdout.contains(&format!(" {label} {word}: "));
    let wal: Vec<_> = entries
        .iter()
        .map(|entry| stage.wal(entry))
        .collect::<Result<_>>()?;

    let done = stage.expire(&rules)?;
    if done.code != 0 {
        return Err(format!("{done:?}").into());
    }
    let left = case::listed(&stage.scratch.join("repo"), false)?;
    for (entry, wal) in entries.iter().zip(wal) {
        let label = &entry.label;
        let (stays, goes) = (verdict(label, "stays"), verdict(label, "goes"));
        let listed = left.find(label).is_some();
        if stays == goes || stays != listed {
            return Err(format!(
                "{label}: announced stays={stays} goes={goes}, listed={listed}\n{}\n{}",
                planned.stdout, done.stdout
            )
            .into());
        }
        if listed && stage.wal(entry)? != wal {
            return Err(format!("{label} stays and has lost WAL").into());
        }
        if listed
            && entry
                .prior
                .as_ref()
                .is_some_and(|prior| left.find(prior).is_none())
        {
            return Err(format!("{label} stays and what it depends on does not").into());
        }
        let manifest = format!("repo/backup/demo/{label}/backup.manifest");
        if stage.scratch.join(&manifest).exists() != listed {
            return Err(format!("{manifest}: listed={listed}").into());
        }
    }
    if left.find(&pinned.label).is_none() {
        return Err(format!("{} was pinned and is gone", pinned.label).into());
    }
    let shown = stage.run(pgbackrest.command(), &[&set], "info")?;
    if !shown.stdout.contains("pgkeep-pin: forever") {
        return Err(format!("pgBackRest does not show the pin: {shown:?}").into());
    }
    let ours = stage.ours(&[&set], "info")?;
    if !ours.stdout.contains("pinned: until it is released") {
        return Err(format!("info does not show the pin: {ours:?}").into());
    }

    let doctor = stage.ours(
        &["--repo1-retention-monthly=2", "--pg1-path=/nowhere"],
        "doctor",
    )?;
    let told = "1 backup is pinned; repo1-retention-monthly is set";
    if !doctor.stdout.contains(told) {
        return Err(format!("doctor does not tell what pgBackRest removes: {doctor:?}").into());
    }

    stage.ours(&[&set, "--pin=none"], "annotate")?.success()?;
    let last = stage.expire(&["--repo1-retention-full=1"])?.success()?;
    let newest_full = left
        .entries()
        .iter()
        .rev()
        .find(|entry| entry.prior.is_none());
    let newest_full = newest_full.map(|entry| entry.label.as_str());
    let left = case::listed(&stage.scratch.join("repo"), false)?;
    let released = left.find(&pinned.label).is_none();
    if released == (newest_full == Some(pinned.label.full_part())) {
        return Err(format!(
            "{} was released; gone: {released}\n{}",
            pinned.label, last.stdout
        )
        .into());
    }
    Ok(())
}
