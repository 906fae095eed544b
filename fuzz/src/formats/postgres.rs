//! Files that PostgreSQL writes.

use pgkeep_postgres::control::{self, ControlFile, invalidate_checkpoint};
use pgkeep_postgres::recovery::{RecoverySettings, RecoveryTarget, TargetAction};
use pgkeep_postgres::timeline::parse_history;
use pgkeep_postgres::version::PgVersion;
use pgkeep_postgres::wal::header::WalHeader;

const VERSIONS: [PgVersion; 3] = [PgVersion::V9_6, PgVersion::V12, PgVersion::V18];

/// The first page of a WAL segment.
pub fn wal_header(data: &[u8]) {
    let _ = WalHeader::parse(data, None);
    for version in VERSIONS {
        let _ = WalHeader::parse(data, Some(version));
    }
}

/// `global/pg_control`
pub fn pg_control(data: &[u8]) {
    let _ = ControlFile::parse(data, None);
    if let Ok(image) = control::padded(data) {
        assert_eq!(image.len(), 8192);
    }
    for version in VERSIONS {
        let before = ControlFile::parse(data, Some(version));
        let mut changed = data.to_vec();
        match invalidate_checkpoint(&mut changed, version) {
            // A sum may be right over sizes that are not.
            Ok(()) if before.is_err() => {}
            Ok(()) => {
                let after = ControlFile::parse(&changed, Some(version));
                assert!(after.is_ok_and(|control| control.is_checkpoint_invalid()));
            }
            Err(_) => assert_eq!(changed, data, "a file that was not whole was changed"),
        }
    }
}

/// A timeline history file.
pub fn history(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Ok(switches) = parse_history(text) {
        assert!(switches.len() <= text.len());
    }
}

/// `postgresql.auto.conf` of a restored cluster, of which the targets of earlier restores are taken out.
pub fn recovery_settings(data: &[u8]) {
    let settings = RecoverySettings {
        version: PgVersion::V15,
        target: RecoveryTarget::Default,
        options: Vec::new(),
        archive_mode_off: false,
        restore_command: "pgkeep archive-get %f \"%p\"".to_owned(),
        target_exclusive: false,
        target_action: TargetAction::Pause,
        target_timeline: None,
    };
    let first = settings
        .auto_conf(Some(data), "now")
        .expect("nothing here can fail")
        .expect("15 keeps its settings here");
    let lines = |text: &[u8]| {
        text.split(|byte| *byte == b'\n')
            .filter(|line| active(line))
            .count()
    };
    let second = settings
        .auto_conf(Some(&first), "now")
        .expect("as before")
        .expect("as before");
    assert!(
        lines(&second) <= lines(&first) + 2,
        "each restore adds its own settings and nothing else"
    );
}

/// A line that sets something.
fn active(line: &[u8]) -> bool {
    line.iter()
        .find(|byte| !byte.is_ascii_whitespace())
        .is_some_and(|byte| *byte != b'#')
}
