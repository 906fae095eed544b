//! A standby that streams from a cluster of the kit.

use std::fs;

use super::{Cluster, StopMode};
use crate::error::{During, Result};
use crate::installed;
use crate::scratch::Scratch;

impl Cluster {
    /// Makes a standby of this cluster from a copy of its files and starts it. The server is stopped for the copy, and started
    /// again if it ran. What is archived after a promotion goes where this cluster's `archive_command` sends it.
    pub fn standby(&self) -> Result<Self> {
        // What a standby still needs must not be recycled: segments are small, so a checkpoint frees many.
        let keep = if self.major >= 13 {
            ("wal_keep_size", "128MB")
        } else {
            ("wal_keep_segments", "128")
        };
        self.append_setting(keep.0, keep.1)?;
        let ran = self.is_running();
        self.stop(StopMode::Fast)?;
        let scratch = Scratch::new()?;
        let data_dir = scratch.join("data");
        self.copy_data(&data_dir)?;
        if ran {
            self.start()?;
        }
        let bin = installed::server_bin(self.major)?;
        let standby = Self::assemble(self.major, bin, scratch, data_dir)?;
        // At least what the template's control file says, from before the kit's setting.
        standby.append_setting("max_wal_senders", "10")?;
        standby.append_setting("primary_conninfo", &self.conninfo())?;
        standby.signal_standby()?;
        standby.start()?;
        Ok(standby)
    }

    /// How a standby reaches this cluster.
    pub fn conninfo(&self) -> String {
        format!(
            "host={} port={} user=postgres",
            self.socket_dir().display(),
            self.port()
        )
    }

    /// Makes the file that keeps the cluster in recovery from its next start on.
    pub fn signal_standby(&self) -> Result<()> {
        let path = self.data_dir().join("standby.signal");
        self.scratch().write("standby.signal", "")?;
        fs::copy(self.scratch().join("standby.signal"), &path)
            .during(format!("make {}", path.display()))
            .map(drop)
    }

    /// Waits until the standby has replayed all that this cluster has written.
    pub fn wait_for_replay(&self, standby: &Self) -> Result<()> {
        let written = self.sql("select pg_current_wal_lsn()")?;
        standby.wait_for_sql(
            &format!("select coalesce(pg_last_wal_replay_lsn() >= '{written}', false)"),
            "t",
        )
    }

    /// Makes a standby a primary and waits until it accepts writes.
    pub fn promote(&self) -> Result<()> {
        self.sql("select pg_promote()")?;
        self.wait_for_sql("select pg_is_in_recovery()", "f")
    }
}
