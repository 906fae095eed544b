//! Backups of a cluster on another host, over a connection in memory.

use super::*;
use crate::backup::from_standby::SourceHosts;
use crate::backup::queue::{Queues, Rulebook};
use crate::hosts::pg_host::{RemotePgHost, RemoteSettings};
use crate::remote::in_memory::InMemory;
use crate::remote::serve::cluster::ClusterService;
use crate::remote::wire::greeting::{Answer, ClusterAnswer, Side};
use pgkeep_postgres::data_dir::Rules;

/// The host that has the cluster of the fixture.
fn elsewhere(fixture: &Fixture) -> Arc<InMemory> {
    let context = fixture.context(&["--no-online"], Moments::default());
    let answer = Answer::Pg(ClusterAnswer {
        path: fixture.pg_path(),
        db_timeout: 1000,
    });
    InMemory::new(ClusterService::new(fixture.host(&context)), answer, 2)
}

fn host(fixture: &Fixture, there: &Arc<InMemory>) -> Arc<dyn PgHost> {
    let settings = RemoteSettings {
        key: 1,
        path: fixture.pg_path(),
        network_level: 1,
        limit: None,
    };
    Arc::new(RemotePgHost::new(settings, there.link(Side::Pg, "backup")))
}

/// A backup of the cluster there.
fn backup(fixture: &Fixture, there: &Arc<InMemory>, more: &[&str]) -> Result<()> {
    backup_with(fixture, there, more, Moments::default())
}

fn backup_with(
    fixture: &Fixture,
    there: &Arc<InMemory>,
    more: &[&str],
    moments: Moments,
) -> Result<()> {
    let mut options = vec!["--no-online"];
    options.extend_from_slice(more);
    let context = fixture.context(&options, moments);
    make(
        &context,
        &Settings::from(&context)?,
        &fixture.repository,
        |context, _| Source::stopped(context, host(fixture, there)),
    )
}

/// What a manifest says of its files and links, but for what is made up anew for each backup.
fn described(manifest: &Manifest) -> Vec<String> {
    let files = manifest.files().map(|file| {
        format!(
            "{} {} {:?} {} {:?} {:?}",
            file.name, file.size, file.checksum, file.timestamp, file.page_check, file.user
        )
    });
    let targets = manifest
        .targets()
        .iter()
        .map(|target| format!("{target:?}"));
    files.chain(targets).collect()
}

#[test]
fn a_backup_from_another_host_is_that_of_a_local_one() {
    for options in [
        &["--compress-type=none", "--process-max=2"][..],
        &["--compress-type=gz", "--repo1-cipher-type=aes-256-cbc"],
        &["--repo1-bundle", "--process-max=2"],
        &[
            "--repo1-bundle",
            "--repo1-bundle-limit=64KiB",
            "--repo1-block",
            "--compress-type=zst",
        ],
    ] {
        let fixture = Fixture::new(cluster(), options);
        let there = elsewhere(&fixture);
        fixture.backup(&["--type=full"]).unwrap();
        let local = described(&fixture.check(&fixture.newest()));
        backup(&fixture, &there, &["--type=full"]).unwrap();
        let remote = fixture.check(&fixture.newest());
        assert_eq!(described(&remote), local, "{options:?}");
        // A file that has changed, one whose content is the same, and a comparison by checksum.
        fixture.write("base/1/an = odd \"name\"", b"other", OLD + 10);
        fixture.age("base/1/2619", OLD + 10);
        for more in [&["--type=incr"][..], &["--type=incr", "--delta"]] {
            backup(&fixture, &there, more).unwrap();
            let manifest = fixture.check(&fixture.newest());
            let own = own_files(&manifest);
            assert!(!own.contains(&"pg_data/base/1/2619".to_owned()), "{own:?}");
        }
    }
}

#[test]
fn a_backup_whose_connection_is_cut_anywhere_fails_clearly_and_the_next_one_is_whole() {
    let fixture = Fixture::new(cluster(), &["--process-max=2", "--compress-type=none"]);
    let there = elsewhere(&fixture);
    backup(&fixture, &there, &["--type=full"]).unwrap();
    let mut failed = 0;
    for at in 1.. {
        there.cut.set(at);
        let result = backup(&fixture, &there, &["--type=full"]);
        let cut = there.cut.happened();
        there.cut.set(0);
        match result {
            Err(error) => {
                assert!(cut, "{error}");
                assert_eq!(error.code, ErrorCode::Protocol, "{error}");
                assert!(error.message.contains("on 'other'"), "{error}");
                failed += 1;
            }
            Ok(()) => {
                fixture.check(&fixture.newest());
                if !cut {
                    break;
                }
            }
        }
        there.wait_idle();
    }
    assert!(failed > 10, "{failed}");
    backup(&fixture, &there, &["--type=full"]).unwrap();
    fixture.check(&fixture.newest());
}

#[test]
fn a_job_whose_connection_is_lost_is_done_again_over_a_new_one() {
    let fixture = Fixture::new(cluster(), &["--compress-type=none"]);
    let there = elsewhere(&fixture);
    let at_once = ["--type=full", "--job-retry=2", "--job-retry-interval=0"];
    let copying = Arc::clone(&there);
    let moments = Moments::at_begin(move || copying.cut.set_once(3));
    backup_with(&fixture, &there, &at_once, moments).unwrap();
    assert_eq!(there.cut.mended(), 1);
    fixture.check(&fixture.newest());
}

/// Small files of a host with latency come in batches, so that all of them can be asked for at once.
#[test]
fn small_files_of_another_host_are_copied_in_batches_and_each_once() {
    let fixture = Fixture::new(cluster(), &[]);
    let there = elsewhere(&fixture);
    let context = fixture.context(&["--no-online", "--type=full"], Moments::default());
    let settings = Settings::from(&context).unwrap();
    let batches = |host: Arc<dyn PgHost>| {
        let source = Source::stopped(&context, host).unwrap();
        let mut plan = Plan::new(&settings, true);
        plan.backup_type = BackupType::Full;
        let started = start::Started::default();
        let mut manifest =
            manifest_build::build(&settings, &plan, &fixture.info(), &source, &started, NOW)
                .unwrap();
        manifest_build::compare(&mut plan, &mut manifest, None, NOW, &started).unwrap();
        let hosts = SourceHosts {
            primary: Arc::clone(&source.host),
            standby: None,
        };
        let version = source.control.version;
        let mut queues = Queues::build(&manifest, &settings, &hosts, version).unwrap();
        let book = Rulebook {
            settings: &settings,
            plan: &plan,
            rules: &Rules::new(version, source.control.catalog_version, false),
            label: &"20260101-000000F".parse().unwrap(),
        };
        let mut sizes = Vec::new();
        loop {
            let batch = queues.next_batch(0, &manifest, &book, &hosts);
            if batch.is_empty() {
                let files = manifest.files().filter(|file| file.copy).count();
                assert_eq!(sizes.iter().sum::<usize>(), files);
                return sizes;
            }
            sizes.push(batch.len());
        }
    };
    let local = batches(fixture.host(&context));
    assert!(local.iter().all(|&size| size == 1), "{local:?}");
    let remote = batches(host(&fixture, &there));
    assert_eq!(remote.len(), 1, "{remote:?}");
}
