//! The project works on any machine: no file names a package host, or a path of the machine it was written on.

use crate::tree::{files, no_findings};

/// Halves of what must not appear, so that this list does not find itself.
const FOREIGN: &[(&str, &str)] = &[
    ("deb.", "debian.org"),
    ("snapshot.", "debian.org"),
    ("registry.", "npmjs"),
    ("pypi.", "org"),
    ("files.", "pythonhosted"),
    ("static.", "crates.io"),
    ("index.", "crates.io"),
    ("/work", "/"),
    ("/var/tmp", "/lab"),
    ("shared", "/lab"),
    ("shared", "/spec"),
    ("shared", "/design"),
];

#[test]
fn no_file_names_a_package_host_or_a_path_of_one_machine() {
    let mut findings = Vec::new();
    for file in files().iter().filter(|file| file.path != "Cargo.lock") {
        for (number, line) in file.text.lines().enumerate() {
            for (left, right) in FOREIGN {
                let word = format!("{left}{right}");
                let at = line.find(&word);
                // A slash first means the start of an absolute path, not a part of another one.
                let before = at.and_then(|at| line[..at].chars().next_back());
                let inside = word.starts_with('/')
                    && before.is_some_and(|c| c.is_alphanumeric() || "}.)_-".contains(c));
                if at.is_some() && !inside {
                    findings.push(format!("{}:{}: {word}", file.path, number + 1));
                }
            }
        }
    }
    no_findings("foreign words", &findings);
}

#[test]
fn scripts_are_strict_and_executable_ones_say_their_use() {
    let mut findings = Vec::new();
    for file in files().iter().filter(|file| file.text.starts_with("#!/")) {
        // Python stops at an error by itself.
        let python = file.text.starts_with("#!/usr/bin/env python3\n");
        if !python && !file.text.contains("set -euo pipefail") && !file.text.contains("lib.sh") {
            findings.push(format!(
                "{}: neither 'set -euo pipefail' nor lib.sh",
                file.path
            ));
        }
        if !file
            .text
            .lines()
            .nth(1)
            .is_some_and(|line| line.starts_with(if python { "\"\"\"" } else { "# " }))
        {
            findings.push(format!("{}: the second line says nothing", file.path));
        }
    }
    no_findings("scripts", &findings);
}
