//! The text of every statement a session sends, by server version.
//!
//! Functions are schema-qualified although the search path is set too. The texts appear in error messages, so their line
//! breaks are part of the interface. Label and restore point are quoted here; nothing else comes from outside.

use crate::version::PgVersion;

/// Statements that prepare a new connection, before anything is asked.
pub(crate) const PREPARE: [&str; 2] = [
    "set search_path = 'pg_catalog'",
    "set client_encoding = 'UTF8'",
];

/// Version and settings of the server; a null means that the user may not see a setting.
pub(crate) const SETTINGS: &str = "select (select setting from pg_catalog.pg_settings where name = 'server_version_num')::int4,\
    \x20(select setting from pg_catalog.pg_settings where name = 'data_directory')::text,\
    \x20(select setting from pg_catalog.pg_settings where name = 'archive_mode')::text,\
    \x20(select setting from pg_catalog.pg_settings where name = 'archive_command')::text,\
    \x20(select setting from pg_catalog.pg_settings where name = 'checkpoint_timeout')::int4";

/// A parallel worker cannot stop a backup although 9.6 marks the function as parallel-safe.
pub(crate) const NO_PARALLEL: &str = "set max_parallel_workers_per_gather = 0";

/// Hours may pass between two statements while files are copied; the user's or the server's limit is not meant for that.
pub(crate) const NO_IDLE_TIMEOUT: &str = "set idle_session_timeout = 0";

pub(crate) const IN_RECOVERY: &str = "select pg_catalog.pg_is_in_recovery()";

pub(crate) const TIME_MS: &str = "select (extract(epoch from clock_timestamp()) * 1000)::bigint";

pub(crate) const CHECKPOINT: &str = "checkpoint";

pub(crate) const DATABASES: &str = "select oid::oid, datname::text, \
    (select oid::oid from pg_catalog.pg_database where datname = 'template0') as datlastsysoid from pg_catalog.pg_database";

pub(crate) const TABLESPACES: &str = "select oid::oid, spcname::text from pg_catalog.pg_tablespace";

/// How the comment of a database begins that is being filled.
pub const UNFINISHED: &str = "pgkeep restore-table: not complete";

/// Settings and counters of the archiver. Names that a version lacks give null.
pub(crate) fn health(version: PgVersion) -> String {
    let setting = |name: &str| {
        format!("(select setting from pg_catalog.pg_settings where name = '{name}')::text")
    };
    let (wal, lsn) = (version.wal_name(), version.lsn_name());
    format!(
        "select {}, {}, {}, {}, {},\n       archived_count, last_archived_wal, extract(epoch from last_archived_time)::bigint,\n       \
         last_failed_wal, extract(epoch from last_failed_time)::bigint,\n       \
         case when not pg_catalog.pg_is_in_recovery()\n            then pg_catalog.pg_{wal}file_name(pg_catalog.pg_current_{wal}_insert_{lsn}()) end,\n       \
         (select pg_catalog.string_agg(pg_catalog.quote_ident(datname), E'\\n' order by datname) from pg_catalog.pg_database d\n         \
         where pg_catalog.shobj_description(d.oid, 'pg_database') like '{UNFINISHED}%'\n         \
         and not exists (select from pg_catalog.pg_stat_activity a where a.datname = d.datname)),\n       \
         extract(epoch from clock_timestamp())::bigint\n  from pg_catalog.pg_stat_archiver",
        setting("wal_level"),
        setting("archive_timeout"),
        setting("full_page_writes"),
        setting("data_checksums"),
        setting("archive_library"),
    )
}

/// How one family of versions starts and stops a non-exclusive backup.
struct BackupCalls {
    /// The first version of the family.
    since: PgVersion,
    start: &'static str,
    /// Arguments of the start function after label and speed.
    start_rest: &'static str,
    stop: &'static str,
    stop_arguments: &'static str,
}

/// Newest first. The stop functions are told not to wait for the archive.
const BACKUP_CALLS: [BackupCalls; 3] = [
    BackupCalls {
        since: PgVersion::V15,
        start: "pg_backup_start",
        start_rest: "",
        stop: "pg_backup_stop",
        stop_arguments: "false",
    },
    BackupCalls {
        since: PgVersion::V10,
        start: "pg_start_backup",
        start_rest: ", false",
        stop: "pg_stop_backup",
        stop_arguments: "false, false",
    },
    BackupCalls {
        since: PgVersion::V9_6,
        start: "pg_start_backup",
        start_rest: ", false",
        stop: "pg_stop_backup",
        stop_arguments: "false",
    },
];

fn backup_calls(version: PgVersion) -> &'static BackupCalls {
    let oldest = &BACKUP_CALLS[BACKUP_CALLS.len() - 1];
    BACKUP_CALLS
        .iter()
        .find(|calls| version >= calls.since)
        .unwrap_or(oldest)
}

/// A string constant; `standard_conforming_strings` is on in all supported versions unless someone turned it off, and then
/// a backslash would need more.
pub(crate) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

pub(crate) fn set_application_name(name: &str) -> String {
    format!("set application_name = {}", literal(name))
}

pub(crate) fn set_statement_timeout(milliseconds: u128) -> String {
    // The setting is a signed 32-bit number of milliseconds
    format!(
        "set statement_timeout = {}",
        milliseconds.min(i32::MAX as u128)
    )
}

pub(crate) fn start_backup(version: PgVersion, label: &str, fast: bool) -> String {
    let (wal, calls) = (version.wal_name(), backup_calls(version));
    format!(
        "select lsn::text as lsn,\n       pg_catalog.pg_{wal}file_name(lsn)::text as wal_segment_name\n  \
         from pg_catalog.{}({} || current_timestamp, {fast}{}) as lsn",
        calls.start,
        literal(label),
        calls.start_rest,
    )
}

pub(crate) fn stop_backup(version: PgVersion) -> String {
    let (wal, calls) = (version.wal_name(), backup_calls(version));
    format!(
        "select lsn::text as lsn,\n       pg_catalog.pg_{wal}file_name(lsn)::text as wal_segment_name,\n       \
         labelfile::text as backuplabel_file,\n       spcmapfile::text as tablespacemap_file\n  \
         from pg_catalog.{}({})",
        calls.stop, calls.stop_arguments,
    )
}

pub(crate) fn current_wal_file(version: PgVersion) -> String {
    let (wal, lsn) = (version.wal_name(), version.lsn_name());
    format!("select pg_catalog.pg_{wal}file_name(pg_catalog.pg_current_{wal}_insert_{lsn}())::text")
}

pub(crate) fn create_restore_point(name: &str) -> String {
    format!(
        "select pg_catalog.pg_create_restore_point({})::text",
        literal(name)
    )
}

pub(crate) fn switch_wal(version: PgVersion) -> String {
    let wal = version.wal_name();
    format!("select pg_catalog.pg_{wal}file_name(pg_catalog.pg_switch_{wal}())::text")
}

/// The function that says how far a standby has replayed, as messages name it.
pub(crate) fn replay_function(version: PgVersion) -> String {
    format!(
        "pg_catalog.pg_last_{}_replay_{}()",
        version.wal_name(),
        version.lsn_name()
    )
}

pub(crate) fn replay_lsn(version: PgVersion) -> String {
    format!("select {}::text", replay_function(version))
}

pub(crate) fn checkpoint_lsn(version: PgVersion) -> String {
    format!(
        "select checkpoint_{}::text from pg_catalog.pg_control_checkpoint()",
        version.lsn_name()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backups_start_as_each_version_wants_it() {
        let start = |version| start_backup(version, "pgBackRest backup started at ", false);
        assert_eq!(
            start(PgVersion::V15),
            "select lsn::text as lsn,\n       pg_catalog.pg_walfile_name(lsn)::text as wal_segment_name\n  from \
             pg_catalog.pg_backup_start('pgBackRest backup started at ' || current_timestamp, false) as lsn"
        );
        assert!(start(PgVersion::V14).ends_with(
            "pg_start_backup('pgBackRest backup started at ' || current_timestamp, false, false) as lsn"
        ));
        assert!(start(PgVersion::V9_6).contains("pg_xlogfile_name(lsn)"));
        assert!(
            start_backup(PgVersion::V19, "it's ", true)
                .contains("pg_backup_start('it''s ' || current_timestamp, true)")
        );
    }

    #[test]
    fn backups_stop_without_waiting_for_the_archive() {
        assert_eq!(
            stop_backup(PgVersion::V17),
            "select lsn::text as lsn,\n       pg_catalog.pg_walfile_name(lsn)::text as wal_segment_name,\n       \
             labelfile::text as backuplabel_file,\n       spcmapfile::text as tablespacemap_file\n  from \
             pg_catalog.pg_backup_stop(false)"
        );
        assert!(stop_backup(PgVersion::V12).ends_with("pg_catalog.pg_stop_backup(false, false)"));
        assert!(stop_backup(PgVersion::V9_6).ends_with("pg_catalog.pg_stop_backup(false)"));
    }

    #[test]
    fn old_servers_have_old_names() {
        assert_eq!(
            current_wal_file(PgVersion::V9_6),
            "select pg_catalog.pg_xlogfile_name(pg_catalog.pg_current_xlog_insert_location())::text"
        );
        assert_eq!(
            current_wal_file(PgVersion::V12),
            "select pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_insert_lsn())::text"
        );
        assert_eq!(
            switch_wal(PgVersion::V12),
            "select pg_catalog.pg_walfile_name(pg_catalog.pg_switch_wal())::text"
        );
        assert_eq!(
            replay_lsn(PgVersion::V9_6),
            "select pg_catalog.pg_last_xlog_replay_location()::text"
        );
    }

    #[test]
    fn settings_are_asked_in_one_row() {
        assert!(SETTINGS.starts_with("select (select setting from pg_catalog.pg_settings where name = 'server_version_num')::int4, ("));
        assert!(!SETTINGS.contains("  ") && !DATABASES.contains("  "));
    }
}
