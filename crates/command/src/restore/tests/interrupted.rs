//! Restores that are interrupted: never a startable half, and the next run finishes it.

use super::*;
use crate::run::cancel::Cancel;

#[test]
fn a_restore_that_is_stopped_cannot_be_started_and_is_finished_by_doing_it_again() {
    for format in [
        &["--compress-type=none"][..],
        &["--compress-type=lz4", "--repo1-bundle", "--repo1-block"],
    ] {
        let fixture = Fixture::new(format);
        fixture.backup("full");
        fixture.restore("target", &[]).unwrap();
        let mut content = fixture.read("target/base/1/2619");
        content[5] ^= 1;
        fixture.write("target/base/1/2619", &content);
        let cancel = Cancel::default();
        let stop = cancel.clone();
        let moments = Moments(Mutex::new(Some(Box::new(move || stop.cancel(15)))));
        let mut context = fixture.context_with("restore", "target", &["--delta"], moments);
        context.cancel = cancel;
        let error = run(&context).unwrap_err();
        assert_eq!(
            (error.code, error.message.as_str()),
            (ErrorCode::Term, "terminated on signal SIGTERM")
        );
        assert!(
            !fixture.exists("target/global/pg_control"),
            "a server could start on half a cluster"
        );
        assert!(fixture.exists("target/backup.manifest"));
        std::fs::remove_file(fixture.path("target/PG_VERSION")).unwrap();
        fixture.restore("target", &["--delta"]).unwrap();
        fixture.assert_same("target");
    }
}

#[test]
fn the_spool_of_the_old_cluster_is_emptied() {
    let fixture = Fixture::new(&["--compress-type=none"]);
    fixture.backup("full");
    std::fs::create_dir_all(fixture.path("spool/archive/demo/out")).unwrap();
    std::fs::create_dir_all(fixture.path("spool/archive/other")).unwrap();
    fixture.write("spool/archive/demo/out/000000010000000000000001.ok", b"");
    fixture.restore("target", &[]).unwrap();
    assert!(!fixture.exists("spool/archive/demo") && fixture.exists("spool/archive/other"));
}
