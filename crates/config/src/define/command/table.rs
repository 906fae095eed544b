//! The commands, in the order of [`CommandId`].
//!
//! Each entry names what differs from [`CommandDef::new`]. Facts about locks, log and repositories are pgBackRest's; texts are
//! ours and what `help` prints.

use super::command_def::{
    BeginLevel, CommandDef, CommandId, ExitStatus, Host, LockKind, RepoUnset, Writes,
};

/// All commands, in the order of [`CommandId`].
pub static COMMANDS: &[CommandDef] = &[
    CommandDef {
        lock: LockKind::Backup,
        lock_at_start: true,
        lock_remote: true,
        log_file: false,
        writes: &[Writes::Repository],
        repo_unset: RepoUnset::All,
        summary: "Add, change or remove notes on a backup.",
        help: "A note is a pair of key and value kept with the backup set; `info --set` shows it. \
            Use it for ticket numbers or release names. Notes have no influence on retention, except \
            that of `--pin`, which keeps the set until a date or until it is released.\n\n\
            An existing key gets the new value; an empty value (`--annotation=ticket=`) removes the \
            key. Other keys of the set stay as they are.\n\n\
            Without `--repo` every repository that knows the label is changed.",
        examples: &[
            "pgkeep --stanza=demo --set=20260101-120000F --annotation=ticket=4711 annotate",
            "pgkeep --stanza=demo --set=20260101-120000F --pin=2027-01-31 annotate",
        ],
        ..CommandDef::new(CommandId::Annotate, "annotate")
    },
    CommandDef {
        parameters: (2, 2),
        parameter_usage: "WAL-NAME DESTINATION",
        lock: LockKind::Archive,
        log_file: false,
        host: Host::Postgres,
        writes: &[Writes::DataDirectory, Writes::Spool],
        repo_unset: RepoUnset::Search,
        exit: &[
            ExitStatus::new(1, "No repository has the file."),
            ExitStatus {
                ours: true,
                ..ExitStatus::new(126, "With `--archive-get-strict`: any error.")
            },
            ExitStatus {
                ours: true,
                ..ExitStatus::new(143, "With `--archive-get-strict`: ended by a signal.")
            },
        ],
        summary: "Fetch a WAL segment from the archive.",
        help: "Meant for PostgreSQL's `restore_command`, which `restore` sets up by itself. The \
            first parameter is the name of the file that PostgreSQL needs (`%f`), the second the \
            path to put it at (`%p`).\n\n\
            Exit status 0 means fetched, 1 means that no repository has the file, which is normal at \
            the end of recovery. Anything else is an error. Beware: unless it is a standby, \
            PostgreSQL ends recovery at an error up to 125 just as at 1; `--archive-get-strict` \
            prevents that.\n\n\
            All repositories are searched in the order of their numbers. With `archive-async` \
            segments are fetched ahead into the spool directory, which helps when the network has \
            much latency.",
        examples: &["restore_command = 'pgkeep --stanza=demo archive-get %f \"%p\"'"],
        ..CommandDef::new(CommandId::ArchiveGet, "archive-get")
    },
    CommandDef {
        parameters: (1, 1),
        parameter_usage: "WAL-PATH",
        lock: LockKind::Archive,
        lock_remote: true,
        stop_test: true,
        log_file: false,
        host: Host::Postgres,
        writes: &[Writes::Repository, Writes::Spool],
        repo_unset: RepoUnset::All,
        summary: "Store a WAL segment in the archive.",
        help: "Meant for PostgreSQL's `archive_command`; the parameter is the file PostgreSQL hands \
            over (`%p`). The command succeeds only when every repository has the file, since \
            PostgreSQL may remove the segment afterwards.\n\n\
            If one repository fails, the others still get the file, the command fails, and \
            PostgreSQL tries again. Copies that exist are recognized by their checksum. A segment of \
            the same name with other content is refused (exit code 45). The usual cause is that two \
            clusters archive into one stanza.\n\n\
            With `archive-async` a background process pushes many segments in parallel, and this \
            command only reports the result.",
        examples: &["archive_command = 'pgkeep --stanza=demo archive-push %p'"],
        ..CommandDef::new(CommandId::ArchivePush, "archive-push")
    },
    CommandDef {
        lock: LockKind::Backup,
        lock_at_start: true,
        lock_remote: true,
        stop_test: true,
        writes: &[Writes::Repository, Writes::Cluster],
        repo_unset: RepoUnset::First,
        summary: "Make a backup of a cluster.",
        help: "Copies the files of the cluster into one repository, by default the one with the \
            lowest number. `--type` chooses `full` (everything), `diff` (changes since the last full \
            backup) or `incr` (changes since the last backup of any kind, the default). Without a \
            prior backup a full one is made.\n\n\
            PostgreSQL keeps running. Before files are copied it makes a checkpoint. That may take \
            as long as its checkpoint settings say, unless `start-fast` is set. At the end the \
            command waits until the WAL that makes the backup consistent is in the archive.\n\n\
            After success old backups expire in the same run, unless `expire-auto` is off. Without \
            `--repo` they do so in all repositories.",
        examples: &[
            "pgkeep --stanza=demo --type=full backup",
            "pgkeep --stanza=demo --repo=2 --type=diff --start-fast backup",
        ],
        ..CommandDef::new(CommandId::Backup, "backup")
    },
    CommandDef {
        log_file: false,
        stop_test: true,
        writes: &[Writes::Cluster],
        repo_unset: RepoUnset::All,
        summary: "Check that configuration, archiving and repositories work together.",
        help: "Connects to every cluster of the stanza, compares it with the repositories, then \
            switches WAL on the primary and waits until the segment has arrived in each repository. \
            Run it after every change of configuration and from monitoring.\n\n\
            On a standby WAL is not switched. Without `--stanza` every stanza of the configuration \
            file is checked, and the command ends at the first that fails.\n\n\
            If a segment does not arrive within `archive-timeout`, the exit code is 82. Look into \
            the PostgreSQL log for errors of `archive_command`.",
        examples: &["pgkeep --stanza=demo check"],
        ..CommandDef::new(CommandId::Check, "check")
    },
    CommandDef {
        ours: true,
        log_file: false,
        host: Host::This,
        writes: &[Writes::ScratchDirectory],
        summary: "Try backup and restore with a throw-away cluster.",
        help: "Makes a small PostgreSQL cluster and an encrypted repository in a directory of its \
            own. Where an SSH server is installed, there is a second repository on an SFTP server \
            that is started for it. Takes backups while rows are written, drops a table, restores to \
            the moment before, and compares a restored copy with the cluster, file by file. The \
            commands are shown as they are run. At a terminal they come with progress and colours \
            (none if `NO_COLOR` is set), elsewhere as plain text.\n\n\
            No configuration file is read and no existing cluster is touched. PostgreSQL server \
            programs must be installed. The directory is removed at the end unless `--demo-keep` is \
            given.",
        examples: &[
            "pgkeep demo",
            "pgkeep --demo-keep --demo-path=/tmp/pgkeep-demo demo",
        ],
        ..CommandDef::new(CommandId::Demo, "demo")
    },
    CommandDef {
        ours: true,
        log_file: false,
        log_level_default: BeginLevel::Debug,
        host: Host::This,
        writes: &[Writes::Repository],
        repo_unset: RepoUnset::All,
        exit: &[
            ExitStatus::new(1, "Something warns."),
            ExitStatus::new(2, "Something failed."),
        ],
        summary: "Look for what will hinder backups, archiving or a restore.",
        help: "Looks at the configuration, the settings of the cluster, every repository, clocks, \
            space and permissions. Each finding comes with the command or setting that repairs it, \
            the worst last. What is in order is shown with `--verbose` only. A cluster that is down \
            or a repository out of reach is a finding like others, and the rest is still examined. \
            Without `--stanza` all stanzas of the configuration are examined.\n\n\
            Nothing is switched, archived or restored, so it can run every few minutes. (`check` \
            tries whether a segment arrives, `verify` reads what is stored.) Each repository gets an \
            empty file `.pgkeep-doctor-…`, which is removed at once. It shows that the repository \
            can be written to, and what its clock says.\n\n\
            Exit status: 0 everything is in order, notes aside; 1 something warns; 2 something \
            failed. Other numbers mean that nothing could be examined, for instance because of an \
            invalid configuration.",
        examples: &[
            "pgkeep doctor",
            "pgkeep --stanza=demo --backup-age-max=26h --full-age-max=8d doctor",
            "pgkeep --output=json --log-level-console=off doctor",
        ],
        ..CommandDef::new(CommandId::Doctor, "doctor")
    },
    CommandDef {
        ours: true,
        host: Host::This,
        writes: &[Writes::ScratchDirectory],
        repo_unset: RepoUnset::Search,
        summary: "Rehearse a restore and prove that the cluster is whole.",
        help: "Restores a backup into a scratch directory, starts PostgreSQL there on a private socket, \
            replays WAL to the target, and proves: the WAL chain is complete, page checksums are \
            right, `pg_amcheck` (from version 14 on) finds nothing, all rows of all databases can be \
            read, and your own SQL checks return what they must. It reports how long a restore takes \
            and to which moment it leads, and removes everything. The exit code is 0 only if all \
            proofs pass.\n\n\
            The newest backup and all WAL is taken, or what `--set`, `--type` and `--target` say as \
            for `restore`. The original cluster is not touched: archiving, replication, preloaded \
            libraries and the settings of the original are off in the scratch cluster. Nothing that \
            was written there reaches the archive.\n\n\
            Run it as the user who runs PostgreSQL, on any host that reaches the repository and has \
            the programs of the same major version (12 or newer).",
        examples: &[
            "pgkeep --stanza=demo drill",
            "pgkeep --stanza=demo --drill-random --drill-check-file=/etc/pgbackrest/demo.checks drill",
            "pgkeep --stanza=demo --drill-history drill",
        ],
        ..CommandDef::new(CommandId::Drill, "drill")
    },
    CommandDef {
        lock: LockKind::Backup,
        lock_at_start: true,
        lock_remote: true,
        stop_test: true,
        writes: &[Writes::Repository],
        repo_unset: RepoUnset::All,
        summary: "Remove backups and WAL that retention no longer covers.",
        help: "Applies the `repo-retention-…` options: first to full backups, with everything that \
            depends on them, then to differential backups, then to WAL, then to old manifests in the \
            history. `backup` does this by itself unless `expire-auto` is off. Pinned backups \
            (`annotate --pin`) stay.\n\n\
            `--set` removes one backup and those that build on it, whatever retention says; \
            `--oldest` removes the oldest full backup. `--dry-run` shows what would be removed and \
            changes nothing.\n\n\
            A problem in one repository does not stop the work on the others. The exit code is then \
            104.",
        examples: &[
            "pgkeep --stanza=demo --dry-run expire",
            "pgkeep --stanza=demo --repo=1 --set=20260101-120000F expire",
        ],
        ..CommandDef::new(CommandId::Expire, "expire")
    },
    CommandDef {
        parameters: (0, 2),
        parameter_usage: "[COMMAND [OPTION]]",
        log_file: false,
        log_level_default: BeginLevel::Debug,
        host: Host::This,
        summary: "Get help.",
        help: "Without parameters it lists the commands. With a command it lists its options. With a \
            command and an option it shows everything about that option.\n\n\
            Help for a command reads the configuration as the command itself would, and shows the \
            values in effect beside the defaults. Secrets are never shown.\n\n\
            `--as` writes the manual page or a completion script for a shell.",
        examples: &[
            "pgkeep help",
            "pgkeep help backup",
            "pgkeep help backup repo-path",
            "pgkeep help --as=man",
        ],
        ..CommandDef::new(CommandId::Help, "help")
    },
    CommandDef {
        log_file: false,
        log_level_default: BeginLevel::Debug,
        repo_unset: RepoUnset::All,
        summary: "Show backups and the state of repositories.",
        help: "Shows for each stanza the state of its repositories, the WAL range in the archive and \
            the backups with times, sizes and the backups that they build on. All repositories are \
            shown together; `--repo` limits the view to one.\n\n\
            `--set` shows one backup in detail, with databases, tablespaces, links and notes. For \
            monitoring use `--output=json`.\n\n\
            The exit status is 0 even when a stanza is missing or a repository cannot be read; the \
            state is in the text and, in JSON, in `status.code`. The progress of a running backup is \
            shown only on the host where it runs.",
        examples: &[
            "pgkeep info",
            "pgkeep --stanza=demo --set=20260101-120000F info",
            "pgkeep --output=json info",
        ],
        ..CommandDef::new(CommandId::Info, "info")
    },
    CommandDef {
        internal: true,
        log_file: false,
        log_level_default: BeginLevel::Debug,
        repo_unset: RepoUnset::First,
        summary: "Show the manifest of a backup.",
        help: "The manifest is the list of the files of a backup. Prints a summary and the list: \
            where each file is stored, its size, its checksum, and which backup stores it.\n\n\
            Nothing is changed. The form of the text may change between versions, so scripts should \
            use `--output=json`.",
        examples: &["pgkeep --stanza=demo --set=latest manifest"],
        ..CommandDef::new(CommandId::Manifest, "manifest")
    },
    CommandDef {
        ours: true,
        log_file: false,
        log_level_default: BeginLevel::Debug,
        writes: &[Writes::OutputFile],
        repo_unset: RepoUnset::All,
        summary: "Print metrics for Prometheus.",
        help: "Prints once, as OpenMetrics text, what Prometheus stores of all stanzas, or of that of \
            `--stanza`. With `metrics-file` it goes to a file, as node_exporter collects it from its \
            textfile directory. The names, labels and values of `pgbackrest_…` are those of \
            pgbackrest_exporter for `info`, so that its dashboards and alerts fit. Those of `pgkeep_…` \
            tell more: the newest moment that can be restored, missing WAL, verification, drills and the \
            spool. A value that is not known is left out.\n\n\
            The exit status is 0 even when a stanza is missing or a repository cannot be read: that is in \
            `pgbackrest_stanza_status` and `pgbackrest_repo_status`, and alerts are made of them. A timer \
            that failed as well would report the same fault every few minutes. It is not 0 where the \
            metrics could not be written; then the file stays as it was and gets old, which \
            `node_textfile_mtime_seconds` shows.\n\n\
            Messages go to standard error. It reads as much of the repositories as `info --output=table`.",
        examples: &[
            "pgkeep metrics",
            "pgkeep --metrics-file=/var/lib/prometheus/node-exporter/pgkeep.prom metrics",
        ],
        ..CommandDef::new(CommandId::Metrics, "metrics")
    },
    CommandDef {
        ours: true,
        stop_test: true,
        writes: &[Writes::Repository],
        repo_unset: RepoUnset::First,
        summary: "Copy backups and WAL into another repository.",
        help: "Copies from the repository of `--repo` to that of `--repo-to`, without the database. Both \
            are in the configuration of this host; they may have other types of storage, and each its \
            own passphrase or none. Without `--set` everything is copied. With it only these backups, those \
            that they refer to, and the WAL that makes them consistent; `--wal=all` copies all WAL from \
            the oldest of them on.\n\n\
            Each file is verified on the way, by the checksum in the manifest or in the name of the \
            WAL segment. A backup with a damaged or missing file is not published, the others are, and \
            the exit code says so. What the target has already, with the right size, is not copied \
            again, so a run that was cut off is continued by the same command.\n\n\
            The stanza is made in the target if it is missing. A target that has another cluster under \
            this name is refused. Backups to the source and archiving go on meanwhile. The target takes \
            no backup and no expire until the copy has ended; its own retention then applies to what \
            was copied.",
        examples: &[
            "pgkeep --stanza=demo --repo=1 --repo-to=2 --dry-run repo-copy",
            "pgkeep --stanza=demo --repo=1 --repo-to=2 repo-copy",
            "pgkeep --stanza=demo --repo=1 --repo-to=2 --set=latest --wal=all repo-copy",
        ],
        ..CommandDef::new(CommandId::RepoCopy, "repo-copy")
    },
    CommandDef {
        parameters: (1, 1),
        parameter_usage: "FILE",
        log_file: false,
        log_level_default: BeginLevel::Debug,
        repo_unset: RepoUnset::First,
        exit: &[ExitStatus::new(
            1,
            "With `--ignore-missing`: the file is missing.",
        )],
        summary: "Copy a file of a repository to standard output.",
        help: "Writes the file to standard output. It is decrypted, unless `--raw` is given, but not \
            decompressed. The path is relative to the repository.\n\n\
            In an encrypted repository, files that belong to no stanza have no key and need `--raw`. \
            A missing file gives exit code 55, or with `--ignore-missing` exit code 1 and no \
            message.",
        examples: &["pgkeep --repo=1 repo-get backup/demo/backup.info"],
        ..CommandDef::new(CommandId::RepoGet, "repo-get")
    },
    CommandDef {
        parameters: (0, 1),
        parameter_usage: "[PATH]",
        log_file: false,
        log_level_default: BeginLevel::Debug,
        repo_unset: RepoUnset::First,
        summary: "List what is in a repository.",
        help: "Lists one directory of the repository, or all below it with `--recurse`. The path is \
            relative to the repository; without it the listing starts at the top.\n\n\
            A missing directory looks like an empty one, because object stores have no directories. \
            `--output=json` adds type, size and time.",
        examples: &["pgkeep --repo=1 --recurse --filter='\\.gz$' repo-ls archive/demo"],
        ..CommandDef::new(CommandId::RepoLs, "repo-ls")
    },
    CommandDef {
        ours: true,
        log_file: false,
        writes: &[Writes::Repository],
        repo_unset: RepoUnset::First,
        summary: "Change the passphrase of a repository.",
        help: "Encrypts the info files of all stanzas with `repo-cipher-pass-new` in place of \
            `repo-cipher-pass`, in seconds. Backups and WAL are not touched: each has a key of its \
            own, which lies in these files. Afterwards set `repo-cipher-pass` to the new passphrase \
            on every host. Until then its commands fail, and PostgreSQL keeps its WAL.\n\n\
            Who knows the old passphrase cannot open the repository any more, unless he has a copy of \
            the old info files or has read the keys in them. Against that `--deep` gives WAL and manifests new \
            keys too, in a repository on this host; for others make a new repository.\n\n\
            No other command of the repository may run meanwhile. A run that is cut off leaves a \
            repository that one of the two passphrases opens; run it again to finish it. Both \
            programs read the result.",
        examples: &[
            "pgkeep --repo=1 repo-rekey",
            "pgkeep --repo=1 --deep repo-rekey",
        ],
        ..CommandDef::new(CommandId::RepoRekey, "repo-rekey")
    },
    CommandDef {
        internal: true,
        parameters: (0, 1),
        parameter_usage: "[PATH]",
        log_file: false,
        log_level_default: BeginLevel::Debug,
        writes: &[Writes::Repository],
        repo_unset: RepoUnset::First,
        summary: "Remove files from a repository.",
        help: "Removes a file, or with `--recurse` a directory and all below it. There is no \
            question, and no check whether a backup still needs the files.\n\n\
            To remove a backup use `expire --set`, to remove a whole stanza `stanza-delete`.",
        examples: &["pgkeep --repo=1 --recurse repo-rm backup/old-stanza"],
        ..CommandDef::new(CommandId::RepoRm, "repo-rm")
    },
    CommandDef {
        ours: true,
        log_file: false,
        log_level_default: BeginLevel::Debug,
        writes: &[Writes::OutputFile],
        repo_unset: RepoUnset::All,
        summary: "Write a page about all backups.",
        help: "Writes one HTML page about all stanzas, or that of `--stanza`: the state of each repository, \
            the moments that can be restored and where WAL is missing, the backups with their sizes over \
            time, what retention keeps and what goes next, the last drill, and what `doctor` finds with \
            the command that mends it. The page is one file without scripts that loads nothing, so it can \
            be mailed, printed or put on any server. With `report-file` it goes to a file.\n\n\
            The exit status is 0 even when a repository cannot be read: the page says so. It is not 0 \
            where the page could not be written; then the file stays as it was. `doctor` has an exit \
            status for programs.\n\n\
            Messages go to standard error. It reads as much of the repositories as `info --output=table` \
            and what `doctor` reads; nothing is changed but the file that `doctor` leaves in each \
            repository for a moment. Without `report-doctor` there is none.",
        examples: &[
            "pgkeep report > backups.html",
            "pgkeep --report-file=/var/www/html/backups.html report",
            "pgkeep --stanza=demo --no-report-doctor report",
        ],
        ..CommandDef::new(CommandId::Report, "report")
    },
    CommandDef {
        lock: LockKind::Restore,
        lock_at_start: true,
        host: Host::Postgres,
        writes: &[Writes::DataDirectory, Writes::Spool],
        repo_unset: RepoUnset::Search,
        summary: "Restore a cluster from a backup.",
        help: "Writes the files of one backup into the data directory and prepares recovery, so that \
            PostgreSQL only has to be started. Without `--set` the newest backup is taken, or for \
            `--type=time` and `lsn` the newest that ended before the target.\n\n\
            PostgreSQL must be stopped, and the directory must be empty unless `--delta` (keep what \
            is unchanged, replace the rest) or `--force` (replace everything) is given. Both remove \
            files that do not belong to the backup.\n\n\
            As `pgkeep` the restore is planned first, and `--dry-run` only prints the plan. A target \
            that the WAL in the archive cannot reach is refused before anything is changed. At a \
            terminal you are asked once before files are overwritten or removed, unless `--force` is \
            given.\n\n\
            A cluster whose restore was interrupted cannot be started by accident, because \
            `pg_control` is written last. Run the restore again with `--delta` to continue.",
        examples: &[
            "pgkeep --stanza=demo restore",
            "pgkeep --stanza=demo --delta --dry-run restore",
            "pgkeep --stanza=demo --delta --type=time --target='2026-01-01 12:00:00+00' restore",
        ],
        ..CommandDef::new(CommandId::Restore, "restore")
    },
    CommandDef {
        ours: true,
        host: Host::This,
        prints_data: true,
        writes: &[
            Writes::ScratchDirectory,
            Writes::OutputFile,
            Writes::Cluster,
        ],
        repo_unset: RepoUnset::Search,
        summary: "Restore a table, a schema or a database.",
        help: "Takes tables, a schema or one database out of a backup, as they were at the end of the archive \
            or at the moment that `--type` and `--target` name as for `restore`: as a dump on standard \
            output or in a file, or into a running cluster, there beside or in place of what is \
            there. The cluster the backup was made of is not touched otherwise.\n\n\
            The files of that database and of the system's are restored into a scratch directory, a server \
            that nobody reaches replays WAL there, and `pg_dump` of its version makes the dump. All is \
            removed at the end. Messages go to standard error.\n\n\
            Run it as the user who runs PostgreSQL, on any host that reaches the repository and has \
            the programs of the same major version (12 or newer).",
        examples: &[
            "pgkeep --stanza=demo --table=shop.public.orders restore-table >orders.sql",
            "pgkeep --stanza=demo --table=shop.public.orders --type=time --target='2026-01-01 12:00:00+00' --to-cluster --to-schema=restored restore-table",
            "pgkeep --stanza=demo --database=shop --dump-format=custom --dump-file=/srv/shop.dump restore-table",
        ],
        ..CommandDef::new(CommandId::RestoreTable, "restore-table")
    },
    CommandDef {
        ours: true,
        host: Host::This,
        repo_unset: RepoUnset::All,
        summary: "Answer requests for metrics, health and the report.",
        help: "Listens for HTTP, on this host alone unless `serve-address` says otherwise: `/metrics` is the text \
            of `metrics`, for Prometheus; `/` is the page of `report`; `/health` is JSON, with status 200 if every stanza is in \
            order and 503 if not. It changes nothing, and answers GET and HEAD only.\n\n\
            The repositories are read when somebody asks and what was read is older than \
            `serve-cache-age`. If they cannot be read, the answers are the last ones and say so.\n\n\
            Other hosts are answered only over TLS, and only with the token of `serve-token-file`; without \
            both it does not start on an address that they reach. It stays in the foreground; let the \
            service manager start it (socket activation works). SIGHUP reads the configuration, certificate \
            and token again, but not the address. SIGTERM ends it.",
        examples: &[
            "pgkeep serve",
            "pgkeep --serve-address=* --serve-cert-file=/etc/pgbackrest/cert/serve.crt --serve-key-file=/etc/pgbackrest/cert/serve.key --serve-token-file=/etc/pgbackrest/serve.token serve",
        ],
        ..CommandDef::new(CommandId::Serve, "serve")
    },
    CommandDef {
        host: Host::This,
        summary: "Run the TLS server for connections from other hosts.",
        help: "Accepts connections over TLS as an alternative to SSH. It stays in the foreground; let \
            the service manager start it. Each connection gets a process of its own with the rights \
            of the user who runs the server.\n\n\
            Clients must present a certificate signed by the CA of the server, and its common name \
            must be listed in `tls-server-auth` or `tls-server-rights`. The log says who was refused \
            and why. Paths and all other options come from the configuration of the server, whatever \
            the client says.\n\n\
            SIGHUP reads configuration and certificates again. If anything in them is wrong, the log \
            says so and what was read before stays in force. Connections that exist are not touched. \
            SIGTERM ends the server and its connections. If the port is taken, the command fails at \
            once with exit code 41.",
        examples: &["pgkeep server"],
        ..CommandDef::new(CommandId::Server, "server")
    },
    CommandDef {
        parameters: (0, 1),
        parameter_usage: "[HOST]",
        log_file: false,
        host: Host::This,
        summary: "Ping a TLS server.",
        help: "Connects, exchanges a greeting, and disconnects. Certificates are not checked and none \
            is sent, so success says only that a server listens and answers.\n\n\
            Host and port default to `tls-server-address` and `tls-server-port`. Without an answer \
            within `io-timeout` the exit code is 49. If a pgBackRest answers, the error says so, with \
            exit code 39.",
        examples: &["pgkeep server-ping pg1.example.com"],
        ..CommandDef::new(CommandId::ServerPing, "server-ping")
    },
    CommandDef {
        ours: true,
        log_file: false,
        host: Host::This,
        writes: &[Writes::Repository],
        repo_unset: RepoUnset::First,
        exit: &[
            ExitStatus::new(1, "Something warns."),
            ExitStatus::new(2, "Something failed."),
        ],
        summary: "Audit the account on an SFTP server.",
        help: "Logs in with the key of the repository and tries what such an account must not be \
            able to do: run programs, get a terminal, forward ports, sockets, displays or agents, \
            leave its directory, change its own keys, see others' data. Also looks at how the server \
            lets users in, which algorithms it offers, free space, clocks, and at the key and the \
            known hosts file on this side.\n\n\
            Each check passes, warns, fails, or is not tested. What does not pass comes with the \
            line of `sshd_config` that repairs it. That the account may change and remove backups is \
            shown as a risk. Nothing that exists is changed: rights are tried on files made for the \
            purpose in a directory `.pgkeep-audit-…`, which is removed.\n\n\
            Exit status: 0 everything passed, 1 something warns, 2 something failed. Other numbers \
            mean that the audit could not be made.",
        examples: &[
            "pgkeep sftp-audit",
            "pgkeep --repo=2 --output=json sftp-audit",
        ],
        ..CommandDef::new(CommandId::SftpAudit, "sftp-audit")
    },
    CommandDef {
        ours: true,
        log_file: false,
        host: Host::This,
        writes: &[Writes::Repository],
        repo_unset: RepoUnset::First,
        summary: "Measure what an SFTP server can do.",
        help: "Shows the extensions and limits of the server, whether files can be created \
            exclusively, renamed over others and flushed to disk, how directories are listed, how \
            many connections and sessions are allowed, and how fast bytes and small files are moved \
            at the measured distance. Ends with the algorithms that both the server and \
            pgkeep have, strongest first, with the settings to use, and with whether the account may \
            only add files, or could be made so (`repo-sftp-append-only`).\n\n\
            Writes to a directory `.pgkeep-probe-…` in the repository, which is removed. With an \
            account that may only add, four small files stay and speed is not measured. \
            `--probe-size` limits the bytes sent; `--probe-idle` also waits for the server to end a \
            connection on which nothing happens.",
        examples: &[
            "pgkeep sftp-probe",
            "pgkeep --repo=2 --probe-idle=10m --output=json sftp-probe",
        ],
        ..CommandDef::new(CommandId::SftpProbe, "sftp-probe")
    },
    CommandDef {
        ours: true,
        log_file: false,
        log_level_default: BeginLevel::Debug,
        host: Host::This,
        writes: &[Writes::SshFiles],
        repo_unset: RepoUnset::Search,
        summary: "Prepare an SFTP repository: key, host keys, script for the server.",
        help: "To be run once on the database host, by the user who runs the backups, before the \
            repository is configured. Options of the repository come from the configuration file or \
            the command line; host and user are enough.\n\n\
            Makes an Ed25519 key unless the file exists. Prints a shell script for the SFTP host: \
            read it, then run it there as root. The script makes an account that can do SFTP and \
            nothing else, in a directory that it cannot leave, and checks the result. It may be run \
            again, and with the word --undo it takes back what it made, but no backups. Afterwards \
            the lines for the configuration are printed.\n\n\
            With `--append-only` the script makes two accounts: the one of this host may only add files, \
            and a second one, with a key of another host, keeps the repository.\n\n\
            The server's host keys are shown. They become known hosts only after they were compared \
            with what the server's administrator reads out: either that is given as `--fingerprint`, \
            or the command asks at the terminal. Without both the command prints the script and ends \
            with exit code 37. If the key is another one it ends with 101. The script shows the \
            fingerprints too when it is run on the server. The command itself only reads the host keys of the server. It changes nothing there.",
        examples: &[
            "pgkeep --repo2-sftp-host=backup.example.com --repo2-sftp-host-user=pgbackup --sftp-script=/tmp/sftp-host.sh sftp-setup",
            "pgkeep --repo=2 --fingerprint=SHA256:2tYQuUf1tBrDFvbpXwzsN6BNxT8lVhVfXmDVLWpJiAQ sftp-setup",
            "pgkeep --repo=2 --append-only --sftp-keeper-key=/tmp/keeper.pub --sftp-script=/tmp/sftp-host.sh sftp-setup",
        ],
        ..CommandDef::new(CommandId::SftpSetup, "sftp-setup")
    },
    CommandDef {
        lock: LockKind::All,
        lock_at_start: true,
        lock_remote: true,
        stop_test: true,
        writes: &[Writes::Repository],
        repo_unset: RepoUnset::All,
        summary: "Create the files a stanza needs in the repositories.",
        help: "Run once per stanza after it has been configured, and again after a repository was \
            added. The primary must be reachable, because the identity of the cluster is recorded. \
            `--no-online` reads it from the data directory instead.\n\n\
            It may be run again without harm. A repository that is complete and matches is not \
            changed, and a lost copy of a file is written again. In encrypted repositories the \
            stanza gets keys of its own.",
        examples: &["pgkeep --stanza=demo stanza-create"],
        ..CommandDef::new(CommandId::StanzaCreate, "stanza-create")
    },
    CommandDef {
        lock: LockKind::All,
        lock_at_start: true,
        lock_remote: true,
        writes: &[Writes::Repository, Writes::StopFile],
        repo_unset: RepoUnset::Required,
        summary: "Delete a stanza with all its backups and WAL.",
        help: "Removes everything that one repository has for the stanza. There is no way back. If \
            there are several repositories, name one with `--repo`.\n\n\
            For safety the stanza must have been stopped on this host (`stop`), and PostgreSQL must \
            not run unless `--force` is given.",
        examples: &[
            "pgkeep --stanza=demo stop",
            "pgkeep --stanza=demo --repo=1 stanza-delete",
        ],
        ..CommandDef::new(CommandId::StanzaDelete, "stanza-delete")
    },
    CommandDef {
        lock: LockKind::All,
        lock_at_start: true,
        lock_remote: true,
        stop_test: true,
        writes: &[Writes::Repository],
        repo_unset: RepoUnset::All,
        summary: "Tell the repositories about a new version of the cluster.",
        help: "Run after pg_upgrade, or after the cluster was initialized anew, and before the first \
            backup of the new cluster. Until then WAL of the new cluster is refused. Old backups can \
            still be restored.\n\n\
            Nothing happens if the repositories are up to date. `--no-online` reads the identity of \
            the cluster from the data directory.",
        examples: &["pgkeep --stanza=demo stanza-upgrade"],
        ..CommandDef::new(CommandId::StanzaUpgrade, "stanza-upgrade")
    },
    CommandDef {
        host: Host::This,
        writes: &[Writes::StopFile],
        summary: "Allow commands on this host again.",
        help: "Takes back what `stop` did, for one stanza or, without `--stanza`, for all. A stop \
            for all stanzas and a stop for one are independent of each other: each needs its own \
            `start`.\n\n\
            Other hosts are not affected.",
        examples: &["pgkeep --stanza=demo start"],
        ..CommandDef::new(CommandId::Start, "start")
    },
    CommandDef {
        host: Host::This,
        writes: &[Writes::StopFile],
        summary: "Keep commands from running on this host.",
        help: "Until `start` is run, these commands refuse to run (exit code 62): `archive-push`, \
            `backup`, `check`, `expire`, `repo-copy`, `stanza-create` and `stanza-upgrade`. This holds \
            for one stanza or, without `--stanza`, for all. Commands that are running already go on, unless \
            `--force` is given, which ends them.\n\n\
            PostgreSQL keeps the WAL that is not archived meanwhile, so watch the disk. Other \
            commands and other hosts are not affected.",
        examples: &["pgkeep --stanza=demo stop", "pgkeep --force stop"],
        ..CommandDef::new(CommandId::Stop, "stop")
    },
    CommandDef {
        repo_unset: RepoUnset::All,
        summary: "Verify backups and WAL in a repository.",
        help: "Reads every WAL segment and every file of every backup, decrypts and decompresses it, \
            and compares checksum and size. So the whole repository is read. `--set` limits the work \
            to one backup and the WAL it needs. Without `--repo` all repositories are verified one \
            after the other (as `pgbackrest` only the first).\n\n\
            The result is in the log, and with `--output=text` it is printed. Without `--verbose` \
            nothing is shown when all is in order. As `pgkeep` the exit code is that of the worst \
            finding: 55 something is missing, 26 a checksum is wrong, 28 a size is wrong or a file \
            cannot be used, 45 a segment is stored twice. As `pgbackrest` it is 0 whenever the check \
            could be made.",
        examples: &["pgkeep --stanza=demo --output=text verify"],
        ..CommandDef::new(CommandId::Verify, "verify")
    },
    CommandDef {
        log_file: false,
        log_level_default: BeginLevel::Debug,
        host: Host::This,
        summary: "Get the version.",
        help: "Prints name and version of the program. `--output=num` prints a number that grows \
            with each version and is easy to compare. `--algorithms` adds the SSH algorithms that \
            are built in.",
        examples: &["pgkeep version", "pgkeep --algorithms version"],
        ..CommandDef::new(CommandId::Version, "version")
    },
];
