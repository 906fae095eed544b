//! The checks: what each is called, what is looked at, and what it means when it is not in order.
//!
//! `docs/guide/doctor.md` has a section for each; a test compares.

use crate::report::check::checks;

checks! {
    STANZA_SECTION = "stanza-section", "stanzas of the configuration",
        "Without a section for the cluster nothing is known of it.";
    CONFIG_MODE = "config-mode", "who may read secrets of the configuration",
        "Who reads the file can decrypt the backups, or log in to where they are.";
    LOG_PATH = "log-path", "directory of log files",
        "Runs go on without a log, and nobody can tell afterwards why one failed.";
    LOCK_PATH = "lock-path", "directory of lock files",
        "Commands cannot take their locks and fail.";
    SPOOL_PATH = "spool-path", "directory for asynchronous archiving",
        "WAL is not archived, and PostgreSQL keeps it until its disk is full.";
    STOP = "stop", "commands that were stopped",
        "Backups and archiving are refused; PostgreSQL keeps its WAL until its disk is full.";
    HOOK = "hook", "programs that are run after an event",
        "Nobody is told how an event ended; and whoever can change the program can do what its user can.";
    RETENTION = "retention", "what expires",
        "Nothing is ever removed, so the repository fills up.";
    REPO_HOST = "repo-host", "options of a repository on another host",
        "This host and the repository's may work on different repositories, or expire different backups.";
    HOST_PROGRAM = "host-program", "the program on other hosts",
        "Releases that lie further apart do not understand each other, and one that is older may lack what this host asks for.";
    ENCRYPTION = "encryption", "encryption of repositories on other hosts",
        "Who has the other host, or its disks, has the database.";
    HOST_KEY = "host-key", "how the SFTP server proves who it is",
        "Somebody between the two hosts could receive the backups.";
    PRIVATE_KEY = "private-key", "the private key on this host",
        "Who can read or replace the file can log in to the repository.";
    TLS = "tls", "how the object store proves who it is",
        "Somebody between the two hosts could receive the backups, or replace them.";
    CLUSTER = "cluster", "the running cluster",
        "No backup can be made.";
    ARCHIVE_MODE = "archive-mode", "archive_mode",
        "No WAL reaches the repositories: backups cannot be restored to a later moment.";
    ARCHIVE_COMMAND = "archive-command", "archive_command",
        "WAL does not go where the backups are, or pgBackRest cannot take over.";
    WAL_LEVEL = "wal-level", "wal_level",
        "WAL lacks what recovery from a backup needs, and archiving cannot be turned on.";
    ARCHIVE_TIMEOUT = "archive-timeout", "archive_timeout",
        "While little is written, a segment may wait for hours to be archived; what is in it is lost with the server.";
    FULL_PAGE_WRITES = "full-page-writes", "full_page_writes",
        "A page torn by a crash cannot be mended.";
    DATA_CHECKSUMS = "data-checksums", "checksums of data pages",
        "Pages that the disk damaged go into backups without being noticed.";
    ARCHIVER = "archiver", "the archiver of the cluster",
        "Archiving fails now; PostgreSQL keeps its WAL until its disk is full.";
    WAL_WAITING = "wal-waiting", "WAL that waits to be archived",
        "Archiving does not keep up; what waits is lost with the server.";
    LEFT_DATABASE = "left-database", "what an interrupted restore-table has left",
        "A part of a database takes room in the cluster, and goes into every backup.";
    MOUNT = "mount", "the file system of the repository",
        "What is stored is not reachable, and what is stored now goes to the wrong disk.";
    REPOSITORY = "repository", "the repository",
        "Nothing can be backed up to it or restored from it.";
    RIGHTS = "rights", "what the account may do in the bucket",
        "Commands that need it fail, or leave something behind.";
    SPARE_RIGHTS = "spare-rights", "what the account may do and need not",
        "Whoever gets hold of the key can do more than the backups need.";
    PUBLIC = "public", "who can read the bucket",
        "Who reads the backups has all data of the cluster.";
    REPO_WRITE = "repo-write", "writing to the repository",
        "Neither backups nor WAL can be stored.";
    REMOVAL = "removal", "what a thief of the credentials could delete",
        "Somebody who gets into this host can destroy the backups along with the database.";
    CLOCK = "clock", "the repository's clock",
        "Left-overs are judged by their age, and logs of both sides do not fit.";
    STANZA = "stanza", "the stanza in the repository",
        "Backups and archiving are refused.";
    SYSTEM_ID = "system-id", "whose backups these are",
        "Backups and WAL of this cluster are refused, because the stanza is of another one.";
    BACKUP_AGE = "backup-age", "age of the newest backup",
        "A restore takes long, because all WAL since then must be replayed, and WAL may be missing.";
    FULL_AGE = "full-age", "age of the newest full backup",
        "All later backups rest on it: the older it is, the more is lost with one damaged file.";
    KEPT_LONGER = "kept-longer", "backups that only pgkeep keeps",
        "pgBackRest does not know what keeps them: wherever it runs `expire`, they are removed when retention is over.";
    KEEPER = "keeper", "retention by another account",
        "Nothing expires, so the repository fills up, and pgBackRest does not see the newest backups.";
    BACKUP_TIME = "backup-time", "backups of the future",
        "The clock was wrong, then or now. The next backup is refused until the time has come.";
    PAGE_ERRORS = "page-errors", "damaged pages in the newest backup",
        "The cluster itself has damaged pages; older backups may have them whole, and will expire.";
    DURABILITY = "durability", "how sure it is that the newest backup is on disk",
        "The server did not confirm that it flushed the files; after a crash of it they may be missing.";
    OLD_KEYS = "old-keys", "keys before repo-rekey --deep",
        "Whoever has read the keys before can still read what has them.";
    WAL = "wal", "WAL in the repository",
        "What the cluster has archived is not here: recovery ends before it.";
    REPO_SPACE = "repo-space", "room for the next full backup",
        "A full repository ends backups and archiving, and then PostgreSQL's own disk fills up.";
    RETENTION_SPACE = "retention-space", "room for what retention keeps",
        "The repository fills up before anything expires.";
    LOG_SPACE = "log-space", "room for log files",
        "Runs go on without a log.";
    SPOOL_SPACE = "spool-space", "room for asynchronous archiving",
        "WAL is not archived, and PostgreSQL keeps it until its disk is full.";
    WAL_SPACE = "wal-space", "room for pg_wal",
        "When it is full PostgreSQL stops.";
    REPO_MODE = "repo-mode", "who else may read or change the repository",
        "Other users of the host can read the database from its backups, or destroy them.";
    REPO_OWNER = "repo-owner", "who owns the repository",
        "Files of different owners shut out one of them; expiry and backups fail half-way.";
}

#[cfg(test)]
mod tests {
    use super::ALL;

    #[test]
    fn every_check_says_something_and_the_guide_has_a_section_for_it_in_order() {
        let guide = include_str!("../../../../docs/guide/doctor.md");
        crate::report::check::assert_described(ALL, guide);
    }
}
