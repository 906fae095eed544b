//! The table of the README claims what the code does: a feature is marked "not yet" there exactly as long as it is refused.

use pgkeep_command::run::not_yet::NOT_YET;

use crate::text;

/// Refused feature, and words of its row in the README.
const ROWS: &[(&str, &str)] = &[
    ("backup-standby", "from a standby"),
    ("pg-host", "PostgreSQL on another host"),
    ("repo-host", "repository or PostgreSQL on another host"),
    ("repo-target-time", "at an earlier time"),
    ("repo-type=azure", "Azure"),
    ("repo-type=gcs", "GCS"),
    ("repo-type=s3", "S3"),
    ("repo-type=sftp", "SFTP"),
    ("repo-format=6", "format 6"),
    ("repo-cipher-rotate", "format 6"),
];

#[test]
fn the_readme_says_of_each_feature_whether_it_is_refused() {
    let readme = text("README.md");
    for (feature, words) in ROWS {
        let row = readme
            .lines()
            .find(|line| line.starts_with('|') && line.contains(words))
            .unwrap_or_else(|| panic!("the README has no row about {words}"));
        let refused = NOT_YET.iter().any(|(name, _)| name == feature);
        assert_eq!(row.contains("not yet"), refused, "{feature}: {row}");
    }
}

#[test]
fn every_refused_feature_has_a_row_in_the_readme() {
    let missing: Vec<&str> = NOT_YET
        .iter()
        .map(|(name, _)| *name)
        .filter(|name| !ROWS.iter().any(|(row, _)| row == name))
        .collect();
    assert!(missing.is_empty(), "no row for {missing:?}");
}
