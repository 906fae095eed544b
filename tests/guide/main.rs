//! The guides are true: their commands are run in the order they stand there, and what they print is compared.
//!
//! A block of `sh` may say in its first line on which of the two machines it runs; a block of `text` after one must be found
//! in its output, line by line in that order, `…` standing for anything. Pages are followed on a new machine, one after the
//! other on the same, and on one that has a configuration already, of which nothing may be lost.
#![allow(clippy::disallowed_methods, clippy::print_stdout, unreachable_pub)] // a suite drives the outside world

mod belongings;
mod bucket;
mod hosts;
mod page;

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::sync::Arc;

use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::{Suite, TestResult};

use hosts::Hosts;

/// Pages in the order in which they are followed on one machine.
const ONE_AFTER_THE_OTHER: &[&str] = &[
    "docs/guide/getting-started.md",
    "docs/guide/restore.md",
    "docs/guide/retention.md",
    "docs/guide/monitoring.md",
    "docs/guide/hooks.md",
    "docs/guide/report.md",
    "docs/guide/doctor.md",
    "docs/guide/troubleshooting.md",
    "docs/guide/exit-codes.md",
    "docs/guide/migrating.md",
    "docs/guide/secure-sftp.md",
    "docs/guide/sftp-audit.md",
    "docs/guide/sftp-probe.md",
    "docs/guide/encryption.md",
    "docs/guide/copy-repository.md",
];

/// Those for a machine that has a configuration.
const HAS_A_CONFIGURATION: &[&str] = &[
    "README.md",
    "docs/guide/getting-started.md",
    "docs/guide/exit-codes.md",
    "docs/guide/secure-sftp.md",
];

/// Pages about buckets, each with a server of its own.
const BUCKETS: &[&str] = &[
    "docs/guide/s3-repository.md",
    "docs/guide/azure-repository.md",
    "docs/guide/gcs-repository.md",
];

/// The page about a primary and its standby.
const STANDBY: &str = "docs/guide/standby.md";

/// The page about a repository on another host.
const REPOSITORY_HOST: &str = "docs/guide/repository-host.md";

/// The page about an account that may only add, and a host that keeps the repository.
const APPEND_ONLY: &str = "docs/guide/append-only.md";

/// The page about hosts with pgBackRest that change one after the other.
const FLEET: &str = "docs/guide/fleet.md";

/// The page about one table out of a backup.
const RESTORE_TABLE: &str = "docs/guide/restore-table.md";

/// Pages without a command.
const NO_COMMANDS: &[&str] = &[
    "docs/guide/drill.md",
    "docs/guide/locked-backups.md",
    "docs/guide/serve.md",
    "docs/guide/sftp-repository.md",
    "docs/guide/sftp-servers.md",
    "docs/guide/tls-hosts.md",
];

fn main() -> ExitCode {
    let program = match Program::new(env!("CARGO_BIN_EXE_pgkeep")) {
        Ok(program) => Arc::new(program),
        Err(error) => {
            println!("guide: {error}");
            return ExitCode::FAILURE;
        }
    };
    let [
        one,
        two,
        three,
        four,
        five,
        six,
        seven,
        eight,
        nine,
        ten,
        eleven,
    ] = [(); 11].map(|()| Arc::clone(&program));
    Suite::new("guide")
        .test("every_page_is_followed", every_page)
        .test("the_guide_to_a_closed_sftp_host_is_true", move || {
            secure_sftp(&one)
        })
        .test("the_guides_are_true_one_after_the_other", move || {
            one_after_the_other(&two)
        })
        .test("the_guides_keep_what_a_user_has", move || {
            has_a_configuration(&three)
        })
        .test("the_guide_to_an_s3_bucket_is_true", move || {
            bucket::s3(&four)
        })
        .test("the_guide_to_an_azure_container_is_true", move || {
            bucket::azure(&five)
        })
        .test("the_guide_to_a_gcs_bucket_is_true", move || {
            bucket::gcs(&six)
        })
        .test("the_guide_to_backups_from_a_standby_is_true", move || {
            standby(&seven)
        })
        .test("the_guide_to_a_repository_host_is_true", move || {
            repository_host(&eight)
        })
        .test("the_guide_to_changing_over_a_fleet_is_true", move || {
            fleet(&nine)
        })
        .test(
            "the_guide_to_an_account_that_may_only_add_is_true",
            move || append_only(&ten),
        )
        .test("the_guide_to_one_table_is_true", move || {
            restore_table(&eleven)
        })
        .run()
}

fn every_page() -> TestResult {
    let known: BTreeSet<&str> = [
        ONE_AFTER_THE_OTHER,
        HAS_A_CONFIGURATION,
        BUCKETS,
        NO_COMMANDS,
        &[STANDBY, REPOSITORY_HOST, FLEET, APPEND_ONLY, RESTORE_TABLE],
    ]
    .concat()
    .into_iter()
    .collect();
    for page in page::pages()? {
        if !known.contains(page.as_str()) {
            return Err(format!("{page} is followed by no test").into());
        }
        if NO_COMMANDS.contains(&page.as_str()) != page::blocks(&page)?.is_empty() {
            return Err(format!("{page} has commands, or has none any more").into());
        }
    }
    Ok(())
}

fn secure_sftp(program: &Program) -> TestResult {
    let hosts = Hosts::new(program)?;
    hosts
        .database
        .install(program.path(), &["pgkeep", "pgbackrest"])?;
    hosts.follow("docs/guide/secure-sftp.md", &[])?;
    hosts.units_are_valid("./pgkeep-full.timer ./pgkeep-diff.timer")
}

fn repository_host(program: &Program) -> TestResult {
    let hosts = Hosts::new(program)?;
    hosts.install_on_both(program)?;
    hosts.follow(REPOSITORY_HOST, &[])?;
    let made = hosts.backups(1)?;
    if made != 1 {
        return Err(format!("{made} backups in place of 1").into());
    }
    Ok(())
}

/// Both machines have pgBackRest, with a backup, before pgkeep comes; in the end pgBackRest goes on alone.
fn fleet(program: &Program) -> TestResult {
    let mut hosts = Hosts::new(program)?;
    hosts.follow_with_pgbackrest(REPOSITORY_HOST)?;
    hosts.install_on_both(program)?;
    hosts.follow(FLEET, &[])?;
    let made = hosts.backups(1)?;
    if made != 4 {
        return Err(format!("{made} backups in place of 4").into());
    }
    Ok(())
}

/// The keeper is a third machine. In the network of a test whoever connects to the second one comes from the first.
fn append_only(program: &Program) -> TestResult {
    let mut hosts = Hosts::new(program)?;
    hosts.add_keeper(program)?;
    hosts.replace("--sftp-keeper-from=10.0.0.3", "--sftp-keeper-from=10.0.0.1");
    has_a_backup(&hosts, program)?;
    hosts.follow(APPEND_ONLY, &[])?;
    let made = hosts.backups(2)?;
    if made != 1 {
        return Err(format!("{made} backups in place of 1").into());
    }
    Ok(())
}

fn restore_table(program: &Program) -> TestResult {
    let hosts = Hosts::new(program)?;
    has_a_backup(&hosts, program)?;
    // Every system has it, but not the machine of a test.
    hosts.shell("install -d -m 1777 /var/tmp")?;
    hosts.follow(RESTORE_TABLE, &[])
}

fn standby(program: &Program) -> TestResult {
    let hosts = Hosts::new(program)?;
    has_a_backup(&hosts, program)?;
    hosts.follow(STANDBY, &[])?;
    let made = hosts.backups(1)?;
    if made != 3 {
        return Err(format!("{made} backups in place of 3").into());
    }
    Ok(())
}

/// A machine as the page to begin with leaves it: one stanza with a backup.
fn has_a_backup(hosts: &Hosts, program: &Program) -> TestResult {
    hosts
        .database
        .install(program.path(), &["pgkeep", "pgbackrest"])?;
    hosts.shell(
        "mkdir -p /etc/pgbackrest
         for dir in lib log; do install -d -o postgres -g postgres -m 750 /var/$dir/pgbackrest; done",
    )?;
    hosts.write(
        "/etc/pgbackrest/pgbackrest.conf",
        "[global]\nrepo1-path=/var/lib/pgbackrest\nrepo1-retention-full=2\nstart-fast=y\n\
         [main]\npg1-path=/var/lib/postgresql/15/main\n",
        "640 root postgres",
    )?;
    hosts.shell(
        "sudo -u postgres psql -qc 'alter system set archive_mode = on' \
             -c \"alter system set archive_command = 'pgbackrest --stanza=main archive-push %p'\"
         pg_ctlcluster 15 main restart
         sudo -u postgres pgkeep --stanza=main stanza-create
         sudo -u postgres pgkeep --stanza=main --type=full backup",
    )?;
    Ok(())
}

fn one_after_the_other(program: &Program) -> TestResult {
    let hosts = Hosts::new(program)?;
    for page in ONE_AFTER_THE_OTHER {
        // The way back to pgBackRest takes the link away again.
        let removed: &[&str] = match *page {
            "docs/guide/migrating.md" => &["/usr-local-bin/pgbackrest"],
            _ => &[],
        };
        hosts.follow(page, removed)?;
        if !removed.is_empty() {
            hosts.shell("ln -s pgkeep /usr/local/bin/pgbackrest")?;
        }
        if *page == "docs/guide/getting-started.md" {
            let before = hosts.backups(1)?;
            hosts.cron("/etc/cron.d/pgkeep")?;
            hosts.add_package_units()?;
            hosts.units_are_valid(
                "./pgkeep-full@.timer ./pgkeep-diff@.timer ./pgkeep-verify@.timer",
            )?;
            hosts.shell(
                "systemctl enable --now pgkeep-full@.timer pgkeep-diff@.timer pgkeep-verify@.timer
                 systemctl start pgkeep-diff@main.service; systemctl start pgkeep-verify@main.service",
            )?;
            let after = hosts.backups(1)?;
            if after != before + 3 {
                return Err(format!("{before} backups before the schedules, {after} after").into());
            }
        }
    }
    hosts.pgbackrest_takes_over()
}

/// A configuration with a pass-phrase and comments, a program and schedules of the user's own, modes that are not the pages'.
fn has_a_configuration(program: &Program) -> TestResult {
    let hosts = Hosts::new(program)?;
    hosts.shell(
        "mkdir -m 750 /etc/pgbackrest; chgrp postgres /etc/pgbackrest
         for dir in lib log; do install -d -o postgres -g postgres -m 700 /var/$dir/pgbackrest; done
         install -m 755 /home/source/target/release/pgkeep /usr/local/bin/pgkeep
         install -m 711 /home/source/target/release/pgkeep /usr/local/bin/pgbackrest
         sudo -u postgres mkdir -m 700 /var/lib/postgresql/.ssh
         echo '10.9.9.9 ssh-ed25519 AAAA' | sudo -u postgres tee /var/lib/postgresql/.ssh/known_hosts",
    )?;
    hosts.write(
        "/etc/pgbackrest/pgbackrest.conf",
        "# mine\n[global]\nrepo1-path=/var/lib/pgbackrest\nrepo1-retention-full=7\nrepo1-cipher-type=aes-256-cbc\n\
         repo1-cipher-pass=the only copy of it\nstart-fast=y\n[main]\npg1-path=/var/lib/postgresql/15/main\n",
        "640 root postgres",
    )?;
    for (path, mode) in [
        ("/etc/cron.d/pgkeep", "600 root root"),
        ("/etc/systemd/system/pgkeep-full.timer", "640 root root"),
        (
            "/etc/systemd/system/pgkeep-backup@.service",
            "644 root root",
        ),
        ("/usr-local-bin/pgbackrest-strict", "700 root root"),
    ] {
        let text = "# mine\n[Service]\nUser=postgres\nExecStart=/usr/local/bin/pgkeep --stanza=main --repo=2 --type=%i backup\n";
        hosts.write(path, text, mode)?;
    }
    hosts.shell(
        "sudo -u postgres psql -qc 'alter system set archive_mode = on' \
             -c \"alter system set archive_command = '/usr/local/bin/pgbackrest --stanza=main --process-max=1 archive-push %p'\"
         pg_ctlcluster 15 main restart
         sudo -u postgres pgkeep --stanza=main stanza-create
         sudo -u postgres pgkeep --stanza=main --type=full backup",
    )?;
    for page in HAS_A_CONFIGURATION {
        hosts.follow(page, &[])?;
    }
    // What was backed up with the user's own pass-phrase is there and sound, and archiving goes the user's way.
    hosts.shell("sudo -u postgres pgkeep --stanza=main --repo=1 verify")?;
    let command = hosts.shell("sudo -u postgres psql -XAtqc 'show archive_command'")?;
    if !command.contains("--process-max=1") {
        return Err(format!("archive_command is {command}").into());
    }
    Ok(())
}
