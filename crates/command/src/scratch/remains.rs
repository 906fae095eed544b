//! Ends what a run has left running. Only processes that carry the mark of that run are touched, never one by its number alone.
#![allow(clippy::disallowed_methods)] // /proc is no storage of ours

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::error::{Error, ErrorCode, Result};

/// Variable in the environment of every process that is started for a scratch cluster.
pub(crate) const MARK: &str = "PG_SCRATCH_OF_PGKEEP";
/// How long processes may take to end before they are killed, and then until they are gone.
const PATIENCE: Duration = Duration::from_secs(10);

/// Ends the processes of a scratch cluster, and removes the shared memory of a server that was ended by force.
///
/// # Errors
/// Processes that do not end or cannot be looked at; shared memory that is left.
pub(crate) fn end(root: &Path, id: &str) -> Result<()> {
    let began = Instant::now();
    loop {
        let processes = processes(root, id)?;
        if processes.is_empty() {
            return remove_shared_memory(root);
        }
        let late = began.elapsed() > PATIENCE;
        if began.elapsed() > 2 * PATIENCE {
            return Err(Error::new(
                ErrorCode::PgRunning,
                format!(
                    "processes of a scratch cluster in '{}' do not end",
                    root.display()
                ),
            )
            .with_hint(
                "'fuser -v' with this path shows them; end them and run the command again.",
            ));
        }
        for process in processes.iter().filter(|process| process.marked) {
            // A server removes its shared memory and ends its children.
            match process.server && !late {
                true => process.send(Signal::QUIT)?,
                false => process.send(Signal::KILL)?,
            }
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A process that belongs to the scratch cluster.
struct Process {
    /// Stands for this very process even if its number is given to another one.
    handle: rustix::fd::OwnedFd,
    marked: bool,
    server: bool,
}

impl Process {
    fn send(&self, signal: Signal) -> Result<()> {
        match pidfd_send_signal(&self.handle, signal) {
            // One that is gone meanwhile is fine.
            Ok(()) | Err(Errno::SRCH) => Ok(()),
            Err(error) => Err(Error::new(
                ErrorCode::Kernel,
                format!("unable to end a process of a scratch cluster: {error}"),
            )),
        }
    }
}

/// Those that carry the mark, and those that work in the data directory.
fn processes(root: &Path, id: &str) -> Result<Vec<Process>> {
    let mark = format!("{MARK}={id}");
    let own = rustix::process::geteuid().as_raw();
    // Without a look at them nothing may be removed: what is still running would be cut from its files.
    let cannot = |error: &dyn std::fmt::Display| {
        Error::new(
            ErrorCode::Kernel,
            format!(
                "unable to look for processes of a scratch cluster in '{}': {error}",
                root.display()
            ),
        )
        .with_hint("/proc and pidfd_open are needed (Linux 5.3 or newer).")
    };
    let entries = fs::read_dir("/proc").map_err(|error| cannot(&error))?;
    let mut found = Vec::new();
    for entry in entries.flatten() {
        let Some(pid) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
            .and_then(Pid::from_raw)
        else {
            continue;
        };
        if entry.metadata().map(|metadata| metadata.uid()).ok() != Some(own)
            || pid == rustix::process::getpid()
        {
            continue;
        }
        let handle = match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(handle) => handle,
            // It is gone.
            Err(Errno::SRCH) => continue,
            Err(error) => return Err(cannot(&error)),
        };
        let path = entry.path();
        let environment = fs::read(path.join("environ")).unwrap_or_default();
        let marked = environment
            .split(|byte| *byte == 0)
            .any(|variable| variable == mark.as_bytes());
        // The server's children overwrite their environment. They go when the server does.
        let within =
            fs::read_link(path.join("cwd")).is_ok_and(|at| at.starts_with(root.join("data")));
        // One that has ended and is not yet waited for has neither.
        if marked || within {
            let name = fs::read_to_string(path.join("comm")).unwrap_or_default();
            let server = name.trim_end() == "postgres";
            found.push(Process {
                handle,
                marked,
                server,
            });
        }
    }
    Ok(found)
}

/// A server that was killed leaves a segment of System V shared memory, whose numbers are in its `postmaster.pid`.
fn remove_shared_memory(root: &Path) -> Result<()> {
    let Ok(text) = fs::read_to_string(root.join("data/postmaster.pid")) else {
        return Ok(());
    };
    let lines: Vec<&str> = text.lines().collect();
    let (Some(pid), Some(numbers)) = (lines.first(), lines.get(6)) else {
        return Ok(());
    };
    let table = fs::read_to_string("/proc/sysvipc/shm").unwrap_or_default();
    let Some(segment) = abandoned(&table, pid.trim(), numbers) else {
        return Ok(());
    };
    let removed = std::process::Command::new("ipcrm")
        .args(["-m", &segment])
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .status();
    match removed {
        Ok(status) if status.success() => Ok(()),
        // It would be left for ever once the file is gone that has its number.
        _ => Err(Error::new(
            ErrorCode::Kernel,
            format!("unable to remove shared memory {segment} of the server of a scratch cluster"),
        )
        .with_hint(format!("remove it: ipcrm -m {segment}"))),
    }
}

/// The segment with this key and number, made by this process, that nobody uses.
fn abandoned(table: &str, pid: &str, numbers: &str) -> Option<String> {
    let mut words = numbers.split_whitespace();
    let (key, id) = (words.next()?, words.next()?);
    let column = |name: &str| {
        let heading = table.lines().next()?;
        heading.split_whitespace().position(|word| word == name)
    };
    let (at_key, at_id) = (column("key")?, column("shmid")?);
    let (at_pid, at_users) = (column("cpid")?, column("nattch")?);
    table.lines().skip(1).find_map(|line| {
        let row: Vec<&str> = line.split_whitespace().collect();
        let is = |at: usize, value: &str| row.get(at) == Some(&value);
        // The kernel shows keys with a sign.
        let same_key = is(at_key, key)
            || row
                .get(at_key)?
                .parse::<i32>()
                .ok()?
                .cast_unsigned()
                .to_string()
                == key;
        (same_key && is(at_id, id) && is(at_pid, pid) && is(at_users, "0")).then(|| id.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::abandoned;

    #[test]
    fn only_the_segment_of_this_server_that_nobody_uses_is_removed() {
        let table = "       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid\n\
             5432001          3   600                    56   812   812      0   101   101   101   101\n\
             5432001          4   600                    56   900   900      1   101   101   101   101\n";
        assert_eq!(
            abandoned(table, "812", "  5432001         3"),
            Some("3".to_owned())
        );
        assert_eq!(abandoned(table, "813", "5432001 3"), None);
        assert_eq!(abandoned(table, "900", "5432001 4"), None);
        assert_eq!(abandoned("", "812", "5432001 3"), None);
    }
}
