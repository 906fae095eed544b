//! A running cluster whose WAL goes into the archive of stanza `main`.

use std::path::{Path, PathBuf};

use crate::cluster::{Cluster, ClusterBuilder};
use crate::configuration::Configuration;
use crate::error::Result;

/// Makes the cluster and its configuration file, of which `change` makes what it wants, lets `program` push its WAL, and starts
/// it. The stanza is not there yet.
pub fn start(
    builder: ClusterBuilder,
    program: &Path,
    change: impl FnOnce(Configuration, &Cluster) -> Configuration,
) -> Result<(Cluster, PathBuf)> {
    let cluster = builder
        .setting("archive_mode", "on")
        .setting("archive_command", "false")
        .create()?;
    let made = Configuration::new(cluster.scratch())?.cluster("main", &cluster);
    let config = change(made, &cluster).write(cluster.scratch(), "pgbackrest.conf")?;
    let push = format!(
        "{} --config={} --stanza=main archive-push \"%p\"",
        program.display(),
        config.display()
    );
    cluster.append_setting("archive_command", &push)?;
    cluster.start()?;
    Ok((cluster, config))
}
