//! A commit's subject fits a terminal, and its body says why. Earlier commits followed another rule.

use std::process::Command;

use crate::tree::{no_findings, root};

/// Commits after this moment follow the rule.
const SINCE: &str = "2026-11-28T19:18:00Z";
const LONGEST_SUBJECT: usize = 72;

#[test]
fn commits_have_a_short_subject_and_a_body() {
    // A source package has no history to look at.
    if !root().join(".git").exists() {
        return;
    }
    let output = Command::new("git")
        .args(["-c", "safe.directory=*", "log", "--no-merges", "-z"])
        .args(["--format=%H%n%ct%n%B", "HEAD"])
        .current_dir(root())
        .output()
        .expect("git reads the history of a checkout");
    assert!(
        output.status.success(),
        "git log: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let log = String::from_utf8_lossy(&output.stdout).into_owned();
    let since: jiff::Timestamp = SINCE.parse().expect("it is a moment");
    let findings: Vec<String> = log
        .split('\0')
        .filter_map(|commit| {
            let (hash, rest) = commit.split_once('\n')?;
            let (time, message) = rest.split_once('\n')?;
            let new = time.parse::<i64>().expect("git prints seconds") >= since.as_second();
            let fault = fault(message).filter(|_| new)?;
            Some(format!("{}: {fault}", hash.get(..9).unwrap_or(hash)))
        })
        .collect();
    no_findings("commit messages", &findings);
}

#[test]
fn a_long_subject_or_a_missing_body_is_found() {
    let body = "Two writers shared one name.\n";
    assert_eq!(fault(&format!("Give writers unique names\n\n{body}")), None);
    for wrong in [
        format!("{}\n\n{body}", "x".repeat(LONGEST_SUBJECT + 1)),
        format!("Give writers unique names\n{body}"),
        format!("Give writers unique names.\n\n{body}"),
        "Give writers unique names\n".to_owned(),
    ] {
        assert!(fault(&wrong).is_some(), "{wrong}");
    }
}

/// What is wrong with a message.
fn fault(message: &str) -> Option<String> {
    let mut lines = message.trim_end().lines();
    let subject = lines.next().unwrap_or_default();
    let length = subject.chars().count();
    if length > LONGEST_SUBJECT {
        return Some(format!("the subject has {length} characters: {subject}"));
    }
    if subject.ends_with('.') {
        return Some(format!("a subject ends without a full stop: {subject}"));
    }
    match (lines.next(), lines.next()) {
        (None, _) => Some(format!("the body is missing: {subject}")),
        (Some(""), Some(_)) => None,
        _ => Some(format!("no blank line after the subject: {subject}")),
    }
}
