//! Targets that take no copies.

use pgkeep_repo::closed;

use super::*;

#[test]
fn a_target_that_is_kept_for_an_account_that_only_adds_is_refused() {
    let (source, target) = (Place::source(), Place::new());
    let path = layout::backup_info(&stanza());
    let bytes = read(&target.memory, &path.to_string()).unwrap();
    write_all(&target.memory, &path, &closed::options(true), &bytes).unwrap();
    for options in [&[][..], &["--dry-run"]] {
        let run = Run {
            options,
            ..Run::default()
        };
        let error = run.copy(&source, &target).unwrap_err();
        assert_eq!(error.code, ErrorCode::RepoInvalid);
        assert!(error.text().contains("repo2"), "{error}");
        assert_eq!(error.hints.len(), 1);
    }
    assert!(target.labels().is_empty());
}

#[test]
fn a_target_to_which_this_host_only_adds_is_refused_before_it_is_opened() {
    let run = Run {
        options: &[
            "--repo2-type=sftp",
            "--repo2-sftp-append-only",
            "--repo2-sftp-host=host",
            "--repo2-sftp-host-user=user",
            "--repo2-sftp-private-key-file=/key",
            "--repo2-sftp-host-key-hash-type=sha256",
        ],
        ..Run::default()
    };
    let error = run.copy(&Place::source(), &Place::empty()).unwrap_err();
    assert_eq!(error.code, ErrorCode::OptionInvalid);
    assert!(error.message.contains("repo2-sftp-append-only"), "{error}");
    assert_eq!(error.hints.len(), 1);
}
