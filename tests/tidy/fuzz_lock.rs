//! The fuzz targets are a workspace of their own, whose lock file nothing else brings up to date: `make fuzz` would refuse it.

use std::collections::{BTreeMap, BTreeSet};

use crate::tree::{no_findings, root};

/// What each package of ours depends on, by a lock file; versions, which differ between lock files, are left out.
fn ours(lock: &str) -> BTreeMap<String, BTreeSet<String>> {
    let text = std::fs::read_to_string(root().join(lock)).expect("the lock file is committed");
    let mut packages = BTreeMap::new();
    for package in text.split("[[package]]").skip(1) {
        let mut lines = package.lines().map(str::trim);
        let name = lines
            .find_map(|line| line.strip_prefix("name = "))
            .unwrap_or_default()
            .trim_matches('"');
        // Packages of ours have no source.
        if !name.starts_with("pgkeep-") || package.contains("\nsource = ") {
            continue;
        }
        let dependencies = package
            .lines()
            .filter_map(|line| line.strip_prefix(" \""))
            .filter_map(|line| line.split(['"', ' ']).next())
            .map(str::to_owned)
            .collect();
        packages.insert(name.to_owned(), dependencies);
    }
    packages
}

#[test]
fn the_lock_file_of_the_fuzz_targets_is_up_to_date() {
    let here = ours("Cargo.lock");
    let mut findings = Vec::new();
    let mut compared = 0;
    for (name, dependencies) in ours("fuzz/Cargo.lock") {
        let Some(expected) = here.get(&name) else {
            continue;
        };
        compared += 1;
        // The workspace's lock file also has what tests need; a workspace elsewhere has not.
        let unknown: Vec<_> = dependencies.difference(expected).collect();
        let missing: Vec<_> = normal_dependencies(&name)
            .into_iter()
            .filter(|dependency| !dependencies.contains(dependency))
            .collect();
        if !unknown.is_empty() || !missing.is_empty() {
            findings.push(format!(
                "fuzz/Cargo.lock: {name} has {unknown:?} too many and lacks {missing:?}: run 'cargo update --workspace' in fuzz/"
            ));
        }
    }
    assert!(
        compared >= 5,
        "only {compared} packages of ours in fuzz/Cargo.lock"
    );
    no_findings("lock file of the fuzz targets", &findings);
}

/// The names under `[dependencies]` of a crate of ours that are not optional.
fn normal_dependencies(package: &str) -> BTreeSet<String> {
    let folder = package.trim_start_matches("pgkeep-");
    let path = root().join("crates").join(folder).join("Cargo.toml");
    let text = std::fs::read_to_string(path).expect("a crate of ours");
    let mut within = false;
    let mut names = BTreeSet::new();
    for line in text.lines() {
        if line.starts_with('[') {
            within = line.trim() == "[dependencies]";
        } else if within
            && !line.starts_with('#')
            && !line.contains("optional = true")
            && let Some((name, _)) = line.split_once(['=', '.'])
        {
            names.insert(name.trim().to_owned());
        }
    }
    names
}
