//! The text of a manifest: defaults, and what is broken.

use super::*;

#[test]
fn defaults_may_come_after_what_they_apply_to_and_owners_may_be_unknown() {
    let text = sealed(
        "[backrest]\nbackrest-format=5\nbackrest-version=\"1\"\n\n[backup]\nbackup-label=\"20261124-040113F\"\n\n\
         [backup:db]\ndb-version=\"17\"\n\n\
         [backup:target]\npg_data={\"path\":\"/pgdata\",\"type\":\"path\"}\n\n\
         [target:file]\npg_data/a={\"size\":0,\"timestamp\":5}\n\
         pg_data/b={\"group\":false,\"mode\":\"0644\",\"size\":0,\"timestamp\":-5,\"user\":\"bob\"}\n\n\
         [target:file:default]\ngroup=\"g\"\nmode=\"0600\"\nuser=false\n\n\
         [target:path]\npg_data={}\n\n[target:path:default]\ngroup=\"g\"\nmode=\"0700\"\nuser=false\n",
    );
    let manifest = parse(&text).unwrap();
    let a = manifest.file(b"pg_data/a").unwrap();
    assert_eq!(
        (a.user_name(), a.group_name(), a.mode),
        (None, Some("g"), 0o600)
    );
    assert_eq!(a.checksum, Some(Sha1Digest::EMPTY));
    let b = manifest.file(b"pg_data/b").unwrap();
    assert_eq!(
        (b.user_name(), b.group_name(), b.mode, b.timestamp),
        (Some("bob"), None, 0o644, -5)
    );
    // Before 2.42 there was no list of references.
    assert_eq!(manifest.references, [label(FULL)]);
}

#[test]
fn broken_entries_are_errors_of_their_class() {
    let with = |line: &str| {
        let text = format!(
            "[backrest]\nbackrest-format=5\n\n[backup:target]\npg_data={{\"path\":\"/pgdata\",\"type\":\"path\"}}\n\n\
             [target:file]\n{line}\n"
        );
        parse(text.as_bytes()).unwrap_err()
    };
    assert_eq!(
        with("a={\"timestamp\":1}").text(),
        "missing size for file 'a'"
    );
    assert_eq!(
        with("a={\"size\":1}").text(),
        "missing timestamp for file 'a'"
    );
    for line in [
        "a={\"size\":-1,\"timestamp\":1}",
        "a={\"checksum\":\"12\",\"size\":1,\"timestamp\":1}",
        "a={\"bi\":18446744073709551615,\"size\":1,\"timestamp\":1}",
        "a={\"checksum-page\":false,\"checksum-page-error\":[[5,1]],\"size\":1,\"timestamp\":1}",
        "a={\"mode\":\"0999\",\"size\":1,\"timestamp\":1}",
        "a={\"reference\":\"nonsense\",\"size\":1,\"timestamp\":1}",
        "a={\"size\":1,\"timestamp\":1,\"user\":true}",
        "a=1",
    ] {
        assert!(
            matches!(with(line).kind, ErrorType::Format | ErrorType::JsonFormat),
            "{line}"
        );
    }
    let twice = sealed(
        "[backrest]\nbackrest-format=5\n\n[backup:target]\npg_data={\"path\":\"/pgdata\",\"type\":\"path\"}\n\n\
         [target:file]\na={\"size\":1,\"timestamp\":1}\na={\"size\":1,\"timestamp\":1}\n",
    );
    assert_eq!(parse(&twice).unwrap_err().kind, ErrorType::Format);
}
