//! Agent forwarding, and what the server makes for it.
//!
//! OpenSSH from 10.1 on puts the socket into `.ssh/agent` of the home directory, and leaves the directories behind. So
//! what is there before is noted, and what is new is removed; older ones use `/tmp` and clean up themselves.

use pgkeep_storage::sftp::examine::{Examiner, Files};

use super::check::AGENT;
use super::programs::extra;
use crate::report::finding::Finding;

pub(super) fn examine(server: &Examiner, files: &Files) -> Finding {
    let home = files.real_path(".").unwrap_or_else(|_| "/".into());
    let outer = format!("{}/.ssh", home.trim_end_matches('/'));
    let inner = format!("{outer}/agent");
    let names = || {
        let entries = files.list(&inner).unwrap_or_default();
        entries.into_iter().map(|entry| entry.name)
    };
    let had_outer = files.lstat(&outer).is_ok();
    let had_inner = files.lstat(&inner).is_ok();
    let before: Vec<String> = names().collect();
    let granted = server.agent();
    if granted == Some(true) {
        for name in names().filter(|name| !before.contains(name)) {
            // The next line of defence is the server's own clean-up.
            let _ = files.remove(&format!("{inner}/{name}"));
        }
        if !had_inner {
            let _ = files.remove_path(&inner);
        }
        if !had_outer {
            let _ = files.remove_path(&outer);
        }
    }
    extra(&AGENT, granted)
}
