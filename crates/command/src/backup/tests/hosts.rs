//! Which host the jobs of a backup read from.

use std::collections::VecDeque;

use pgkeep_postgres::data_dir::{CONTROL_FILE, Rules};
use pgkeep_repo::BackupType;

use super::*;
use crate::backup::from_standby::{SourceHost, SourceHosts};
use crate::backup::job::CopyJob;
use crate::backup::queue::{Queues, Rulebook};

/// All jobs of a full backup with these hosts.
fn jobs(fixture: &Fixture, options: &[&str], standby: bool) -> (Vec<CopyJob>, Manifest) {
    let mut all = vec!["--no-online", "--type=full"];
    all.extend_from_slice(options);
    let context = fixture.context(&all, Moments::default());
    let settings = Settings::from(&context).unwrap();
    let source = Source::open(&context, &settings).unwrap();
    let mut plan = Plan::new(&settings, true);
    plan.backup_type = BackupType::Full;
    let started = start::Started::default();
    let mut manifest =
        manifest_build::build(&settings, &plan, &fixture.info(), &source, &started, NOW).unwrap();
    manifest_build::compare(&mut plan, &mut manifest, None, NOW, &started).unwrap();
    let hosts = SourceHosts {
        primary: fixture.host(&context),
        standby: standby.then(|| fixture.host(&context)),
    };
    let version = source.control.version;
    let mut queues = Queues::build(&manifest, &settings, &hosts, version).unwrap();
    let book = Rulebook {
        settings: &settings,
        plan: &plan,
        rules: &Rules::new(version, source.control.catalog_version, false),
        label: &"20260101-000000F".parse().unwrap(),
    };
    let mut jobs = Vec::new();
    // The first worker and two others, one job each in turn.
    let mut workers = VecDeque::from([0, 1, 2]);
    while let Some(worker) = workers.pop_front() {
        if let Some((job, _)) = queues.next(worker, &manifest, &book) {
            if standby {
                let first = job.host == SourceHost::Primary;
                assert_eq!(
                    first,
                    worker == 0,
                    "one worker alone reads from the primary"
                );
            }
            jobs.push(job);
            workers.push_back(worker);
        }
    }
    (jobs, manifest)
}

#[test]
fn every_job_reads_from_the_primary_alone() {
    let fixture = Fixture::new(cluster(), &[]);
    let (jobs, manifest) = jobs(&fixture, &["--repo1-bundle"], false);
    assert!(jobs.iter().all(|job| job.host == SourceHost::Primary));
    let files: usize = jobs.iter().map(|job| job.files.len()).sum();
    let copied = manifest.files().filter(|file| file.copy).count();
    assert_eq!(files, copied);
}

#[test]
fn with_a_standby_no_job_mixes_hosts_and_each_file_comes_from_its_own() {
    let fixture = Fixture::new(cluster(), &[]);
    for options in [&[][..], &["--repo1-bundle"]] {
        let (jobs, manifest) = jobs(&fixture, options, true);
        let mut from_standby = 0;
        let mut files = 0;
        for job in &jobs {
            for file in &job.files {
                let expected = file.name.starts_with(b"pg_data/base/")
                    || (file.name.starts_with(b"pg_data/global/") && file.name != CONTROL_FILE)
                    || file.name.starts_with(b"pg_data/pg_multixact/")
                    || file.name.starts_with(b"pg_data/pg_xact/");
                assert_eq!(
                    job.host == SourceHost::Standby,
                    expected,
                    "{}",
                    file.shown()
                );
                from_standby += usize::from(expected);
                files += 1;
            }
        }
        assert_eq!(
            files,
            manifest.files().filter(|file| file.copy).count(),
            "each file once"
        );
        assert!(from_standby > 0 && from_standby < files);
    }
}
