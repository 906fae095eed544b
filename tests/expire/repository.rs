//! Makes up a repository in the middle of its life: backups of several clusters, their WAL, and what crashes and people leave.
//!
//! Written with this program's own writers, so pgBackRest reading it is part of the test. Invariant: the same random numbers
//! give the same repository.

use std::fs;
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use pgkeep_pipeline::Sha1Digest;
use pgkeep_repo::manifest::{
    BackupHeader, BackupOptions, FileData, Made as MadeIn, Manifest, PG_DATA, Path as ManifestPath,
    PgInfo, Target, TargetKind,
};
use pgkeep_repo::pg_history::PgHistoryEntry;
use pgkeep_repo::{ArchiveInfo, BackupInfo, BackupLabel, BackupType, PgHistory, Stanza, layout};
use pgkeep_storage::posix::{PosixSettings, PosixStorage};
use secrecy::SecretString;

use crate::random::Random;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

/// What the options of a case can refer to.
pub(crate) struct Made {
    /// Directories of backups, listed or not, ascending.
    pub(crate) labels: Vec<BackupLabel>,
    /// Segments that were written.
    pub(crate) segments: Vec<String>,
}

/// The repository being made.
pub(crate) struct Maker<'a> {
    random: &'a mut Random,
    path: PathBuf,
    storage: PosixStorage,
    stanza: Stanza,
    info: BackupInfo,
    archive_info: ArchiveInfo,
    pass: Option<SecretString>,
    made: Made,
    /// The current cluster, its timeline and the number of its next segment.
    cluster: PgHistoryEntry,
    timeline: u32,
    segment: u64,
}

/// Makes the repository of stanza `demo` at `path`, encrypted with `pass`, as it may be at `now`.
pub(crate) fn make(random: &mut Random, path: &Path, pass: Option<&str>, now: i64) -> Result<Made> {
    let clusters = 1 + u32::try_from(random.below(3))?;
    let mut history = PgHistory::new(cluster(1));
    (2..=clusters).for_each(|id| history.upgrade(cluster(id)));
    let pass = pass.map(SecretString::from);
    let inner = |name: &str| pass.as_ref().map(|_| SecretString::from(name));
    let mut maker = Maker {
        random,
        path: path.to_owned(),
        storage: PosixStorage::new(PosixSettings::at(path)),
        stanza: Stanza::new("demo")?,
        info: BackupInfo::new(history.clone(), inner("manifests")),
        archive_info: ArchiveInfo::new(history, inner("wal")),
        pass: pass.clone(),
        made: Made {
            labels: Vec::new(),
            segments: Vec::new(),
        },
        cluster: cluster(1),
        timeline: 1,
        segment: 0,
    };
    maker.live(clusters, now)?;
    maker.leave_rubbish()?;
    maker
        .archive_info
        .save(&maker.storage, &maker.stanza, maker.pass.as_ref())?;
    maker
        .info
        .save(&maker.storage, &maker.stanza, maker.pass.as_ref())?;
    maker.made.labels.sort();
    Ok(maker.made)
}

fn cluster(id: u32) -> PgHistoryEntry {
    let (version, control, catalog) = [
        ("13", 1300, 202_007_201),
        ("15", 1300, 202_209_061),
        ("17", 1700, 202_406_281),
    ][usize::try_from(id - 1).unwrap_or(0).min(2)];
    PgHistoryEntry {
        id,
        system_id: 7_000_000_000_000_000_000 + u64::from(id),
        version: version.to_owned(),
        catalog_version: catalog,
        control_version: control,
    }
}

impl Maker<'_> {
    fn live(&mut self, clusters: u32, now: i64) -> Result<()> {
        let mut days = 2 + i64::try_from(self.random.below(40))?;
        let mut prior: Vec<BackupLabel> = Vec::new();
        let mut last = i64::MIN;
        for id in 1..=clusters {
            self.cluster = cluster(id);
            self.timeline = 1;
            self.segment = self.random.below(600);
            prior.clear();
            for _ in 0..self.random.below(9) {
                self.wal(6)?;
                // Never near a full number of days before now, whose meaning changes while the programs run.
                let hours = 3 + i64::try_from(self.random.below(18))?;
                days = (days - i64::try_from(self.random.below(4))?).max(0);
                let time = now - days * DAY - hours * HOUR - i64::try_from(self.made.labels.len())?;
                // A clock that goes backward is refused when the label is made.
                if time <= last {
                    continue;
                }
                last = time;
                self.backup(&mut prior, time)?;
            }
            self.wal(4)?;
        }
        Ok(())
    }

    /// One backup of any type, with the WAL it needs.
    fn backup(&mut self, prior: &mut Vec<BackupLabel>, time: i64) -> Result<()> {
        let backup_type = match self.random.below(4) {
            0 => BackupType::Diff,
            1 | 2 if self.random.once_in(2) => BackupType::Incr,
            _ => BackupType::Full,
        };
        let base = match backup_type {
            BackupType::Full => None,
            BackupType::Diff => prior
                .iter()
                .rev()
                .find(|label| label.backup_type() == BackupType::Full)
                .cloned(),
            BackupType::Incr => prior.last().cloned(),
        };
        let backup_type = if base.is_some() {
            backup_type
        } else {
            BackupType::Full
        };
        let full = base.as_ref().map(BackupLabel::full_label);
        let label = BackupLabel::format(backup_type, full.as_ref(), time, &TimeZone::UTC)?;
        let online = !self.random.once_in(12);
        let start = online.then(|| self.name());
        if online {
            self.wal(3)?;
        }
        let stop = online.then(|| self.name_before());
        let mut header = BackupHeader::new(backup_type, time);
        header.prior = base;
        header.timestamp_copy_start = time + 1;
        header.timestamp_stop = time + 60;
        header.archive_stop = start.as_ref().and(stop).max(start.clone());
        header.archive_start = start;
        let manifest = self.manifest(header, &label)?;
        let manifest_pass = self.info.cipher_pass.clone();
        manifest
            .stage(
                &self.storage,
                &self.stanza,
                &label,
                (manifest_pass.as_ref(), MadeIn::Here),
            )?
            .publish()?;
        self.write(&format!("backup/demo/{label}/pg_data/PG_VERSION.gz"), b"x")?;
        // Finished, but the program died before it was listed.
        if !self.random.once_in(25) {
            self.info.add(manifest.backup_entry()?);
        }
        let latest = self.path.join("backup/demo/latest");
        let _ = fs::remove_file(&latest);
        std::os::unix::fs::symlink(label.as_str(), latest)?;
        prior.push(label.clone());
        self.made.labels.push(label);
        Ok(())
    }

    fn manifest(&self, header: BackupHeader, label: &BackupLabel) -> Result<Manifest> {
        let pg = PgInfo {
            id: self.cluster.id,
            system_id: self.cluster.system_id,
            version: self.cluster.version.clone(),
            catalog_version: self.cluster.catalog_version,
            control_version: self.cluster.control_version,
        };
        let mut manifest = Manifest::new(
            header,
            pg,
            BackupOptions {
                online: true,
                ..BackupOptions::default()
            },
        );
        manifest.references.extend(manifest.backup.prior.clone());
        manifest.set_label(label.clone());
        manifest.cipher_pass = self.pass.as_ref().map(|_| SecretString::from("files"));
        let owner = manifest.owner_id(Some("postgres"));
        manifest.add_path(ManifestPath {
            name: PG_DATA.to_vec(),
            mode: 0o700,
            user: owner,
            group: owner,
        });
        manifest.add_target(Target {
            name: PG_DATA.to_vec(),
            path: b"/pg".to_vec(),
            kind: TargetKind::Path,
        });
        let file = FileData {
            size: 3,
            size_original: 3,
            repo_size: 1,
            timestamp: 1_700_000_000,
            checksum: Some(Sha1Digest::of(b"17\n")),
            mode: 0o600,
            user: owner,
            group: owner,
            ..FileData::default()
        };
        manifest.add_file(b"pg_data/PG_VERSION", &file);
        Ok(manifest)
    }

    fn name(&self) -> String {
        segment_name(self.timeline, self.segment)
    }

    fn name_before(&self) -> String {
        segment_name(self.timeline, self.segment.saturating_sub(1))
    }

    /// Some segments, with what else lies among them.
    fn wal(&mut self, most: u64) -> Result<()> {
        for _ in 0..self.random.below(most) {
            let name = self.name();
            let archive = format!("archive/demo/{}", self.cluster.archive_id());
            let directory = format!("{archive}/{}", &name[..16]);
            if !self.random.once_in(15) {
                let extension = *self.random.of(&["", ".gz", ".lz4", ".zst"]);
                self.write(
                    &format!("{directory}/{name}-{}{extension}", Sha1Digest::EMPTY),
                    b"wal",
                )?;
                self.made.segments.push(name.clone());
            }
            match self.random.below(24) {
                0 => self.write(&format!("{directory}/{name}.00000028.backup"), b"label")?,
                1 => self.write(
                    &format!("{directory}/{name}.partial-{}.gz", Sha1Digest::EMPTY),
                    b"part",
                )?,
                2 => self.write(&format!("{directory}/readme"), b"what people leave")?,
                3 => self.write(
                    &format!(
                        "{directory}/{}-{}.gz",
                        &name.to_lowercase(),
                        Sha1Digest::EMPTY
                    ),
                    b"odd",
                )?,
                4 => {
                    self.timeline += 1;
                    self.write(
                        &format!("{archive}/{:08X}.history", self.timeline),
                        b"history",
                    )?;
                }
                5 => self.segment += 300,
                _ => {}
            }
            self.segment += 1;
        }
        Ok(())
    }

    /// What crashes, other programs and people leave.
    fn leave_rubbish(&mut self) -> Result<()> {
        let labels = self.made.labels.clone();
        for label in &labels {
            let set = self.path.join(format!("backup/demo/{label}"));
            match self.random.below(30) {
                // An expire that was killed: manifest gone, or all of the set.
                0 => fs::remove_file(set.join("backup.manifest"))?,
                1 => {
                    fs::remove_file(set.join("backup.manifest"))?;
                    fs::remove_file(set.join("backup.manifest.copy"))?;
                }
                2 => fs::remove_dir_all(&set)?,
                3 => fs::remove_file(set.join("backup.manifest.copy"))?,
                _ => {}
            }
        }
        if self.random.once_in(3)
            && let Some(last) = labels.last()
        {
            self.in_progress(last)?;
        }
        for (times, name) in [
            (5, "backup/demo/20200101-000000F/pg_data/base/1"),
            (5, "backup/demo/20200101-000000F_x/file"),
            (5, "backup/demo/file"),
            (
                5,
                "backup/demo/backup.history/2019/20190101-000000F.manifest.gz",
            ),
            (5, "backup/demo/backup.history/2019/other"),
            (
                5,
                "backup/demo/backup.history/old/20190101-000000F.manifest.gz",
            ),
            (5, "archive/demo/9.6-7/0000000100000000/x"),
            (5, "archive/demo/lost+found/x"),
            (9, "archive/demo/13-1/0000000100000001/x"),
        ] {
            if self.random.once_in(times) {
                self.write(name, b"x")?;
            }
        }
        if self.random.once_in(20) {
            // Repaired by hand, and not well.
            self.archive_info.history.upgrade(cluster(3));
        }
        Ok(())
    }

    /// A backup that runs, or died: a manifest copy alone, in the newest directory or not.
    fn in_progress(&mut self, last: &BackupLabel) -> Result<()> {
        let time = last.as_str()[..15].to_owned();
        let label: BackupLabel = if self.random.once_in(2) {
            format!("{}_{}", last.full_label(), last_time_after(&time, last)).parse()?
        } else {
            format!("{}F", last_time_after(&time, last).trim_end_matches('I')).parse()?
        };
        if self.made.labels.contains(&label) {
            return Ok(());
        }
        let mut header = BackupHeader::new(label.backup_type(), 1_700_000_000);
        header.prior = (label.backup_type() != BackupType::Full).then(|| last.clone());
        let manifest = self.manifest(header, &label)?;
        let pass = self.info.cipher_pass.as_ref();
        manifest
            .begin_copy(&self.storage, &self.stanza, &label, (pass, MadeIn::Here))?
            .wait()?;
        self.write(&format!("backup/demo/{label}/pg_data/base/1/1"), b"x")?;
        self.made.labels.push(label);
        Ok(())
    }

    fn write(&self, name: &str, content: &[u8]) -> Result<()> {
        let path = self.path.join(name);
        fs::create_dir_all(path.parent().expect("every name has a directory"))?;
        fs::write(path, content)?;
        Ok(())
    }
}

/// The date and time of an incr one second after the end of `last`'s label.
fn last_time_after(first: &str, last: &BackupLabel) -> String {
    let text = last.as_str();
    let own = text.get(17..32).unwrap_or(first);
    let (day, time) = own.split_at(9);
    let seconds: u32 = time.parse().unwrap_or(0);
    format!(
        "{day}{:06}I",
        seconds / 100 * 100 + (seconds % 100 + 1).min(59)
    )
}

fn segment_name(timeline: u32, segment: u64) -> String {
    format!("{timeline:08X}{:08X}{:08X}", segment / 256, segment % 256)
}

/// Where WAL directories begin, for the reader of a failing case.
pub(crate) fn describe(made: &Made) -> String {
    let labels: Vec<&str> = made.labels.iter().map(BackupLabel::as_str).collect();
    format!(
        "backups {labels:?}, {} segments, layout below {}",
        made.segments.len(),
        layout::BACKUP
    )
}
