//! Lines as somebody types them, and what is offered for the next word; and that nothing offered is refused.

use super::{Line, Wanted};
use crate::define::command::{COMMANDS, Role};
use crate::define::option::{Kind, STANZA};
use crate::parse::name::{self, Lookup};
use crate::testing::{Host, fault};

/// As the program has them.
const REFUSED: &[&str] = &["repo-format=6", "repo-cipher-rotate"];

fn host() -> Host {
    Host::ours().config(
        "[global]\nrepo1-path=/r\nrepo3-path=/s\nrepo3-type=sftp\nrepo3-sftp-host=h\nrepo3-sftp-host-user=u\n\
         repo3-sftp-private-key-file=/k\nrepo3-sftp-host-key-hash-type=sha256\n[main]\npg1-path=/p\n",
    )
}

fn wanted(text: &str) -> Wanted {
    let line = Line::new(text).expect("a program");
    let host = Host {
        program: line.program,
        ..host()
    };
    let load = |arguments: Vec<String>| {
        let words: Vec<&str> = arguments.iter().skip(1).map(String::as_str).collect();
        host.load_words(words).ok().map(|loaded| loaded.config)
    };
    let info = load(line.info_arguments());
    let typed = load(line.arguments());
    line.wanted(typed.as_ref().or(info.as_ref()), REFUSED)
}

/// The words offered for a line, without what they mean.
fn words(text: &str) -> Vec<String> {
    match wanted(text) {
        Wanted::Words(words) => words.into_iter().map(|(word, _)| word).collect(),
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn what_is_typed_is_gone_on_with() {
    for (text, expected) in [
        ("pgkeep ba", &["backup"][..]),
        (
            "sudo -u postgres /usr/bin/pgkeep --stanza=main ba",
            &["backup"],
        ),
        ("pgkeep help arch", &["archive-get", "archive-push"]),
        ("pgkeep help backup typ", &["type"]),
        ("pgkeep backup --help typ", &["type"]),
        ("pgkeep backup --typ", &["--type="]),
        (
            "pgkeep backup --type=",
            &["--type=full", "--type=diff", "--type=incr"],
        ),
        ("pgkeep backup --type i", &["incr"]),
        ("pgkeep --type=f", &[]),
        ("pgkeep restore --type=im", &["--type=immediate"]),
        ("pgkeep backup --no-delt", &["--no-delta"]),
        ("pgkeep backup --reset-delt", &["--reset-delta"]),
        ("pgkeep backup --delta=", &["--delta=y", "--delta=n"]),
        // Said already.
        ("pgkeep --stanza=main backup --delta --delt", &[]),
        // Of any repository, and of those of the configuration.
        ("pgkeep backup --repo1-pa", &["--repo1-path="]),
        ("pgkeep backup --repo7-pa", &["--repo7-path="]),
        ("pgkeep backup --pg2-pa", &["--pg2-path="]),
        ("pgkeep --stanza=main --repo=", &["--repo=1", "--repo=3"]),
        // Only for a repository that is on an SFTP server.
        ("pgkeep --stanza=main backup --repo1-sftp-host-u", &[]),
        (
            "pgkeep --stanza=main backup --repo3-sftp-host-u",
            &["--repo3-sftp-host-user="],
        ),
        ("pgkeep --stanza=main backup --forc", &[]),
        (
            "pgkeep --stanza=main --no-online backup --forc",
            &["--force"],
        ),
        // What is refused, secret, internal, or of another command.
        ("pgkeep server", &["server", "server-ping"]),
        (
            "pgkeep backup --repo1-type=",
            &[
                "--repo1-type=azure",
                "--repo1-type=cifs",
                "--repo1-type=gcs",
                "--repo1-type=posix",
                "--repo1-type=s3",
                "--repo1-type=sftp",
            ],
        ),
        ("pgkeep backup --repo1-s3-b", &[]),
        ("pgkeep backup --repo1-host", &["--repo1-host="]),
        ("pgkeep --stanza=main backup --pg1-host", &["--pg1-host="]),
        ("pgkeep --stanza=main restore --repo-target", &[]),
        (
            "pgkeep --stanza=main restore --repo=1 --repo-target",
            &["--repo-target-time="],
        ),
        ("pgkeep backup --repo1-cipher-pa", &[]),
        ("pgkeep backup --remote-t", &[]),
        ("pgkeep backup --set", &[]),
        ("pgkeep backup --bogus=", &[]),
        ("pgbackrest doc", &[]),
        ("pgbackrest back", &["backup"]),
        ("pgkeep backup --compress-type=z", &["--compress-type=zst"]),
    ] {
        let mut found = words(text);
        let mut expected = expected.to_vec();
        found.sort();
        expected.sort();
        assert_eq!(found, expected, "{text}");
    }
    assert_eq!(
        wanted("pgkeep --stanza="),
        Wanted::Stanzas("--stanza=".to_owned())
    );
    assert_eq!(wanted("pgkeep --stanza ma"), Wanted::Stanzas(String::new()));
    assert_eq!(
        wanted("pgkeep restore --set="),
        Wanted::Sets("--set=".to_owned())
    );
    assert_eq!(wanted("pgkeep --config=/e"), Wanted::Files);
    assert_eq!(wanted("pgkeep --repo2-path=/e"), Wanted::Directories);
    assert_eq!(wanted("pgkeep archive-push /e"), Wanted::Files);
    assert!(Line::new("ls -l").is_none());
}

#[test]
fn info_is_asked_about_the_same_place() {
    let line = Line::new(
        "pgkeep --config /x --type=full --stanza=main --repo2-path '/a b' restore --set=",
    )
    .expect("a program");
    assert_eq!(
        line.info_arguments(),
        [
            "pgkeep",
            "--config",
            "/x",
            "--stanza=main",
            "--repo2-path",
            "/a b",
            "info"
        ]
    );
}

#[test]
fn nothing_is_offered_that_the_command_refuses() {
    let mut offered = 0;
    for command in COMMANDS
        .iter()
        .filter(|one| !one.internal && !REFUSED.contains(&one.name))
    {
        let stanza = match STANZA.is_valid(command.id, Role::Main) {
            true => "--stanza=main ",
            false => "",
        };
        for word in words(&format!("pgkeep {stanza}{} --", command.name)) {
            let found = name::find(
                word[2..].trim_end_matches('='),
                Lookup::exact(crate::Program::PgKeep),
            )
            .expect("a name")
            .expect("an option");
            let option = found.option;
            assert!(!option.secure && !option.internal_in(command.id), "{word}");
            let value = match (word.ends_with('='), option.kind) {
                (false, _) => "",
                (true, Kind::StringId) => option
                    .allowed_for(command.id)
                    .first()
                    .copied()
                    .unwrap_or("x"),
                _ => option
                    .example
                    .split_once('=')
                    .map_or("1", |(_, value)| value),
            };
            let line = format!("{stanza}{} {word}{value}", command.name);
            let (code, text) = fault(host().check(&line));
            // Values of examples may need others beside them; an option that is refused has this code.
            assert!(code != 31 || text.contains("key/value"), "{line}: {text}");
            offered += 1;
        }
    }
    assert!(offered > 300, "{offered}");
}
