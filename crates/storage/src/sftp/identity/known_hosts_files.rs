//! Where known hosts are looked up, and where a new one is written.

use std::path::PathBuf;

use super::accept_new;
use crate::sftp::settings::SftpSettings;

/// Which file a new host is added to; none without a home directory.
pub(super) fn file_for_new_hosts(settings: &SftpSettings) -> Option<PathBuf> {
    let configured = settings.known_hosts.as_ref();
    configured
        .and_then(|files| accept_new::choose(files))
        .or_else(|| {
            let home = settings.home_dir()?;
            Some(home.join(".ssh/known_hosts"))
        })
}

/// Files to look the host up in.
pub(super) fn known_hosts_files(settings: &SftpSettings) -> Vec<PathBuf> {
    if let Some(files) = &settings.known_hosts {
        return files.clone();
    }
    let user = settings
        .home_dir()
        .map(|home| home.join(".ssh"))
        .into_iter()
        .flat_map(|directory| ["known_hosts", "known_hosts2"].map(|name| directory.join(name)));
    let system = ["/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"].map(PathBuf::from);
    user.chain(system).collect()
}
