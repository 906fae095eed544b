//! The two machines of the guides, in a network of their own.

use std::path::Path;

use pgkeep_testkit::pgbackrest::PgBackRest;
use pgkeep_testkit::run::{Program, run};
use pgkeep_testkit::throw_away_root::{ThrowAwayRoot, ThrowAwayRootBuilder};

use crate::belongings::Belongings;
use crate::page::{Block, Result, blocks, root};

/// The fingerprint that stands on the page; a reader puts what was read out in its place.
const FINGERPRINT: &str = "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU";
/// The moment that stands on the page; a reader puts the one before the accident in its place.
const MOMENT: &str = "2026-11-25 14:04:00+00";
/// The public key that stands on the page; a reader puts the line of this file in its place.
const KEY: &str = "ssh-ed25519 AAAA… postgres@database";
const KEY_FILE: &str = "/var/lib/postgresql/.ssh/id_ed25519_repo.pub";
/// Where Debian's package has pgBackRest.
const PGBACKREST: &str = "/usr/bin/pgbackrest";
/// Where it is while such a block runs: programs of this machine cannot be added to.
const STAND_IN: &str = "/usr/local/sbin/pgbackrest";
/// Words of a page that take minutes, and shorter ones.
const SHORTER: &[(&str, &str)] = &[(
    "--probe-size=1GiB --probe-idle=10m",
    "--probe-size=1MiB --probe-idle=1s",
)];
/// Handed over by whatever means the hosts are administered with.
const SCRIPT: &str = "/tmp/sftp-host.sh";
const KEEPER_KEY: &str = "/tmp/keeper.pub";
/// Where the source of the program is, and commands are typed.
const SOURCE: &str = "/home/source";

/// `systemctl` where no systemd runs: `enable` and `start` do what the units say.
const SYSTEMCTL: &str = r#"#!/bin/sh
# What the guides need of systemctl.
set -eu
case $1 in
    daemon-reload) ;;
    enable) shift 2; for timer in "$@"; do [ -f "/etc/systemd/system/$timer" ]; done ;;
    start)
        instance=${2#*@}; instance=${instance%.service}
        unit=/etc/systemd/system/${2%%@*}@.service
        user=$(sed -n 's/^User=//p' "$unit")
        sed -n 's/^ExecStart=//p' "$unit" | sed "s/%i/$instance/g" | while read -r line; do sudo -u "$user" env -i PATH=/nowhere /bin/sh -c "$line"; done ;;
    *) echo "systemctl: $*" >&2; exit 1 ;;
esac
"#;

/// cron: each line of the schedule at once, with the search path and shell that cron has. Parameter: the schedule.
const CRON: &str = r#"
grep -v '^#' "$1" | while read -r minute hour day month weekday user line; do
    case $minute$hour$day$month$weekday in *[!-0-9*,/]*) echo "no time: $minute $hour $day $month $weekday"; exit 1 ;; esac
    sudo -u "$user" env -i PATH=/usr/bin:/bin SHELL=/bin/sh LOGNAME="$user" /bin/sh -c "$line"
    echo "cron: $line"
done
"#;

/// Waits for the end of recovery: whoever types sees it before going on. A server that is stopped or paused stays so.
const RECOVERED: &str = r#"
query='select case when pg_is_in_recovery() then pg_is_wal_replay_paused() else true end'
for attempt in $(seq 600); do
    [ "$(sudo -u postgres psql -XAtqc "$query" 2>/dev/null)" = f ] || exit 0
    sleep 0.1
done
echo "recovery does not end"; exit 1
"#;

/// Runs commands as one who types them: goes on after one that fails. Those that failed are kept in a file.
const TYPED: &str = r#"
set -E
trap 'printf "%s\0" "$BASH_COMMAND" >>/tmp/failed' ERR
cd "$1"
. "$2"
"#;

/// The machines.
pub struct Hosts {
    pub database: ThrowAwayRoot,
    sftp: ThrowAwayRoot,
    /// A third one, for a page that has it.
    keeper: Option<ThrowAwayRoot>,
    pgbackrest: PgBackRest,
    /// pgBackRest is on both machines all the time, not only while a block runs that names it.
    keeps_pgbackrest: bool,
    /// Words of a page that a reader replaces, and what stands there then.
    own: Vec<(String, String)>,
}

impl Hosts {
    /// PostgreSQL runs as its package leaves it and has the database and table of the pages, the program was built, sshd
    /// runs.
    pub fn new(program: &Program) -> Result<Self> {
        let network = ThrowAwayRoot::builder()
            .own_network()
            .address(([10, 0, 0, 2], 22).into());
        Self::in_network(program, network)
    }

    /// The same in this machine's network, where servers of the test are reached at 127.0.0.1.
    pub fn beside_servers(program: &Program) -> Result<Self> {
        Self::in_network(program, ThrowAwayRoot::builder())
    }

    fn in_network(program: &Program, network: ThrowAwayRootBuilder<'_>) -> Result<Self> {
        if !Path::new("/usr/lib/postgresql/15/bin/postgres").exists() {
            return Err(pgkeep_testkit::Error::missing("PostgreSQL 15 of Debian 12").into());
        }
        let pgbackrest = PgBackRest::rolling()?;
        let cache = pgkeep_testkit::installed::cache();
        let sftp = network.programs(&cache).make()?;
        // A disk of its own: how full this machine's is must not show in the audit.
        sftp.shell("mkdir -p /srv; mount -t tmpfs -o size=2g,mode=755 tmpfs /srv")?
            .success()?;
        sftp.start_sshd()?;
        sftp.add_sudo()?;
        let database = ThrowAwayRoot::builder()
            .network_of(&sftp)
            .programs(&cache)
            .make()?;
        database.add_postgres()?;
        database
            .shell(
                "install -d -o postgres -g postgres /var/log/postgresql /etc/postgresql /var/lib/postgresql/15
                 install -d /etc/postgresql-common /etc/systemd/system /etc/cron.d /home/source/target/release
                 pg_createcluster -u postgres 15 main -- --no-sync -k >/dev/null
                 echo 'fsync = off' >>/etc/postgresql/15/main/postgresql.conf
                 echo \"listen_addresses = ''\" >>/etc/postgresql/15/main/postgresql.conf
                 pg_ctlcluster 15 main start
                 sudo -u postgres createdb shop
                 sudo -u postgres psql -qd shop -c 'create table orders as select generate_series(1, 100) as id'",
            )?
            .success()?;
        std::fs::copy(
            program.path(),
            database.path(SOURCE).join("target/release/pgkeep"),
        )?;
        let hosts = Self {
            database,
            sftp,
            keeper: None,
            pgbackrest,
            keeps_pgbackrest: false,
            own: Vec::new(),
        };
        hosts.write("/usr-local-bin/systemctl", SYSTEMCTL, "755 root root")?;
        // Built is what is tested.
        hosts.write("/usr-local-bin/cargo", "#!/bin/sh\n", "755 root root")?;
        Ok(hosts)
    }

    /// Puts the program on the other machine as well.
    pub fn install_on_both(&self, program: &Program) -> Result<()> {
        self.sftp.install(program.path(), &["pgkeep"])?;
        self.database.install(program.path(), &["pgkeep"])?;
        Ok(())
    }

    /// Adds a machine with the program and without PostgreSQL.
    pub fn add_keeper(&mut self, program: &Program) -> Result<()> {
        let keeper = ThrowAwayRoot::builder()
            .network_of(&self.sftp)
            .programs(&pgkeep_testkit::installed::cache())
            .make()?;
        keeper.add_sudo()?;
        keeper.install(program.path(), &["pgkeep"])?;
        keeper.shell("mkdir -p /var/lib /etc/cron.d")?.success()?;
        self.keeper = Some(keeper);
        Ok(())
    }

    /// Two machines with pgBackRest, set up as the page says that is followed with its name in place of ours.
    pub fn follow_with_pgbackrest(&mut self, page: &str) -> Result<()> {
        let link = format!("ln -s {} {STAND_IN}", self.pgbackrest.path().display());
        self.shell(&link)?;
        self.sftp.shell(&link)?.success()?;
        self.keeps_pgbackrest = true;
        self.replace("/usr/local/bin/pgkeep", STAND_IN);
        self.replace(" pgkeep ", &format!(" {STAND_IN} "));
        self.follow(page, &[])?;
        self.own.clear();
        Ok(())
    }

    /// From now on this stands in commands in place of what the pages have.
    pub fn replace(&mut self, on_the_page: &str, own: &str) {
        self.own.push((on_the_page.to_owned(), own.to_owned()));
    }

    /// Writes a file of the database host; `mode` is "640 root postgres".
    pub fn write(&self, path: &str, text: &str, mode: &str) -> Result<()> {
        std::fs::write(self.database.path(path), text)?;
        let words: Vec<&str> = mode.split(' ').collect();
        let [mode, user, group] = words.as_slice() else {
            return Err(format!("'{mode}' is no mode, user and group").into());
        };
        let inside = path.replace("/usr-local-bin/", "/usr/local/bin/");
        self.shell(&format!(
            "chown {user}:{group} {inside}; chmod {mode} {inside}"
        ))?;
        Ok(())
    }

    /// Runs a line of shell on the database host; it must succeed.
    pub fn shell(&self, line: &str) -> Result<String> {
        Ok(self.database.shell(line)?.success()?.stdout)
    }

    /// Follows a page from its first command to its last, and compares what they print. Nothing that was on the database
    /// host is changed or removed, but what is `removed`. Commands that must not write over something may refuse to.
    pub fn follow(&self, page: &str, removed: &[&str]) -> Result<()> {
        let blocks = blocks(page)?;
        if blocks.is_empty() {
            return Err(format!("{page} has no commands").into());
        }
        let before = Belongings::of(&self.database)?;
        for block in blocks {
            let said = self
                .typed(&block)
                .map_err(|error| format!("{page}: {error}"))?;
            block.expect(&said)?;
        }
        before
            .are_there(&self.database, removed)
            .map_err(|error| format!("{page}: {error}").into())
    }

    /// Runs a block as it stands on the page, with what a reader replaces; returns what it printed.
    fn typed(&self, block: &Block) -> Result<String> {
        let host = match block.host.as_str() {
            "SFTP" | "repository" => &self.sftp,
            "keeper" => self.keeper.as_ref().ok_or("no test has a keeper host")?,
            _ => &self.database,
        };
        self.shell(RECOVERED)?;
        let mut text = block
            .commands
            .replace(FINGERPRINT, &self.sftp.fingerprint()?);
        if text.contains(MOMENT) {
            text = text.replace(MOMENT, &self.moment()?);
        }
        if text.contains(KEY) {
            let key = std::fs::read_to_string(self.database.path(KEY_FILE))?;
            text = text.replace(KEY, key.trim_end());
        }
        // The search path of the server leads there once the link of the page is gone, as to Debian's package.
        let package = text.contains(PGBACKREST) && !self.keeps_pgbackrest;
        text = text.replace(PGBACKREST, STAND_IN);
        if package {
            let pgbackrest = self.pgbackrest.path().display();
            self.shell(&format!("ln -s {pgbackrest} {STAND_IN}"))?;
        }
        for (on_the_page, own) in &self.own {
            text = text.replace(on_the_page, own);
        }
        for (long, short) in SHORTER {
            text = text.replace(long, short);
        }
        // The last command of all succeeds, so that one that fails is not told twice.
        std::fs::write(host.path("/tmp/block"), format!("{text}\ntrue\n"))?;
        host.shell(&format!("rm -f /tmp/failed; mkdir -p {SOURCE}"))?
            .success()?;
        let outcome = run(host
            .command("bash")
            .args(["-c", TYPED, "bash", SOURCE, "/tmp/block"]))?;
        let failed = std::fs::read_to_string(host.path("/tmp/failed")).unwrap_or_default();
        for command in failed.split_terminator('\0') {
            let refused = command.contains("set -C") || command.starts_with("sudo ln -s ");
            let exists = ["File exists", "cannot create"]
                .iter()
                .any(|why| outcome.stderr.contains(why));
            // It says with its exit status that something is to be mended.
            let doctor = command.ends_with(" doctor");
            if !(refused && exists || doctor && !outcome.stdout.contains("ERROR:")) {
                return Err(format!(
                    "this command failed:\n{command}\n\nof:\n{text}\n\n{}\n{}",
                    outcome.stdout, outcome.stderr
                )
                .into());
            }
        }
        if package {
            self.shell(&format!("rm {STAND_IN}"))?;
        }
        if self.database.path(SCRIPT).exists() {
            std::fs::copy(self.database.path(SCRIPT), self.sftp.path(SCRIPT))?;
        }
        if let Some(keeper) = &self.keeper
            && keeper.path(KEEPER_KEY).exists()
        {
            std::fs::copy(keeper.path(KEEPER_KEY), self.database.path(KEEPER_KEY))?;
        }
        self.sftp.wait_for_sshd()?;
        Ok(outcome.stdout)
    }

    /// A moment that was, after which something was written and archived.
    fn moment(&self) -> Result<String> {
        let said = self.shell(
            "sudo -u postgres psql -XAtqc 'select clock_timestamp()' \
             -c 'drop table if exists accident' -c 'create table accident ()' -c 'select pg_switch_wal()'",
        )?;
        Ok(said.lines().next().unwrap_or_default().to_owned())
    }

    /// Starts every line of the schedule as cron does.
    pub fn cron(&self, schedule: &str) -> Result<()> {
        let lines = std::fs::read_to_string(self.database.path(schedule))?
            .lines()
            .filter(|line| !line.starts_with('#'))
            .count();
        let outcome = run(self
            .database
            .command("sh")
            .args(["-ec", CRON, "sh", schedule]))?
        .success()?;
        let ran = outcome.stdout.matches("cron: ").count();
        if lines == 0 || ran != lines {
            return Err(format!("{ran} of {lines} lines of {schedule} ran").into());
        }
        Ok(())
    }

    /// How many backups of stanza `main` a repository has.
    pub fn backups(&self, repo: u32) -> Result<usize> {
        let said = self.shell(&format!(
            "sudo -u postgres /usr/local/bin/pgkeep --stanza=main --repo={repo} info"
        ))?;
        Ok(said.matches(" backup: ").count())
    }

    /// pgBackRest goes on with both repositories once the key of the server that it asks for is known, as the page on
    /// migrating says.
    pub fn pgbackrest_takes_over(&self) -> Result<()> {
        let said = self
            .sftp
            .shell("ssh-keygen -l -f /etc/ssh/ssh_host_ecdsa_key.pub")?
            .success()?
            .stdout;
        let fingerprint = said.split_whitespace().nth(1).unwrap_or_default();
        let pgbackrest = self.pgbackrest.path().display();
        self.shell(&format!(
            "cd /; sudo -u postgres pgkeep --fingerprint={fingerprint} sftp-setup >/dev/null
             sudo -u postgres {pgbackrest} --stanza=main check
             sudo -u postgres {pgbackrest} --stanza=main --repo=2 --type=incr backup"
        ))?;
        Ok(())
    }

    /// systemd itself reads units of the database host without complaint.
    pub fn units_are_valid(&self, units: &str) -> Result<()> {
        if !Path::new("/usr/bin/systemd-analyze").exists() {
            return Err(pgkeep_testkit::Error::missing("systemd-analyze").into());
        }
        let line = format!("cd /etc/systemd/system; systemd-analyze verify --man=no {units}");
        let outcome = self.database.shell(&line)?.success()?;
        if outcome.stderr.contains("pgkeep") {
            return Err(outcome.stderr.into());
        }
        Ok(())
    }

    /// Units of the package as they would be installed, with the program where the guides have it.
    pub fn add_package_units(&self) -> Result<()> {
        for entry in root().join("packaging/systemd").read_dir()? {
            let entry = entry?;
            let text = std::fs::read_to_string(entry.path())?
                .replace("/usr/bin/pgkeep", "/usr/local/bin/pgkeep");
            let path = format!(
                "/etc/systemd/system/{}",
                entry.file_name().to_string_lossy()
            );
            self.write(&path, &text, "644 root root")?;
        }
        Ok(())
    }
}
