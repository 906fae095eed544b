//! The measurements for people.

use super::advice::advice;
use super::behavior::Behavior;
use super::capacity::{Idle, MOST_CONNECTIONS, MOST_SESSIONS};
use super::report::Report;
use super::shared_algorithms::compare;
use super::speed::{Rate, Speed};
use crate::report::size_text::size_text;
use crate::report::table;

pub(super) fn render(report: &Report) -> String {
    let mut text = report.server.heading(&report.handshake);
    let mut table = table::new(&["measured", "result"]);
    for (name, value) in rows(report) {
        table.add_row([name.to_owned(), value]);
    }
    text.push_str(&table.trim_fmt());
    text.push_str("\n\nAlgorithms that both sides have, strongest first; * is in use\n");
    match compare(&report.handshake) {
        None => text.push_str("the server's offer was not understood\n"),
        Some(kinds) => {
            let mut table = table::new(&["kind", "shared", "server has besides"]);
            for kind in kinds {
                let names: Vec<String> = kind
                    .names
                    .iter()
                    .map(|one| {
                        let used = if one.name == kind.used { " *" } else { "" };
                        if one.legacy {
                            format!("[{}]{used}", one.name)
                        } else {
                            format!("{}{used}", one.name)
                        }
                    })
                    .collect();
                table.add_row([
                    kind.kind.to_owned(),
                    names.join("\n"),
                    kind.only_theirs.to_string(),
                ]);
            }
            text.push_str(&table.trim_fmt());
            text.push_str("\n[…] only with repo-sftp-algorithm=legacy\n");
        }
    }
    text.push_str("\nSettings to use\n");
    for one in advice(report) {
        text.push_str(&format!("  {:<30} {}\n", one.setting, one.why));
    }
    let adds = &report.append_only;
    text.push_str(&format!(
        "\nAn account that may only add: {}\n  {}.\n  next step: {}.\n",
        adds.name(),
        adds.reason(),
        adds.next_step(report.server.repo_key, report.says_append_only)
    ));
    text.push_str(&match adds.removes() {
        true => "\nNothing was left on the server.\n".to_owned(),
        false => format!(
            "\nThe account cannot remove what it writes, so speed was not measured, and this is left on the server: {}.\n\
             The account that keeps the repository removes it with expire.\n",
            adds.left.join(", ")
        ),
    });
    text
}

fn rows(report: &Report) -> Vec<(&'static str, String)> {
    let capacity = &report.capacity;
    let at_least = |count: usize, most: usize| {
        if count == most {
            format!("{count} or more")
        } else {
            count.to_string()
        }
    };
    let limits = report.limits.map_or_else(
        || "the server does not say".to_owned(),
        |limits| {
            format!(
                "packet {}, read {}, write {}, open files {}",
                limits.packet, limits.read, limits.write, limits.open_files
            )
        },
    );
    let connections = at_least(capacity.connections, MOST_CONNECTIONS);
    let mut rows = vec![
        (
            "round trip, login",
            format!(
                "{:.1} ms, {} ms",
                report.handshake.round_trip.as_secs_f64() * 1e3,
                report.handshake.login_time.as_millis()
            ),
        ),
        (
            "SFTP version, extensions",
            format!(
                "{}; {}",
                report.greeting.version,
                report
                    .greeting
                    .extensions
                    .iter()
                    .map(|(name, version)| format!("{name} {version}"))
                    .collect::<Vec<_>>()
                    .join(", ")
            ),
        ),
        ("limits said", limits),
        (
            "connections at a time",
            match &capacity.refused {
                None => connections,
                Some(why) => format!("{connections} ({why})"),
            },
        ),
        (
            "sessions on a connection",
            at_least(capacity.sessions, MOST_SESSIONS),
        ),
        (
            "idle connection",
            match &capacity.idle {
                Idle::NotTested => "not tested (--probe-idle)".to_owned(),
                Idle::Alive(time) => format!("alive after {} s", time.as_secs()),
                Idle::Dropped { after, why } => {
                    format!("ended after {:.0} s ({why})", after.as_secs_f64())
                }
            },
        ),
    ];
    if let Some((behavior, speed)) = &report.measured {
        // Beside what the server says of itself.
        rows.splice(3..3, behavior_rows(behavior));
        rows.extend(speed_rows(speed));
    }
    rows
}

fn behavior_rows(behavior: &Behavior) -> Vec<(&'static str, String)> {
    let yes = |value: bool| if value { "yes" } else { "no" }.to_owned();
    let maybe = |value: Option<bool>| value.map_or_else(|| "could not be tried".to_owned(), yes);
    vec![
        (
            "largest write, read",
            format!(
                "{}, {}",
                size_text(behavior.largest_write as u64),
                size_text(behavior.largest_read as u64)
            ),
        ),
        ("exclusive create", maybe(behavior.exclusive)),
        ("rename over a file", maybe(behavior.rename_replaces)),
        ("posix-rename over a file", yes(behavior.posix_rename)),
        ("fsync", yes(behavior.fsync)),
        ("listings", behavior.order.text().to_owned()),
    ]
}

fn speed_rows(speed: &Speed) -> Vec<(&'static str, String)> {
    let bytes = |rate: Rate| {
        format!(
            "{:.1} MB/s ({} in {:.2} s)",
            rate.per_second() / 1e6,
            size_text(rate.amount),
            rate.seconds
        )
    };
    let files = |rate: Rate| {
        format!(
            "{:.0} files/s ({} in {:.2} s)",
            rate.per_second(),
            rate.amount,
            rate.seconds
        )
    };
    vec![
        ("bytes sent", bytes(speed.sent)),
        ("bytes fetched", bytes(speed.fetched)),
        ("files of 16 KiB written", files(speed.files)),
        ("files removed", files(speed.removed)),
    ]
}
