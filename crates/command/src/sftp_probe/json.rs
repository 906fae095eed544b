//! The measurements for programs. Keys are added, never renamed; sizes in bytes, times in milliseconds, rates per second.

use serde_json::{Value, json};

use super::advice::advice;
use super::capacity::Idle;
use super::report::Report;
use super::shared_algorithms::compare;
use super::speed::Rate;

pub(super) fn render(report: &Report) -> String {
    let handshake = &report.handshake;
    let rate = |rate: Rate| {
        json!({
            "amount": rate.amount,
            "time-ms": (rate.seconds * 1e3).round() as u64,
            "per-second": rate.per_second().round() as u64,
        })
    };
    let idle = match &report.capacity.idle {
        Idle::NotTested => Value::Null,
        Idle::Alive(time) => json!({"alive-after-ms": time.as_millis() as u64}),
        Idle::Dropped { after, why } => {
            json!({"ended-after-ms": after.as_millis() as u64, "reason": why})
        }
    };
    let algorithms: Option<Vec<Value>> = compare(handshake).map(|kinds| {
        kinds
            .iter()
            .map(|kind| {
                let shared: Vec<Value> = kind
                    .names
                    .iter()
                    .map(|one| json!({"name": one.name, "legacy": one.legacy}))
                    .collect();
                json!({"kind": kind.kind, "shared": shared, "used": kind.used, "server-only": kind.only_theirs})
            })
            .collect()
    });
    let extensions: Vec<Value> = report
        .greeting
        .extensions
        .iter()
        .map(|(name, version)| json!({"name": name, "version": version}))
        .collect();
    let settings: Vec<Value> = advice(report)
        .iter()
        .map(|one| json!({"setting": one.setting, "reason": one.why}))
        .collect();
    let behavior = report.measured.as_ref().map(|(behavior, _)| behavior);
    let speed = report.measured.as_ref().map(|(_, speed)| speed);
    let adds = &report.append_only;
    let more = json!({
        "round-trip-ms": handshake.round_trip.as_secs_f64() * 1e3,
        "login-ms": handshake.login_time.as_millis() as u64,
        "sftp-version": report.greeting.version,
        "extension": extensions,
        "limit": report.limits.map(|limits| json!({
            "packet": limits.packet,
            "read": limits.read,
            "write": limits.write,
            "open-files": limits.open_files,
        })),
        "append-only": {
            "result": adds.name(),
            "reason": adds.reason(),
            "next-step": adds.next_step(report.server.repo_key, report.says_append_only),
            "hard-link": adds.hard_link,
            "hard-link-replaces": adds.link_replaces,
            "may": adds.may.iter().map(|one| one.text()).collect::<Vec<_>>(),
            "left": adds.left,
        },
        "largest-write": behavior.map(|seen| seen.largest_write),
        "largest-read": behavior.map(|seen| seen.largest_read),
        "exclusive-create": behavior.and_then(|seen| seen.exclusive),
        "rename-replaces": behavior.and_then(|seen| seen.rename_replaces),
        "posix-rename": behavior.map(|seen| seen.posix_rename),
        "fsync": behavior.map(|seen| seen.fsync),
        "listing": behavior.map(|seen| seen.order.text()),
        "connections": report.capacity.connections,
        "connection-refused": report.capacity.refused,
        "sessions": report.capacity.sessions,
        "idle": idle,
        "bytes-sent": speed.map(|speed| rate(speed.sent)),
        "bytes-fetched": speed.map(|speed| rate(speed.fetched)),
        "files-written": speed.map(|speed| rate(speed.files)),
        "files-removed": speed.map(|speed| rate(speed.removed)),
        "algorithm": algorithms,
        "setting": settings,
    });
    report.server.json(handshake, more)
}
