//! `scripts/several` runs the suites that cargo made, several at a time, and tells of each what cargo would.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use crate::tree::root;

/// Builds nothing: names two programs. Doc tests have no output.
const CARGO: &str = r#"#!/bin/sh
case "$*" in
*--doc*) exit 0 ;;
*--no-run*)
    for name in one two; do
        printf '{"reason":"compiler-artifact","manifest_path":"%s/Cargo.toml","target":{"kind":["test"],"name":"%s","src_path":"%s/tests/%s.rs"},"profile":{"test":true},"executable":"%s/%s"}\n' \
            "$HERE" "$name" "$HERE" "$name" "$HERE" "$name"
    done
    ;;
esac
"#;

/// Each begins to speak before the other has ended, and goes on after it.
const SUITE: &str = r#"#!/bin/sh
echo "$0 begins"
touch "$0.began"
while ! [ -e "$OTHER.began" ]; do sleep 0.01; done
echo "$0 ends"
exit CODE
"#;

#[test]
fn suites_that_run_together_are_told_one_after_the_other_and_one_that_fails_is_told() {
    for (code, exit) in [("0", 0), ("7", 101)] {
        let scratch = tempfile::tempdir().expect("a scratch directory");
        let here = scratch.path().canonicalize().expect("it exists");
        let place = |name: &str, text: String| program(&here.join(name), text);
        place("cargo", CARGO.to_owned());
        for (name, other, code) in [("one", "two", "0"), ("two", "one", code)] {
            let other = here.join(other).display().to_string();
            place(name, SUITE.replace("$OTHER", &other).replace("CODE", code));
        }
        let output = Command::new(root().join("scripts/several"))
            .arg(here.join("cargo"))
            .arg("test")
            .env("HERE", &here)
            .env("PGKEEP_TEST_SUITES", "2")
            .output()
            .expect("python3 runs");
        let text = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(exit), "{text}");
        for name in ["one", "two"] {
            let path = here.join(name);
            let together = format!("{0} begins\n{0} ends\n", path.display());
            assert!(text.contains(&together), "{text}");
            assert!(
                text.contains(&format!("     Running tests/{name}.rs (")),
                "{text}"
            );
        }
        assert_eq!(
            text.contains("error: two ended with 7"),
            exit != 0,
            "{text}"
        );
    }
}

fn program(path: &Path, text: String) {
    std::fs::write(path, text).expect("it can be written");
    std::fs::set_permissions(path, Permissions::from_mode(0o755)).expect("it can be run");
}
