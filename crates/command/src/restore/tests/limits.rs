//! Limits of a backup and a restore, by a clock that moves when somebody waits: one worker, as the waits of several would add up.

use super::*;

/// Bytes of the cluster.
fn size(fixture: &Fixture) -> u64 {
    let files = files(&fixture.path("source"));
    files
        .keys()
        .map(|name| fixture.path("source").join(name))
        .filter_map(|path| {
            let info = path.symlink_metadata().ok()?;
            info.is_file().then_some(info.len())
        })
        .sum()
}

/// Whole seconds that `run` takes.
fn seconds(fixture: &Fixture, run: impl FnOnce()) -> i64 {
    let before = fixture.clock.seconds();
    run();
    fixture.clock.seconds() - before
}

#[test]
fn bytes_of_the_cluster_are_read_and_written_no_faster_than_its_limit() {
    for format in [
        &["--compress-type=none"][..],
        &[
            "--compress-type=zst",
            "--repo1-bundle",
            "--repo1-block",
            "--repo1-block-age-map=1=1",
        ],
    ] {
        let limit = ["--pg1-rate-limit=10KiB", "--process-max=1"];
        let fixture = Fixture::new(&[format, &limit].concat());
        let due = i64::try_from(size(&fixture) / (10 << 10)).unwrap();
        assert!(due > 40);
        let near = |seconds: i64| (due - 2..=due + 4).contains(&seconds);
        let backup = seconds(&fixture, || fixture.backup("full"));
        assert!(near(backup), "{backup} of {due}");
        let restore = seconds(&fixture, || fixture.restore("target", &[]).unwrap());
        assert!(near(restore), "{restore} of {due}");
        // Nothing is written, but all is read.
        let delta = seconds(&fixture, || {
            fixture.restore("target", &["--delta"]).unwrap()
        });
        assert!(near(delta), "{delta} of {due}");
        fixture.assert_same("target");
    }
}

#[test]
fn bytes_of_the_repository_count_as_they_are_stored() {
    let fixture = Fixture::new(&[
        "--compress-type=none",
        "--repo1-rate-limit=10KiB",
        "--process-max=1",
    ]);
    let due = i64::try_from(size(&fixture) / (10 << 10)).unwrap();
    let near = |seconds: i64| (due - 2..=due + 8).contains(&seconds);
    let backup = seconds(&fixture, || fixture.backup("full"));
    // Manifests and info files, twice each, count too.
    assert!(near(backup), "{backup} of {due}");
    let restore = seconds(&fixture, || fixture.restore("target", &[]).unwrap());
    assert!(near(restore), "{restore} of {due}");
    fixture.assert_same("target");
}
