//! What must run in CI is listed in `tests/must_run`, all of it, and `scripts/suites` tells when it did not.

use std::collections::BTreeSet;
use std::process::Command;

use crate::tree::{files, no_findings, root};

/// As cargo names suites: the file it compiles, from the crate's directory, and the name of the program made of it.
fn suites() -> BTreeSet<String> {
    let mut suites = BTreeSet::new();
    for file in files() {
        let Some(name) = file
            .path
            .strip_prefix("crates/")
            .and_then(|rest| rest.strip_suffix("/Cargo.toml"))
        else {
            continue;
        };
        let program = file
            .text
            .lines()
            .find_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'))
            .unwrap_or(name)
            .replace('-', "_");
        for kind in ["lib", "main"] {
            let source = format!("src/{kind}.rs");
            if root().join("crates").join(name).join(&source).exists() {
                suites.insert(format!("{source} {program}"));
            }
        }
        // Those that are declared, and those that cargo finds by itself.
        let mut declared = BTreeSet::new();
        for test in file.text.split("[[test]]").skip(1) {
            let value = |key: &str| {
                test.split("\n[")
                    .next()?
                    .lines()
                    .find_map(|line| line.strip_prefix(&format!("{key} = \""))?.strip_suffix('"'))
            };
            let suite = value("name").unwrap_or_default();
            declared.insert(suite.to_owned());
            match value("path") {
                Some(path) => suites.insert(format!("{path} {suite}")),
                None => suites.insert(found(name, suite)),
            };
        }
        let directory = root().join("crates").join(name).join("tests");
        for entry in directory.read_dir().into_iter().flatten().flatten() {
            let entry = entry.path();
            let stem = entry
                .file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            let is_suite = entry.extension().is_some_and(|kind| kind == "rs")
                || entry.join("main.rs").exists();
            if is_suite && !declared.contains(&stem) {
                suites.insert(found(name, &stem));
            }
        }
    }
    suites
}

/// A suite without a path of its own.
fn found(name: &str, suite: &str) -> String {
    let file = format!("tests/{suite}.rs");
    if root().join("crates").join(name).join(&file).exists() {
        format!("{file} {suite}")
    } else {
        format!("tests/{suite}/main.rs {suite}")
    }
}

#[test]
fn every_suite_is_on_the_list_of_what_must_run() {
    let text = std::fs::read_to_string(root().join("tests/must_run")).expect("the list is there");
    let mut listed = BTreeSet::new();
    let mut findings = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            [least, path, name, ..] if least.parse::<u32>().is_ok_and(|least| least > 0) => {
                listed.insert(format!("{path} {name}"));
            }
            _ => findings.push(format!("'{line}' has no least number above 0")),
        }
    }
    let suites = suites();
    findings.extend(
        suites
            .difference(&listed)
            .map(|name| format!("{name} is missing")),
    );
    findings.extend(
        listed
            .difference(&suites)
            .map(|name| format!("{name} does not exist")),
    );
    no_findings("tests/must_run", &findings);
}

/// What cargo prints of two suites, as far as it counts.
const RUN: &str = "     Running unittests src/lib.rs (target/debug/deps/thing-0123456789abcdef)
running 3 tests
test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s

     Running tests/real.rs (/x/target/debug/deps/real-0123456789abcdef)
suite real: seed 1
test result: ok. 4 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s

   Doc-tests thing
test result: ok. 0 passed; 0 failed; 9 ignored; 0 measured; 0 filtered out; finished in 0.00s
";

#[test]
fn in_ci_what_did_not_run_is_a_failure() {
    let enough = "# a comment\n2 src/lib.rs thing 1\n4 tests/real.rs real\n";
    for (what, list, printed, said) in [
        ("everything ran", enough, RUN, None),
        (
            "a suite has fewer tests",
            "2 src/lib.rs thing 1\n5 tests/real.rs real\n",
            RUN,
            Some("tests/real.rs real: 4 tests ran, at least 5 must"),
        ),
        (
            "a suite has no tests",
            enough,
            &RUN.replace("4 passed", "0 passed"),
            Some("tests/real.rs real: 0 tests ran, at least 4 must"),
        ),
        (
            "a suite did not run",
            enough,
            RUN.split("     Running tests").next().unwrap_or_default(),
            Some("tests/real.rs real: did not run to its end"),
        ),
        (
            "a suite ended without a word",
            enough,
            RUN.split("test result: ok. 4").next().unwrap_or_default(),
            Some("tests/real.rs real: did not run to its end"),
        ),
        (
            "tests were ignored",
            enough,
            &RUN.replace("4 passed; 0 failed; 0", "4 passed; 0 failed; 2"),
            Some("tests/real.rs real: 2 tests were ignored, 0 may be"),
        ),
        (
            "a suite is new",
            "2 src/lib.rs thing 1\n",
            RUN,
            Some("tests/real.rs real: is not on the list"),
        ),
    ] {
        let directory = tempfile::tempdir().expect("a scratch directory");
        let (list_file, run_file) = (directory.path().join("list"), directory.path().join("run"));
        std::fs::write(&list_file, list).expect("it can be written");
        std::fs::write(&run_file, printed).expect("it can be written");
        for ci in [true, false] {
            let mut command = Command::new(root().join("scripts/suites"));
            command
                .arg("cat")
                .arg(&run_file)
                .env("MUST_RUN", &list_file);
            if ci {
                command.env("CI", "true");
            } else {
                command.env_remove("CI");
            }
            let output = command.output().expect("bash runs");
            let text = String::from_utf8_lossy(&output.stdout);
            let fails = ci && said.is_some();
            assert_eq!(
                output.status.code(),
                Some(i32::from(fails)),
                "{what}, in CI: {ci}\n{text}{}",
                String::from_utf8_lossy(&output.stderr)
            );
            match said {
                Some(said) => assert!(text.contains(said), "{what}:\n{text}"),
                None => assert!(!text.contains("what did not run"), "{what}:\n{text}"),
            }
        }
    }
}
