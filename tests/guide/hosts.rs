//! The two machines of the guide, in a network of their own, in the state in which the page begins.

use pgkeep_testkit::run::{Program, run};
use pgkeep_testkit::throw_away_root::ThrowAwayRoot;

use crate::page::{Block, Result};

/// The fingerprint that stands on the page; a reader puts what was read out in its place.
const EXAMPLE: &str = "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU";
/// Handed over by whatever means the hosts are administered with.
const SCRIPT: &str = "/tmp/sftp-host.sh";

/// `systemctl` where no systemd runs: `start` does what the unit says.
const SYSTEMCTL: &str = r#"#!/bin/sh
# What the guide needs of systemctl.
set -eu
case $1 in
    daemon-reload) ;;
    enable) shift 2; for timer in "$@"; do [ -f "/etc/systemd/system/$timer" ]; done ;;
    start)
        instance=${2#*@}; instance=${instance%.service}
        unit=/etc/systemd/system/${2%%@*}@.service
        user=$(sed -n 's/^User=//p' "$unit")
        sed -n 's/^ExecStart=//p' "$unit" | sed "s/%i/$instance/g" | while read -r line; do sudo -u "$user" sh -c "$line"; done ;;
    *) echo "systemctl: $*" >&2; exit 1 ;;
esac
"#;

pub struct Hosts {
    database: ThrowAwayRoot,
    sftp: ThrowAwayRoot,
}

impl Hosts {
    /// PostgreSQL runs as its package leaves it, pgkeep is installed, sshd runs.
    pub fn new(program: &Program) -> Result<Self> {
        if !std::path::Path::new("/usr/lib/postgresql/15/bin/postgres").exists() {
            return Err(pgkeep_testkit::Error::missing("PostgreSQL 15 of Debian 12").into());
        }
        let sftp = ThrowAwayRoot::builder()
            .own_network()
            .address(([10, 0, 0, 2], 22).into())
            .make()?;
        // A disk of its own: how full this machine's is must not show in the audit.
        sftp.shell("mkdir -p /srv; mount -t tmpfs -o size=2g,mode=755 tmpfs /srv")?
            .success()?;
        sftp.start_sshd()?;
        sftp.add_sudo()?;
        let database = ThrowAwayRoot::builder().network_of(&sftp).make()?;
        database.add_postgres()?;
        database.install(program.path(), &["pgkeep", "pgbackrest"])?;
        database
            .shell(
                "install -d -o postgres -g postgres /var/log/postgresql /etc/postgresql /var/lib/postgresql/15
                 install -d /etc/postgresql-common /etc/systemd/system
                 pg_createcluster -u postgres 15 main -- --no-sync -k >/dev/null
                 echo 'fsync = off' >>/etc/postgresql/15/main/postgresql.conf
                 echo \"listen_addresses = ''\" >>/etc/postgresql/15/main/postgresql.conf
                 pg_ctlcluster 15 main start",
            )?
            .success()?;
        let systemctl = database.path("/usr-local-bin/systemctl");
        std::fs::write(&systemctl, SYSTEMCTL)?;
        std::fs::set_permissions(
            &systemctl,
            std::os::unix::fs::PermissionsExt::from_mode(0o755),
        )?;
        Ok(Self { database, sftp })
    }

    /// Runs a block as it stands on the page, with the fingerprint that was read out; returns what it printed.
    pub fn run(&self, block: &Block) -> Result<String> {
        let host = if block.host == "SFTP" {
            &self.sftp
        } else {
            &self.database
        };
        let text = block.commands.replace(EXAMPLE, &self.sftp.fingerprint()?);
        // `set -e`: every command must succeed.
        let outcome = run(host.command("bash").args(["-ec", &text]))?.success()?;
        if self.database.path(SCRIPT).exists() {
            std::fs::copy(self.database.path(SCRIPT), self.sftp.path(SCRIPT))?;
        }
        self.sftp.wait_for_sshd()?;
        Ok(outcome.stdout)
    }

    /// systemd itself reads the units of the page without complaint.
    pub fn units_are_valid(&self) -> std::result::Result<(), Box<dyn std::error::Error>> {
        if !std::path::Path::new("/usr/bin/systemd-analyze").exists() {
            return Err(pgkeep_testkit::Error::missing("systemd-analyze").into());
        }
        let units = "cd /etc/systemd/system; systemd-analyze verify --man=no ./pgkeep-full.timer ./pgkeep-diff.timer";
        let outcome = self.database.shell(units)?.success()?;
        if outcome.stderr.contains("pgkeep") {
            return Err(outcome.stderr.into());
        }
        Ok(())
    }
}
