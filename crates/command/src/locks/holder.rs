//! Who holds a lock, since when and doing what: for the person whose command was refused.
//!
//! Of the process's arguments only the name of its command is read out: others may be secret.
#![allow(clippy::disallowed_methods)] // reads /proc, which is no storage

use std::path::Path;

use pgkeep_config::command::CommandId;
use pgkeep_storage::{InfoLevel, Storage, StoragePath};

use super::LockData;
use crate::hosts::this_host;
use crate::report::time_text::time_text;
use crate::run::clock::Clock;

/// Clock ticks of `/proc` in a second (`USER_HZ`, the same on all that we run on).
const TICKS: i64 = 100;

/// Lines for `HINT:` about the process that holds a lock.
#[must_use]
pub fn hints(data: &LockData, clock: &Clock) -> Vec<String> {
    let pid = data.pid;
    let Some(process) = Process::of(pid, clock) else {
        return vec![format!(
            "process {pid} holds the lock and is not visible here: look in the containers and on the hosts that share the lock path."
        )];
    };
    let mut text = format!("process {pid} holds the lock: {}", process.command);
    if let Some(user) = process.user {
        text.push_str(&format!(", started by {user}"));
    }
    if let Some(since) = process.since {
        let age = u64::try_from(clock.seconds() - since).unwrap_or(0);
        text.push_str(&format!(
            ", running since {} ({})",
            clock.local_text(since),
            time_text(age)
        ));
    }
    if let Some(percent) = data.percent_complete {
        text.push_str(&format!(", {}% done", percent / 100));
    }
    vec![
        text,
        format!("wait until it has ended, or end it with 'kill {pid}'."),
    ]
}

struct Process {
    /// The command it was started for, or the name of the program.
    command: String,
    user: Option<String>,
    /// Seconds since 1970.
    since: Option<i64>,
}

impl Process {
    fn of(pid: u32, clock: &Clock) -> Option<Self> {
        let read = |name: &str| std::fs::read(format!("/proc/{pid}/{name}"));
        let words = read("cmdline").ok()?;
        let command = words
            .split(|&byte| byte == 0)
            .filter_map(|word| std::str::from_utf8(word).ok())
            .find(|word| {
                let name = word.split(':').next().unwrap_or_default();
                CommandId::from_name(name).is_some()
            });
        let command = match command {
            Some(command) => command.to_owned(),
            None => String::from_utf8_lossy(&read("comm").ok()?)
                .trim()
                .to_owned(),
        };
        let proc = this_host::directory(Path::new("/proc"));
        let info = proc.info(&StoragePath::new(pid.to_string()), InfoLevel::Detail);
        let owner = info.ok().flatten().and_then(|info| info.owner);
        let stat = String::from_utf8_lossy(&read("stat").unwrap_or_default()).into_owned();
        // The name stands in brackets and may hold anything; the start is the 20th word behind it.
        let ticks = stat.rsplit(')').next().unwrap_or_default();
        let ticks = ticks.split_whitespace().nth(19);
        Some(Self {
            command,
            user: owner.map(|owner| owner.user.unwrap_or_else(|| owner.uid.to_string())),
            since: ticks
                .and_then(|ticks| ticks.parse::<i64>().ok())
                .map(|ticks| clock.boot_seconds() + ticks / TICKS),
        })
    }
}
