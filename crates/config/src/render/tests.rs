//! Options as words, and help.

use std::collections::BTreeMap;

use super::argv::{Child, Replacement};
use super::facts::name_with_index;
use super::help::help;
use super::{man, reference};
use crate::Program;
use crate::define::command::{COMMANDS, CommandId, Role};
use crate::define::option::OPTIONS;
use crate::testing::{Host, fault};

fn host() -> Host {
    Host::pgbackrest().config(
        "[global]\nrepo1-path=/repo\nrepo1-cipher-type=aes-256-cbc\nrepo1-cipher-pass=hush\nrepo2-path=/r 2\nrepo1-retention-full=2\nlog-level-console=info\nprotocol-timeout=1d\n[demo]\npg1-path=/pg\n",
    )
}

#[test]
fn the_begin_line_lists_what_is_not_default_in_alphabetical_order() {
    let config = host()
        .load("backup --stanza=demo --start-fast --no-resume --reset-process-max --archive-timeout=90 --exclude=b --exclude=a --annotation=k=v --backup-standby")
        .expect("valid")
        .config;
    assert_eq!(
        config.begin_line_options(),
        "--annotation=k=v --archive-timeout=90 --backup-standby=y --exclude=b --exclude=a --exec-id=1-a --log-level-console=info --pg1-path=/pg --reset-process-max --protocol-timeout=1d --repo1-cipher-pass=<redacted> --repo1-cipher-type=aes-256-cbc --repo1-path=/repo --repo2-path=\"/r 2\" --repo1-retention-full=2 --no-resume --stanza=demo --start-fast"
    );
    assert_eq!(
        config.begin_line_options_for(CommandId::Expire),
        "--exec-id=1-a --log-level-console=info --protocol-timeout=1d --repo1-cipher-pass=<redacted> --repo1-cipher-type=aes-256-cbc --repo1-path=/repo --repo2-path=\"/r 2\" --repo1-retention-full=2 --stanza=demo"
    );
}

#[test]
fn restore_command_repeats_the_command_line_but_not_the_files() {
    let config = host()
        .file("/my.conf", "[demo]\npg1-path=/pg\n")
        .load_words([
            "restore",
            "--stanza=demo",
            "--config=/my.conf",
            "--pg1-path=/p g",
            "--process-max=4",
            "--log-level-console=detail",
            "--type=immediate",
            "--repo1-path=/x",
            "--reset-repo1-cipher-type",
            "--no-archive-async",
        ])
        .map(|loaded| loaded.config);
    // `archive-async` is not an option of restore.
    assert_eq!(
        fault(config),
        (
            31,
            "option 'archive-async' not valid for command 'restore'".to_owned()
        )
    );
    let config = host()
        .file("/my.conf", "[demo]\npg1-path=/pg\nbuffer-size=2MiB\n")
        .load_words([
            "restore",
            "--stanza=demo",
            "--config=/my.conf",
            "--pg1-path=/p g",
            "--process-max=4",
            "--log-level-console=detail",
            "--type=immediate",
            "--repo1-path=/x",
            "--spool-path=/it's $HOME `id` 100%",
            "--reset-io-timeout",
        ])
        .expect("valid")
        .config;
    assert_eq!(
        config.restore_command_options(),
        [
            "--config=/my.conf",
            "--reset-io-timeout",
            "--pg1-path=\"/p g\"",
            "--repo1-path=/x",
            "--spool-path=\"/it's \\$HOME \\`id\\` 100%\"",
            "--stanza=demo"
        ]
    );
}

#[test]
fn a_remote_is_told_everything_but_secrets() {
    let config = host()
        .load("backup --stanza=demo --no-online --force --db-timeout=5m")
        .expect("valid")
        .config;
    let replace = BTreeMap::from([
        (
            "log-level-console".to_owned(),
            Replacement::Value("off".to_owned()),
        ),
        ("process".to_owned(), Replacement::Value("0".to_owned())),
        ("log-timestamp".to_owned(), Replacement::Boolean(false)),
        ("repo2-path".to_owned(), Replacement::Omit),
    ]);
    let words = config.child_options(Child {
        command: CommandId::Backup,
        role: Role::Remote,
        local: false,
        other: None,
        quote: true,
        replace: &replace,
    });
    assert_eq!(
        words,
        [
            "--db-timeout=5m",
            "--exec-id=1-a",
            "--log-level-console=off",
            "--no-log-timestamp",
            "--pg1-path=/pg",
            "--process=0",
            "--protocol-timeout=1d",
            "--repo1-path=/repo",
            "--stanza=demo"
        ]
    );
}

#[test]
fn help_is_titled_by_the_name_of_the_program() {
    let text = |host: Host, words: &str| {
        let loaded = host.check(words).expect(words);
        help(&loaded.config, "2.60.0").expect(words)
    };
    let pgbackrest = text(Host::pgbackrest(), "");
    assert!(
        pgbackrest.starts_with(
            "pgBackRest 2.60.0 - General help\n\nUsage:\n    pgbackrest [options] [command]\n\nCommands:\n    annotate "
        ),
        "{pgbackrest}"
    );
    assert!(pgbackrest.ends_with("\nUse 'pgbackrest help [command]' for more information.\n"));
    assert!(!pgbackrest.contains("    demo "), "{pgbackrest}");
    let ours = text(Host::ours(), "help");
    assert!(ours.starts_with("pgkeep 2.60.0 - General help\n"), "{ours}");
    assert!(ours.contains("    demo "), "{ours}");
    assert_eq!(text(Host::pgbackrest(), "version"), "pgBackRest 2.60.0\n");
    assert_eq!(text(Host::pgbackrest(), "--version"), "pgBackRest 2.60.0\n");
    assert_eq!(text(Host::pgbackrest(), "version --output=num"), "2060000");
}

#[test]
fn command_help_shows_current_and_default_values() {
    let loaded = host().check("help backup --stanza=demo").expect("help");
    let text = help(&loaded.config, "2.60.0").expect("help of a command");
    let squeezed = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in [
        "pgBackRest 2.60.0 - 'backup' command help",
        "Command Options:",
        "Repository Options:",
        "[current=info, default=warn]",
        "[current=<multi>, default=/var/lib/pgbackrest]",
        "[current=<redacted>]",
        "[default=incr]",
        "Use 'pgbackrest help backup [option]' for more information.",
    ] {
        assert!(squeezed.contains(part), "{part}\n{text}");
    }
    assert!(!text.contains("hush"));
    assert!(
        text.lines().all(|line| line.len() <= 80
            || !line.contains("--")
            || line.starts_with("  pgbackrest"))
    );
}

#[test]
fn option_help_shows_values_of_each_index_an_example_and_older_names() {
    let loaded = host()
        .check("help backup repo-path --stanza=demo")
        .expect("help");
    let text = help(&loaded.config, "2.60.0").expect("help of an option");
    assert!(text.starts_with("pgBackRest 2.60.0 - 'backup' command - 'repo-path' option help\n"));
    assert!(
        text.contains(
            "\ncurrent:\n  repo1: /repo\n  repo2: /r 2\ndefault: /var/lib/pgbackrest\n\nexample: repo1-path="
        ),
        "{text}"
    );
    assert!(text.ends_with("\ndeprecated name: repo-path\n"), "{text}");
}

#[test]
fn help_refuses_what_the_command_does_not_know() {
    let run = |words: &str| {
        let loaded = Host::pgbackrest().check(words)?;
        help(&loaded.config, "2.60.0")
    };
    assert_eq!(
        fault(run("help backup bogus")),
        (
            31,
            "option 'bogus' is not valid for command 'backup'".to_owned()
        )
    );
    assert_eq!(
        fault(run("help info pg-path")),
        (
            31,
            "option 'pg-path' is not valid for command 'info'".to_owned()
        )
    );
    assert_eq!(
        fault(run("help backup a b")),
        (96, "only one option allowed for option help".to_owned())
    );
}

#[test]
fn reference_pages_have_every_option_and_command_once() {
    let options = reference::configuration(Program::PgKeep);
    for option in OPTIONS.iter().filter(|option| !option.internal) {
        let heading = format!("\n### {}\n", name_with_index(option));
        assert_eq!(options.matches(&heading).count(), 1, "{}", option.name);
    }
    let commands = reference::command_pages(Program::PgKeep);
    for command in COMMANDS {
        let heading = format!("\n## {}\n", command.name);
        assert_eq!(commands.matches(&heading).count(), 1, "{}", command.name);
    }
    let pgbackrest = reference::command_pages(Program::PgBackRest);
    assert!(!pgbackrest.contains("\n## demo\n"));
}

#[test]
fn the_reference_tells_defaults_ranges_and_conditions() {
    let page = reference::configuration(Program::PgBackRest);
    for line in [
        "- Range: 1 to 999",
        "- Default: n; y for restore",
        "- Depends on: repo-type = s3",
        "- Older names: repo-path",
        "- Accepted: n, prefer, y",
    ] {
        assert!(page.contains(&format!("\n{line}\n")), "{line}");
    }
}

#[test]
fn the_manual_page_escapes_dashes_and_leading_dots() {
    let page = man::page(Program::PgKeep, "1.2.3");
    assert!(page.starts_with(".TH PGKEEP 1 \"\" \"pgkeep 1.2.3\"\n"));
    assert!(page.contains("\n.B \\-\\-repoN\\-path=PATH\n"));
    assert!(page.contains("\n.I /etc/pgkeep/pgkeep.conf\n"));
    for (status, said) in [
        ("1", "archive\\-get: No repository has the file."),
        (
            "126",
            "archive\\-get: With \\-\\-archive\\-get\\-strict: any error.",
        ),
        ("1", "doctor: Something warns."),
        ("2", "sftp\\-audit: Something failed."),
        (
            "1",
            "repo\\-get: With \\-\\-ignore\\-missing: the file is missing.",
        ),
    ] {
        assert!(
            page.contains(&format!("\n.TP\n{status}\n{said}\n")),
            "{said}"
        );
    }
    assert!(page.contains("\n.SH SEE ALSO\n") && page.contains("/usr/share/doc/pgkeep/guide"));
    let theirs = man::page(Program::PgBackRest, "1.2.3");
    assert!(!theirs.contains("get\\-strict") && theirs.contains("archive\\-get: No repository"));
    let requests = [".TH", ".SH", ".TP", ".B ", ".I ", ".br"];
    for line in page.lines().filter(|line| line.starts_with('.')) {
        assert!(
            requests.iter().any(|known| line.starts_with(known)),
            "{line}"
        );
    }
}

#[test]
fn help_writes_the_manual_page_and_the_scripts_but_not_for_pgbackrest() {
    for (word, start) in [
        ("man", ".TH PGKEEP 1"),
        ("bash", "_pgkeep()"),
        ("zsh", "#compdef pgkeep pgbackrest"),
        ("fish", "complete -c pgkeep"),
    ] {
        let config = Host::ours()
            .load(&format!("help --as={word}"))
            .expect("known")
            .config;
        let text = help(&config, "1.2.3").expect("renders");
        assert!(text.contains(start), "{word}: {text:.80}");
    }
    assert_eq!(
        fault(Host::pgbackrest().load("help --as=man")),
        (31, "invalid option '--as=man'".to_owned())
    );
}
