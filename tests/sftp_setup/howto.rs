//! The configuration that the usual how-to about SFTP repositories ends with, letter by letter, under both names.
//!
//! Two machines of their own: port 22, the user's own known_hosts, and the paths that are written there, as they are.

use std::sync::Arc;

use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::{Suite, TestResult};
use pgkeep_testkit::throw_away_root::ThrowAwayRoot;

use crate::desk::says;

/// Only the data directory and the passphrase are this test's.
const CONFIGURATION: &str = "\
[main]
pg1-path=/var/lib/postgresql/data
pg1-port=5432
pg1-user=postgres
pg1-database=postgres

[global]
# Local Backup Repo
repo1-cipher-pass=zWaf6XtpjIVZC5444yXB+cgFDFl7MxGlgkZSaoPvTGirhPygu4jOKOXf9LO4vjfO
repo1-cipher-type=aes-256-cbc
repo1-path=/var/lib/pgbackrest
repo1-retention-full=2

# SFTP Backup Repo 1
repo2-bundle=y
repo2-path=/upload
repo2-retention-full=2
repo2-sftp-host=10.0.0.2
repo2-sftp-host-key-hash-type=sha256
repo2-sftp-host-user=sftpuser
repo2-sftp-private-key-file=/var/lib/postgresql/.ssh/id_ed25519_sftp_key
repo2-sftp-public-key-file=/var/lib/postgresql/.ssh/id_ed25519_sftp_key.pub
repo2-type=sftp

# Logging Info
log-path=/var/log/pgbackrest
log-level-console=debug

[global:archive-push]
compress-level=3
";

pub fn add(suite: Suite, program: &Arc<Program>) -> Suite {
    let program = Arc::clone(program);
    suite.test(
        "the_usual_how_tos_configuration_works_unchanged",
        move || unchanged(&program),
    )
}

fn unchanged(program: &Program) -> TestResult {
    let server = ThrowAwayRoot::builder()
        .own_network()
        .address(([10, 0, 0, 2], 22).into())
        .make()?;
    server.start_sshd()?;
    let database = ThrowAwayRoot::builder().network_of(&server).make()?;
    database.add_postgres()?;
    database.install(program.path(), &["pgkeep", "pgbackrest"])?;
    let fingerprint = server.fingerprint()?;
    database
        .as_postgres(&format!(
            "pgkeep --repo2-sftp-host=10.0.0.2 --repo2-sftp-host-user=sftpuser --sftp-chroot=/data/sftpuser --sftp-group=sftpusers \
             --repo2-sftp-private-key-file=/var/lib/postgresql/.ssh/id_ed25519_sftp_key --sftp-script=/tmp/host.sh \
             --fingerprint={fingerprint} sftp-setup"
        ))?
        .success()?;
    std::fs::copy(database.path("/tmp/host.sh"), server.path("/tmp/host.sh"))?;
    server.shell("sh /tmp/host.sh")?.success()?;
    server.wait_for_sshd()?;

    database
        .shell("install -d -o postgres -g postgres -m 750 /var/lib/pgbackrest /var/log/pgbackrest; mkdir /etc/pgbackrest")?
        .success()?;
    std::fs::write(
        database.path("/etc/pgbackrest/pgbackrest.conf"),
        CONFIGURATION,
    )?;
    let major = std::fs::read_dir("/usr/lib/postgresql")?
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
        .max()
        .ok_or_else(|| pgkeep_testkit::Error::missing("PostgreSQL"))?;
    let bin = format!("/usr/lib/postgresql/{major}/bin");
    database
        .as_postgres(&format!(
            "{bin}/initdb -D /var/lib/postgresql/data --no-sync -k >/dev/null
             cat >>/var/lib/postgresql/data/postgresql.conf <<'END'
listen_addresses = ''
unix_socket_directories = '/run/postgresql'
fsync = off
archive_mode = on
archive_command = 'pgbackrest --stanza=main archive-push %p'
END
             {bin}/pg_ctl -D /var/lib/postgresql/data -s -w -l /var/lib/postgresql/log start"
        ))?
        .success()?;

    // As pgBackRest, in the words of the how-to.
    let created = database
        .as_postgres("pgbackrest --stanza=main --log-level-console=info stanza-create")?
        .success()?;
    says(
        &created.stdout,
        "P00   INFO: stanza-create command end: completed successfully",
    )?;
    // As pgkeep, with all that the file says.
    let again = database
        .as_postgres("pgkeep --stanza=main stanza-create")?
        .success()?;
    says(
        &again.stdout,
        "stanza-create command end: completed successfully",
    )?;
    says(
        &again.stdout,
        "host key of '10.0.0.2' found in line 1 of '/var/lib/postgresql/.ssh/known_hosts'",
    )?;
    for command in [
        "pgbackrest --stanza=main check",
        "pgbackrest --stanza=main --repo=1 --type=full backup",
        "pgbackrest --stanza=main --repo=2 --type=full backup",
        "pgkeep --stanza=main --repo=2 --type=incr backup",
        "pgbackrest --stanza=main --repo=2 --set=latest --output=text verify",
    ] {
        let outcome = database.as_postgres(command)?.success()?;
        says(&outcome.stdout, "completed successfully")?;
    }
    let files = server.path("/data/sftpuser/upload/backup/main");
    let sets = std::fs::read_dir(files)?
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().contains('F'));
    if sets.count() != 2 {
        return Err("the full and the incremental backup are not on the server".into());
    }
    Ok(())
}
