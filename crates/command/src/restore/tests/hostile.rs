//! Manifests with numbers that cannot be: refused before a cluster that is there loses its control file.

use super::*;
use serde_json::Value;

/// Numbers as they may stand in a file, plausible ones among them.
const NUMBERS: &[&str] = &[
    "0",
    "-1",
    "2147483648",
    "4294967296",
    "1099511627776",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "1e300",
    "99999999999999999999999999999999999999",
];
/// No number of a repository but a time or an identifier can be these.
const IMPOSSIBLE: &[&str] = &[
    "-1",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "1e300",
    "99999999999999999999999999999999999999",
];
const FILE: &str = "pg_data/base/1/2619";

/// A set whose manifest can be changed, and a cluster restored from it.
struct Stage {
    fixture: Fixture,
    manifests: Vec<String>,
    good: String,
}

impl Stage {
    fn new() -> Self {
        let fixture = Fixture::new(&[
            "--compress-type=zst",
            "--repo1-bundle",
            "--repo1-block",
            "--repo1-block-age-map=1=1",
        ]);
        fixture.backup("full");
        fixture.restore("target", &[]).unwrap();
        let path = fixture.path("repo/backup/demo");
        let set = std::fs::read_dir(path)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .find(|name| name.ends_with('F'))
            .unwrap();
        let manifests: Vec<String> = ["", ".copy"]
            .map(|end| format!("repo/backup/demo/{set}/backup.manifest{end}"))
            .into_iter()
            .filter(|name| fixture.exists(name))
            .collect();
        let good = String::from_utf8(fixture.read(&manifests[0])).unwrap();
        Self {
            fixture,
            manifests,
            good,
        }
    }

    /// Puts a manifest in the place of the good one, with its own checksum.
    fn put(&self, text: &str) {
        let without: Vec<&str> = text
            .lines()
            .filter(|line| !line.starts_with("backrest-checksum="))
            .collect();
        let mut text = without.join("\n") + "\n";
        let error = Manifest::parse(&mut text.as_bytes()).unwrap_err().message;
        if let Some((_, rest)) = error.split_once("invalid checksum, actual '") {
            text.push_str(&format!(
                "\n[backrest]\nbackrest-checksum=\"{}\"\n",
                &rest[..40]
            ));
        }
        for name in &self.manifests {
            self.fixture.write(name, text.as_bytes());
        }
    }

    /// Restores over the cluster that is there. What is refused has touched nothing; whatever happens, the good manifest brings
    /// all back.
    fn restore(&self, what: &str, text: &str, must_be_refused: bool) {
        self.put(text);
        let control = self.fixture.read("target/global/pg_control");
        let outcome = self.fixture.restore("target", &["--delta"]);
        self.put(&self.good);
        let untouched = self.fixture.exists("target/global/pg_control")
            && self.fixture.read("target/global/pg_control") == control
            && !self.fixture.exists("target/backup.manifest");
        let Err(error) = outcome else {
            assert!(!must_be_refused, "{what} was taken");
            // It may have changed a time.
            self.fixture.restore("target", &["--delta"]).unwrap();
            return self.fixture.assert_same("target");
        };
        if must_be_refused {
            assert!(untouched, "{what}: {error}");
            let code = error.code;
            assert!(
                matches!(
                    code,
                    ErrorCode::Format | ErrorCode::JsonFormat | ErrorCode::FileOpen
                ),
                "{what}: {code:?} {error}"
            );
        }
        if !untouched {
            self.fixture.restore("target", &["--delta"]).unwrap();
        }
        self.fixture.assert_same("target");
    }
}

/// The manifest with another value of a key of one entry, a bare one or one of an object.
fn with(good: &str, section: &str, entry: &str, key: Option<&str>, number: &str) -> String {
    let mut now = "";
    let lines = good.lines().map(|line| {
        if line.starts_with('[') {
            now = line;
        }
        if now != section || !line.starts_with(&format!("{entry}=")) {
            return line.to_owned();
        }
        let Some(key) = key else {
            return format!("{entry}={number}");
        };
        let mut object: serde_json::Map<String, Value> =
            serde_json::from_str(&line[entry.len() + 1..]).unwrap();
        object.remove(key);
        let rest = serde_json::to_string(&object).unwrap();
        format!("{entry}={{\"{key}\":{number},{}", &rest[1..])
    });
    lines.collect::<Vec<_>>().join("\n") + "\n"
}

#[test]
fn numbers_of_a_file_that_cannot_be_are_refused_before_anything_is_touched() {
    let stage = Stage::new();
    let line = stage
        .good
        .lines()
        .find(|line| line.starts_with(FILE))
        .unwrap();
    for key in ["bi", "bim", "bni", "repo-size", "size", "timestamp"] {
        assert!(line.contains(&format!("\"{key}\":")), "{key} in {line}");
    }
    let small = ["bi", "bic", "bim"];
    for key in [
        "bi",
        "bic",
        "bim",
        "bni",
        "bno",
        "repo-size",
        "size",
        "szo",
        "timestamp",
    ] {
        for number in NUMBERS {
            let is_impossible = match key {
                // A file may have any time.
                "timestamp" => IMPOSSIBLE[2..].contains(number),
                _ if small.contains(&key) => (*number, key) != ("0", "bim"),
                "bni" | "repo-size" | "size" if *number == "0" => true,
                _ => IMPOSSIBLE.contains(number),
            };
            let text = with(&stage.good, "[target:file]", FILE, Some(key), number);
            stage.restore(&format!("{key}={number}"), &text, is_impossible);
        }
    }
}

#[test]
fn other_numbers_that_cannot_be_are_refused_before_anything_is_touched() {
    let stage = Stage::new();
    for (section, entry) in [
        ("[backup]", "backup-timestamp-copy-start"),
        ("[backup]", "backup-timestamp-start"),
        ("[backup]", "backup-timestamp-stop"),
        ("[backup:option]", "option-compress-level"),
    ] {
        assert!(stage.good.contains(&format!("\n{entry}=")), "{entry}");
        for number in NUMBERS {
            let is_impossible =
                IMPOSSIBLE.contains(number) || (entry.contains("level") && *number != "0");
            let text = with(&stage.good, section, entry, None, number);
            stage.restore(&format!("{entry}={number}"), &text, is_impossible);
        }
    }
    for mode in ["\"10000\"", "\"777777\"", "\"-1\"", "\"0800\"", "\"\""] {
        let text = with(&stage.good, "[target:file]", FILE, Some("mode"), mode);
        stage.restore(&format!("mode={mode}"), &text, true);
    }
    // Each possible, but not together.
    let mut text = String::new();
    for line in stage.good.lines() {
        let is_file = line.starts_with("pg_data/") && line.contains("\"timestamp\":");
        match is_file.then(|| line.split_once("={")).flatten() {
            Some((name, rest)) => {
                for number in 0..100 {
                    text.push_str(&format!(
                        "{name}.{number}={{\"repo-size\":1125899906842624,{rest}\n"
                    ));
                }
            }
            None => text.push_str(&format!("{line}\n")),
        }
    }
    stage.restore("all sizes", &text, true);
}

#[test]
fn an_incremental_backup_on_a_manifest_that_cannot_be_fails_clearly() {
    let stage = Stage::new();
    for (key, number) in [
        ("bi", "1099511627776"),
        ("size", "18446744073709551615"),
        ("bno", "18446744073709551615"),
        ("bim", "4294967296"),
    ] {
        stage.put(&with(&stage.good, "[target:file]", FILE, Some(key), number));
        let context = stage
            .fixture
            .context("backup", "source", &["--no-online", "--type=incr"]);
        let error = crate::backup::run(&context).unwrap_err();
        assert_eq!(error.code, ErrorCode::Format, "{key}: {error}");
        assert!(
            error.message.contains(key) && error.message.contains(FILE),
            "{error}"
        );
    }
    stage.put(&stage.good);
    whole::change(&stage.fixture, 3);
    stage.fixture.backup("incr");
}
