use std::io;

use crate::testing::{Host, fault};
use crate::{Access, ConfigFiles, Input, Program, load};

/// The hints of what is refused; the same words as `pgbackrest` get fewer, and the same code and message.
fn hints(host: &Host, words: &str) -> Vec<String> {
    let error = host.check(words).expect_err(words);
    let pgbackrest = Host {
        program: Program::PgBackRest,
        ..host.copy()
    };
    if let Err(theirs) = pgbackrest.check(words) {
        assert_eq!(
            (theirs.code, &theirs.message),
            (error.code, &error.message),
            "{words}"
        );
        assert!(error.hints.starts_with(&theirs.hints), "{words}: {error:?}");
        assert!(error.hints.len() > theirs.hints.len(), "{words}: {error:?}");
    }
    error.hints
}

/// Each of these words gets a hint that has this part.
fn all_have(host: &Host, cases: &[(&str, &str)]) {
    for (words, part) in cases {
        let hints = hints(host, words).join("\n");
        assert!(hints.contains(part), "{words}: no '{part}' in:\n{hints}");
    }
}

const TWO: &str = "[global]\nrepo1-path=/r\n[main]\npg1-path=/p\n[other]\nrepo1-path=/z\n";

fn two_stanzas() -> Host {
    Host::ours().config(TWO)
}

#[test]
fn without_a_configuration_every_place_that_was_looked_at_is_named() {
    let looked = "looked for /etc/pgkeep/pgkeep.conf, /etc/pgkeep/conf.d/*.conf, \
        /etc/pgbackrest/pgbackrest.conf, /etc/pgbackrest/conf.d/*.conf, /etc/pgbackrest.conf.";
    all_have(
        &Host::ours(),
        &[
            ("backup", looked),
            ("--stanza=x backup", looked),
            ("--no-config --stanza=x backup", "because of --no-config"),
            (
                "--config-path=/here --stanza=x backup",
                "looked for /here/pgkeep.conf, /here/pgbackrest.conf, /here/conf.d/*.conf.",
            ),
        ],
    );
}

#[test]
fn a_missing_or_unknown_stanza_is_told_with_those_there_are() {
    let file = "('/etc/pgbackrest/pgbackrest.conf')";
    all_have(
        &two_stanzas(),
        &[
            ("backup", "has 'main', 'other'"),
            ("restore", file),
            (
                "--stanza=x backup",
                "no section [x]; its stanzas are 'main', 'other'",
            ),
            ("--stanza=mian check", "did you mean --stanza=main?"),
            (
                "--stanza=other backup",
                "has a section for 'other' that lacks it: add pg1-path=",
            ),
        ],
    );
    let one = Host::ours().config("[main]\npg1-path=/p\n");
    all_have(&one, &[("backup", "--stanza=main")]);
    let none = Host::ours().config("[global]\nrepo1-path=/r\n");
    all_have(
        &none,
        &[
            ("--stanza=x backup", "add a section [x] with pg1-path="),
            ("backup", "add a section [NAME] with pg1-path="),
        ],
    );
}

#[test]
fn misspelled_words_are_told_with_what_was_meant() {
    all_have(
        &two_stanzas(),
        &[
            ("bakup", "did you mean 'backup'?"),
            ("help bakup", "did you mean 'backup'?"),
            ("status", "pgkeep help"),
            ("--stanza=x", "pgkeep help"),
            ("backup main", "--stanza=main"),
            ("stanza create", "did you mean 'stanza-create'?"),
            ("backup restore", "only one command"),
            ("--stanzza=x info", "did you mean '--stanza'?"),
            ("--repo2-pth=/x backup", "did you mean '--repo2-path'?"),
            ("--no-deltta backup", "did you mean '--no-delta'?"),
            ("--config-file=/x backup", "did you mean '--config'?"),
            (
                "--repo1-sftp-host-k=x info",
                "--repo1-sftp-host-key-check-type, --repo1-sftp-host-key-hash-type",
            ),
            ("--xyzzy backup", "pgkeep help backup"),
            ("backup --type", "allowed values are 'full', 'diff', 'incr'"),
            ("backup --repo2-path", "--repo2-path=/"),
            ("-stanza=x backup", "did you mean '--stanza=x'?"),
            (
                "--set=x backup",
                "it is an option of: annotate, drill, expire, info",
            ),
            ("--delta=yes backup", "did you mean 'y'?"),
            ("--stanza=main --type=ful backup", "did you mean 'full'?"),
            (
                "--stanza=main --compress-type=gzip backup",
                "did you mean 'gz'?",
            ),
        ],
    );
}

#[test]
fn a_value_of_a_file_or_of_the_environment_is_told_with_its_place() {
    let path = "/etc/pgbackrest/pgbackrest.conf";
    for (text, place) in [
        (
            "[global]\n\nrepo1-path=x\n[main]\npg1-path=/p\n",
            "line 3, section [global]",
        ),
        (
            "[main]\npg1-path=/p\n[main:backup]\ntype=x\nprocess-max=x\n",
            "line 5, section [main:backup]",
        ),
        (
            "[main]\npg1-path=/p\nprocess-max=1000\n",
            "line 3, section [main]",
        ),
        ("[main]\npg1-path=/p\ndelta=yes\n", "line 3, section [main]"),
        ("[main]\npg1-path=\n", "line 2, section [main]"),
    ] {
        let told = hints(&Host::ours().file(path, text), "--stanza=main backup").join("\n");
        assert!(
            told.contains(&format!("it is set in '{path}', {place}.")),
            "{told}"
        );
    }
    let host = two_stanzas().variable("PGKEEP_PROCESS_MAX", "x");
    let told = fault(host.check("--stanza=main backup")).1;
    assert!(
        told.contains("environment variable PGKEEP_PROCESS_MAX"),
        "{told}"
    );

    let host = Host::ours()
        .file(path, "[global]\nrepo1-pth=/r\n")
        .variable("PGKEEP_TYP", "full");
    let told = host.check("info").expect("warnings only").warnings;
    assert_eq!(
        told,
        [
            "environment contains invalid option 'typ'\nHINT: it comes from the variable PGKEEP_TYP.\nHINT: did you mean 'type'?",
            "configuration file contains invalid option 'repo1-pth'\nHINT: did you mean 'repo1-path'?\nHINT: it is set in '/etc/pgbackrest/pgbackrest.conf', line 2, section [global].",
        ]
    );
}

#[test]
fn a_broken_line_is_told_with_its_file_and_never_shows_a_secret() {
    let path = "/etc/pgkeep/pgkeep.conf";
    for text in [
        "repo1-cipher-pass=sesame\n",
        "[global]\nrepo1-cipher-pass sesame\n",
        "[global]\nrepo1-cipher-pass: sesame\n",
        "[global]\nrepo-ciper-pass sesame\n",
        "[global]\nrepo1-cipher-pass=\nsesame\n",
        "[global]\nrepo1-s3-key-secret=\n  sesame\n",
        "[global]\na b\n",
        "[global\n",
    ] {
        for host in [
            Host::ours().file(path, text),
            Host::pgbackrest().config(text),
        ] {
            let told = fault(host.check("info"));
            assert_eq!(told.0, 29, "{text}");
            assert!(!told.1.contains("sesame"), "{told:?}");
            let place = told.1.contains(&format!("HINT: in '{path}'; each line is"));
            assert_eq!(place, host.program == Program::PgKeep, "{told:?}");
        }
    }
}

#[test]
fn a_byte_order_mark_is_named() {
    let host = Host::ours().file("/etc/pgkeep/pgkeep.conf", "\u{feff}[global]\n");
    let told = fault(host.check("info"));
    let named = "HINT: '/etc/pgkeep/pgkeep.conf' begins with a byte order mark (BOM)";
    assert!(told.0 == 29 && told.1.contains(named), "{told:?}");
}

/// A host where nothing may be read.
struct Closed(io::ErrorKind);

impl ConfigFiles for Closed {
    fn read(&self, _: &str) -> io::Result<Vec<u8>> {
        Err(self.0.into())
    }

    fn list(&self, _: &str) -> io::Result<Vec<String>> {
        Err(self.0.into())
    }

    fn home(&self) -> Option<String> {
        None
    }

    fn access(&self, _: &str) -> Option<Access> {
        Some(Access {
            path: "/etc/pgkeep".to_owned(),
            directory: true,
            owner: "root".to_owned(),
            group: "wheel".to_owned(),
            mode: 0o700,
            user: "postgres".to_owned(),
        })
    }

    fn working_directory(&self) -> Option<String> {
        Some("/home/me".to_owned())
    }
}

fn told(program: Program, files: &Closed, words: &str) -> (u8, String) {
    fault(load(&Input {
        program,
        args: std::iter::once("pgkeep")
            .chain(words.split_whitespace())
            .map(str::to_owned)
            .collect(),
        environment: Vec::new(),
        files,
        uid: 100,
        exec_id: "1-a".to_owned(),
    }))
}

#[test]
fn a_file_that_may_not_be_read_is_told_with_owner_mode_and_who_asks() {
    let closed = Closed(io::ErrorKind::PermissionDenied);
    for words in [
        "info",
        "--config=/x info",
        "--no-config --config-include-path=/x info",
    ] {
        let (code, text) = told(Program::PgKeep, &closed, words);
        assert!(code == 41 || code == 53, "{text}");
        for part in [
            "directory '/etc/pgkeep' belongs to user 'root', group 'wheel', and has mode 0700; this run is user 'postgres'.",
            "run as 'root', let 'postgres' enter the directory, or name another file",
        ] {
            assert!(text.contains(part), "{words}: {text}");
        }
        assert!(!told(Program::PgBackRest, &closed, words).1.contains("HINT"));
    }
    let directory = Closed(io::ErrorKind::IsADirectory);
    let (code, text) = told(Program::PgKeep, &directory, "--config=/x info");
    assert_eq!(code, 42);
    assert!(text.contains("'/x' is a directory: name a file"), "{text}");
}

#[test]
fn a_relative_path_is_told_with_the_whole_one() {
    let missing = Closed(io::ErrorKind::NotFound);
    for (words, code, part) in [
        (
            "--config=my.conf info",
            55,
            "give the whole path: --config=/home/me/my.conf",
        ),
        (
            "--config-include-path=d info",
            73,
            "give the whole path: --config-include-path=/home/me/d",
        ),
        (
            "--config=/no info",
            55,
            "without --config the usual places are looked at",
        ),
    ] {
        let found = told(Program::PgKeep, &missing, words);
        assert_eq!(found.0, code, "{words}");
        assert!(found.1.contains(part), "{words}: {}", found.1);
    }
}

#[test]
fn help_can_be_asked_for_anywhere() {
    for words in [
        "help backup",
        "backup --help",
        "--help backup",
        "-h backup",
        "backup -h",
        "--stanza=x backup --help",
    ] {
        let config = Host::ours().load(words).expect(words).config;
        assert!(config.is_help(), "{words}");
        assert_eq!(config.command_role_name(), "backup", "{words}");
    }
    let config = Host::ours()
        .load("backup --help type")
        .expect("an option")
        .config;
    assert_eq!(config.parameters(), ["type"]);
    for words in ["-h", "--help", "help", "help --help"] {
        let config = Host::ours().load(words).expect(words).config;
        assert!(!config.is_help(), "{words}");
        assert_eq!(config.command_role_name(), "help", "{words}");
    }
    for words in ["backup --help", "-h"] {
        assert_eq!(fault(Host::pgbackrest().load(words)).0, 31, "{words}");
    }
}
