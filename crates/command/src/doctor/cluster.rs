//! The clusters of a stanza: do they run, are they those of the configuration, and do their settings allow backups.

use pgkeep_postgres::control::ControlFile;
use pgkeep_postgres::session::Health;
use pgkeep_repo::Stanza;

use super::archiving;
use super::check::{
    ARCHIVE_COMMAND, ARCHIVE_MODE, ARCHIVE_TIMEOUT, CLUSTER, DATA_CHECKSUMS, FULL_PAGE_WRITES,
    LEFT_DATABASE, WAL_LEVEL,
};
use super::roles::{self, Node};
use super::settings::Settings;
use super::space;
use crate::error::{Error, ErrorCode, Result};
use crate::hosts::{
    archive_command::{calls_pgbackrest, named_stanza},
    cluster::{self, Cluster},
    pg_host,
};
use crate::report::advice;
use crate::report::finding::{Finding, Grade, Subject};
use crate::run::Context;

/// What the checks of repositories compare with.
#[derive(Debug, Default)]
pub(super) struct Facts {
    /// Of the primary, else of any data directory that could be read.
    pub(super) control: Option<ControlFile>,
    /// Of the primary.
    pub(super) health: Option<Health>,
    /// Whether `archive_command` of the primary is ours, for this stanza.
    pub(super) archives_to_us: bool,
}

pub(super) fn examine(
    context: &Context,
    settings: &Settings,
    stanza: &Stanza,
) -> Result<(Vec<Finding>, Facts)> {
    let mut facts = Facts::default();
    let mut findings = Vec::new();
    let (mut nodes, mut unknown) = (Vec::new(), false);
    for &key in &settings.clusters {
        context.cancel.check()?;
        let subject = Subject::stanza(stanza.as_str()).pg(key);
        let mut cluster = match reach(context, key, &subject, &mut facts, &mut findings)? {
            Some(cluster) => cluster,
            None => {
                unknown = true;
                continue;
            }
        };
        let session = &cluster.session;
        nodes.push(Node {
            key,
            standby: session.is_standby(),
            control: cluster.control,
            archive_mode: session.archive_mode().to_owned(),
            archives_to: named_stanza(session.archive_command()),
        });
        if session.is_standby() {
            continue;
        }
        let seen = format!("version {} runs", cluster.control.version);
        findings.push(subject.ok(&CLUSTER, seen));
        findings.extend(primary(
            settings,
            stanza,
            &subject,
            &mut cluster,
            &mut facts,
        )?);
        let (library, directory) = (facts.health.as_ref(), &*cluster.host);
        if let Some(health) = library {
            let now = context.clock.seconds();
            findings.extend(archiving::examine(&subject, stanza, health, directory, now));
        }
        facts.control = Some(cluster.control);
    }
    findings.extend(roles::examine(
        settings.archiving_program,
        stanza.as_str(),
        &nodes,
    ));
    let standbys_alone = !nodes.is_empty() && nodes.iter().all(|node| node.standby);
    if standbys_alone && !unknown {
        let mend = "run doctor on the primary's host, or configure the primary here as pg2-…";
        findings.push(Subject::stanza(stanza.as_str()).note(
            &CLUSTER,
            "only a standby is configured: archiving is looked at on the primary",
            mend,
        ));
    }
    Ok((findings, facts))
}

/// Data directory, space for WAL, and the server; nothing where it cannot be reached, with the finding that says why.
fn reach(
    context: &Context,
    key: u32,
    subject: &Subject,
    facts: &mut Facts,
    findings: &mut Vec<Finding>,
) -> Result<Option<Cluster>> {
    let host = match pg_host::open(context, key) {
        Ok(host) => host,
        // Clusters on other hosts.
        Err(error) if error.code == ErrorCode::OptionInvalid => {
            findings.push(subject.not_tested(&CLUSTER, error.message));
            return Ok(None);
        }
        Err(error) => {
            let mend = format!("pg{key}-path=DIRECTORY in the stanza's section");
            findings.push(subject.fail(&CLUSTER, error.text(), mend));
            return Ok(None);
        }
    };
    findings.extend(space::of_wal(subject, &*host));
    match cluster::read_control(context, &*host) {
        Ok((control, _)) => {
            facts.control.get_or_insert(control);
        }
        Err(error) if error.code == ErrorCode::Term => return Err(error),
        Err(error) => {
            let mend = format!(
                "set pg{key}-path to the cluster's data_directory, and run as the user who owns it"
            );
            findings.push(subject.fail(&CLUSTER, error.text(), mend));
            return Ok(None);
        }
    }
    let connected = cluster::connect(context, key)
        .and_then(|cluster| cluster::check_same_cluster(&cluster).map(|()| cluster));
    match connected {
        Ok(cluster) => Ok(Some(cluster)),
        Err(error) if error.code == ErrorCode::Term => Err(error),
        Err(error) => {
            findings.push(subject.fail(&CLUSTER, error.text(), mend_connection(&error, key)));
            Ok(None)
        }
    }
}

fn mend_connection(error: &Error, key: u32) -> String {
    match error.code {
        ErrorCode::DbMismatch => {
            format!("make pg{key}-path and pg{key}-port those of one cluster: show data_directory")
        }
        ErrorCode::DbQuery => {
            "grant pg_read_all_settings, pg_monitor to the user of pg-user".into()
        }
        _ => format!(
            "start the server; if it runs, correct pg{key}-socket-path, pg{key}-port and pg{key}-user"
        ),
    }
}

fn primary(
    settings: &Settings,
    stanza: &Stanza,
    subject: &Subject,
    cluster: &mut Cluster,
    facts: &mut Facts,
) -> Result<Vec<Finding>> {
    let health = match cluster.session.health() {
        Ok(health) => health,
        Err(error) => {
            let error = Error::from(error);
            if error.code == ErrorCode::Term {
                return Err(error);
            }
            let mend = "grant pg_monitor to the user of pg-user";
            return Ok(vec![subject.fail(&CLUSTER, error.text(), mend)]);
        }
    };
    let session = &cluster.session;
    let mut findings = vec![archive_mode(subject, session.archive_mode(), settings)];
    if session.archive_mode() != "off" {
        let command = archive_command(
            subject,
            stanza.as_str(),
            session.archive_command(),
            &health.archive_library,
            settings.archiving_program,
        );
        facts.archives_to_us = command.grade < Grade::Fail;
        findings.push(command);
    }
    findings.extend(others(subject, &health));
    findings.extend(health.unfinished.iter().map(|name| {
        let seen = format!("database {name} is not complete");
        subject.warn(&LEFT_DATABASE, seen, format!("drop database {name};"))
    }));
    facts.health = Some(health);
    Ok(findings)
}

fn archive_mode(subject: &Subject, mode: &str, settings: &Settings) -> Finding {
    match mode {
        "off" => subject.fail(
            &ARCHIVE_MODE,
            "off",
            "alter system set archive_mode = on; and restart the server",
        ),
        "always" if settings.archive_mode_check => subject.fail(
            &ARCHIVE_MODE,
            "always: backups are refused",
            "alter system set archive_mode = on; and restart the server",
        ),
        mode => subject.ok(&ARCHIVE_MODE, mode),
    }
}

/// The command itself is not shown: people put passwords into it.
///
/// `program`: the name by which it is to be called. It is our own where a repository is one that the account may only add to.
fn archive_command(
    subject: &Subject,
    stanza: &str,
    command: &str,
    library: &str,
    program: &str,
) -> Finding {
    let own_name = program != "pgbackrest";
    let mend = advice::set_archive_command(program, stanza);
    if !library.is_empty() {
        let mend = format!("alter system set archive_library = ''; {mend}");
        return subject.fail(
            &ARCHIVE_COMMAND,
            "not used, because archive_library is set",
            mend,
        );
    }
    if !command.contains("pgbackrest") && !command.contains("pgkeep") {
        let seen = match command {
            "" | "(disabled)" => "empty",
            _ => "does not call pgbackrest",
        };
        return subject.fail(&ARCHIVE_COMMAND, seen, mend);
    }
    match named_stanza(command) {
        Some(named) if named != stanza => {
            let seen = format!("archives to stanza '{named}'");
            subject.fail(&ARCHIVE_COMMAND, seen, mend)
        }
        _ if own_name && calls_pgbackrest(command) => subject.warn(
            &ARCHIVE_COMMAND,
            "calls 'pgbackrest', which does not know repo-sftp-append-only: the server refuses what it does",
            mend,
        ),
        _ if !own_name && !command.contains("pgbackrest") => subject.warn(
            &ARCHIVE_COMMAND,
            "does not contain 'pgbackrest', without which pgBackRest refuses to back up",
            mend,
        ),
        Some(_) => subject.ok(&ARCHIVE_COMMAND, format!("names stanza '{stanza}'")),
        None => subject.note(
            &ARCHIVE_COMMAND,
            "names no stanza; it may come from the environment",
            mend,
        ),
    }
}

fn others(subject: &Subject, health: &Health) -> Vec<Finding> {
    let level = if health.wal_level == "minimal" {
        let mend = "alter system set wal_level = replica; and restart the server";
        subject.fail(&WAL_LEVEL, "minimal", mend)
    } else {
        subject.ok(&WAL_LEVEL, health.wal_level.as_str())
    };
    let timeout = match health.archive_timeout.as_secs() {
        0 => subject.note(
            &ARCHIVE_TIMEOUT,
            "0: a segment is archived only when it is full",
            "alter system set archive_timeout = '1min'; select pg_reload_conf();",
        ),
        seconds => subject.ok(&ARCHIVE_TIMEOUT, format!("{seconds}s")),
    };
    let pages = if health.full_page_writes {
        subject.ok(&FULL_PAGE_WRITES, "on")
    } else {
        let mend = "alter system set full_page_writes = on; select pg_reload_conf();";
        subject.warn(&FULL_PAGE_WRITES, "off", mend)
    };
    let sums = if health.data_checksums {
        subject.ok(&DATA_CHECKSUMS, "on")
    } else {
        let mend = "stop the server, pg_checksums --enable -D DATA_DIRECTORY, start it";
        subject.note(&DATA_CHECKSUMS, "off", mend)
    };
    vec![level, timeout, pages, sums]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_command_must_call_the_program_for_this_stanza() {
        let grade = |command: &str, library: &str| {
            archive_command(&Subject::default(), "main", command, library, "pgbackrest").grade
        };
        assert_eq!(
            grade("pgbackrest --stanza=main archive-push %p", ""),
            Grade::Ok
        );
        assert_eq!(
            grade("pgbackrest --stanza=main archive-push %p", "x"),
            Grade::Fail
        );
        assert_eq!(
            grade("pgbackrest --stanza=other archive-push %p", ""),
            Grade::Fail
        );
        assert_eq!(grade("pgbackrest archive-push %p", ""), Grade::Note);
        assert_eq!(
            grade("pgkeep --stanza=main archive-push %p", ""),
            Grade::Warn
        );
        assert_eq!(grade("cp %p /archive/%f", ""), Grade::Fail);
        assert_eq!(grade("(disabled)", ""), Grade::Fail);
    }

    #[test]
    fn where_an_account_only_adds_archive_command_must_call_the_program_by_its_own_name() {
        let found =
            |command: &str| archive_command(&Subject::default(), "main", command, "", "pgkeep");
        let pgbackrest = found("/usr/bin/pgbackrest --stanza=main archive-push %p");
        assert_eq!(pgbackrest.grade, Grade::Warn);
        assert!(format!("{pgbackrest:?}").contains("'pgkeep --stanza=main archive-push %p'"));
        let own = found("/usr/local/bin/pgkeep --stanza=main archive-push %p");
        assert_eq!(own.grade, Grade::Ok);
    }

    #[test]
    fn an_archive_command_is_never_shown() {
        let command = "PASS=hunter2 cp %p /archive/%f";
        let finding = archive_command(&Subject::default(), "main", command, "", "pgbackrest");
        assert!(!format!("{finding:?}").contains("hunter2"));
    }
}
