//! Every command line of ours on a page or in a help text is one that the program takes: command, options, and values.

use std::io;

use pgkeep_config::command::COMMANDS;
use pgkeep_config::option::OPTIONS;
use pgkeep_config::{ConfigFiles, Input, Program};

use crate::{path, text};

/// A configuration as the guides make it, under the names of stanzas that pages use.
const CONFIGURATION: &str = "[global]
repo1-path=/var/lib/pgbackrest
repo1-retention-full=2
repo2-type=sftp
repo2-path=/upload
repo2-sftp-host=10.0.0.2
repo2-sftp-host-user=pgbackup
repo2-sftp-private-key-file=/k
repo2-retention-full=2
repo3-path=/encrypted
repo3-retention-full=2
repo4-path=/copy
tls-server-auth=client=*
tls-server-ca-file=/ca
tls-server-cert-file=/cert
tls-server-key-file=/key
[main]
pg1-path=/pg
[demo]
pg1-path=/pg
";

/// What a reader, a shell or systemd puts something in the place of.
const PLACES: &[(&str, &str)] = &[
    ("--stanza=%i", "--stanza=main"),
    ("--type=%i", "--type=diff"),
    ("=$copy", "=/copy"),
    ("=$drill", "=/drill"),
    ("=$empty", "=/empty"),
    ("=$label", "=20260101-120000F"),
    ("--set=LABEL", "--set=20260101-120000F"),
    ("--target-timeline=N", "--target-timeline=2"),
];

struct Files;

impl ConfigFiles for Files {
    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        if path == "/etc/pgbackrest/pgbackrest.conf" {
            Ok(CONFIGURATION.into())
        } else {
            Err(io::ErrorKind::NotFound.into())
        }
    }

    fn list(&self, _: &str) -> io::Result<Vec<String>> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn home(&self) -> Option<String> {
        Some("/root".into())
    }
}

/// Pages for users.
fn pages() -> Vec<String> {
    let mut pages = vec!["README.md".to_owned(), "packaging/pgkeep.conf".to_owned()];
    for folder in ["docs/guide", "docs/format", "packaging/systemd"] {
        for entry in path(folder).read_dir().expect("the folder is there") {
            let name = entry.expect("it can be listed").file_name();
            pages.push(format!("{folder}/{}", name.to_string_lossy()));
        }
    }
    pages
}

/// Words of the command lines that start one of the two programs, with the program. All is `code`, or what is between fences
/// and quotes.
fn command_lines(text: &str, code: bool) -> Vec<(Program, Vec<String>)> {
    let mut found = Vec::new();
    let mut text = text.replace("\\\n", " ");
    for (place, value) in PLACES {
        text = text.replace(place, value);
    }
    let mut fenced = false;
    for line in text.lines() {
        fenced ^= line.starts_with("```");
        // What handles the file of the program does not start it.
        let first = line
            .split_whitespace()
            .find(|word| *word != "sudo")
            .unwrap_or_default();
        if ["ln", "install", "ls", "rm"].contains(&first) {
            continue;
        }
        for (name, program) in [
            ("pgkeep ", Program::PgKeep),
            ("pgbackrest ", Program::PgBackRest),
        ] {
            for (at, _) in line.match_indices(name) {
                let before = line[..at].chars().next_back();
                let begins = before.is_none_or(|sign| " /'`\"=".contains(sign));
                let after = &line[at + name.len()..];
                let said = after.starts_with(|sign: char| sign == '-' || sign.is_ascii_lowercase());
                let quoted = before.filter(|sign| "'`\"".contains(*sign));
                let in_code = code
                    || fenced
                    || quoted.is_some()
                    || line[..at].trim_end().ends_with("-u postgres");
                if begins && said && in_code {
                    let end = quoted.and_then(|quote| after.find(quote));
                    found.push((program, words(&after[..end.unwrap_or(after.len())])));
                }
            }
        }
    }
    found
}

/// Words up to where the command ends, as a shell reads them.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut signs = text.chars();
    while let Some(sign) = signs.next() {
        match sign {
            '\'' | '"' if !word.is_empty() => {
                word.extend(signs.by_ref().take_while(|inner| *inner != sign));
            }
            '|' | ';' | '&' | '>' | '<' | ')' | '\'' | '"' | '`' | '#' => break,
            ' ' => words.extend((!word.is_empty()).then(|| std::mem::take(&mut word))),
            _ => word.push(sign),
        }
    }
    words.extend((!word.is_empty()).then_some(word));
    words
}

/// What the program says to these words, if it refuses them.
fn refusal(program: Program, words: &[String]) -> Option<String> {
    let args = std::iter::once(program.binary().to_owned())
        .chain(words.iter().cloned())
        .collect();
    // Without a configuration a page has the pass-phrase in the environment.
    let environment = if words.iter().any(|word| word == "--no-config") {
        vec![("PGBACKREST_REPO1_CIPHER_PASS".into(), "secret".into())]
    } else {
        Vec::new()
    };
    pgkeep_config::load(&Input {
        program,
        args,
        environment,
        files: &Files,
        uid: 1000,
        exec_id: "1-1".into(),
    })
    .err()
    .map(|error| error.to_string())
}

#[test]
fn command_lines_on_pages_and_in_help_are_taken_by_the_program() {
    let mut texts: Vec<(String, String)> = pages()
        .into_iter()
        .map(|page| {
            let text = text(&page);
            (page, text)
        })
        .collect();
    for command in COMMANDS {
        let lines: Vec<String> = command
            .examples
            .iter()
            .map(|line| (*line).to_owned())
            .collect();
        texts.push((format!("example of {}", command.name), lines.join("\n")));
        texts.push((format!("help {}", command.name), command.help.to_owned()));
    }
    for option in OPTIONS {
        texts.push((format!("help of {}", option.name), option.help.to_owned()));
    }
    let mut count = 0;
    let mut findings = Vec::new();
    for (name, text) in &texts {
        let code = !name.ends_with(".md") && !name.starts_with("help");
        for (program, words) in command_lines(text, code) {
            count += 1;
            // One word names a command and is not meant to be typed.
            if let [word] = words.as_slice()
                && COMMANDS.iter().any(|command| command.name == word)
            {
                continue;
            }
            if let Some(why) = refusal(program, &words) {
                findings.push(format!(
                    "{name}: {} {}: {why}",
                    program.binary(),
                    words.join(" ")
                ));
            }
        }
    }
    assert!(
        findings.is_empty(),
        "{count} command lines; refused:\n{}",
        findings.join("\n")
    );
    assert!(count > 100, "only {count} command lines were found");
}

#[test]
fn a_command_line_that_is_not_taken_is_found() {
    let found = |text: &str| -> Vec<String> {
        command_lines(text, false)
            .iter()
            .filter_map(|(program, words)| refusal(*program, words))
            .collect()
    };
    let fenced = |line: &str| format!("```sh\n{line}\n```\npgkeep is a word here\n");
    for right in [
        fenced("sudo -u postgres pgkeep --stanza=main --type=full \\\n    backup | tail"),
        fenced("echo \"archive_command = 'pgbackrest --stanza=main archive-push %p'\""),
        "run `pgkeep --repo=2 sftp-audit`, then".to_owned(),
    ] {
        assert_eq!(command_lines(&right, false).len(), 1, "{right}");
        assert_eq!(found(&right), Vec::<String>::new(), "{right}");
    }
    for wrong in [
        fenced("sudo -u postgres pgkeep --stanza=main --type=ful backup"),
        fenced("pgbackrest --stanza=main doctor"),
        fenced("30 2 * * 0 postgres /usr/bin/pgkeep --stanza=main --no-such-thing backup"),
        "run `pgkeep --stanza=main fetch`, then".to_owned(),
    ] {
        assert_eq!(found(&wrong).len(), 1, "{wrong}");
    }
}
