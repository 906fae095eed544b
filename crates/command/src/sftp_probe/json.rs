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
    let behavior = &report.behavior;
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
        "largest-write": behavior.largest_write,
        "largest-read": behavior.largest_read,
        "exclusive-create": behavior.exclusive,
        "rename-replaces": behavior.rename_replaces,
        "posix-rename": behavior.posix_rename,
        "fsync": behavior.fsync,
        "listing": behavior.order.text(),
        "connections": report.capacity.connections,
        "connection-refused": report.capacity.refused,
        "sessions": report.capacity.sessions,
        "idle": idle,
        "bytes-sent": rate(report.speed.sent),
        "bytes-fetched": rate(report.speed.fetched),
        "files-written": rate(report.speed.files),
        "files-removed": rate(report.speed.removed),
        "algorithm": algorithms,
        "setting": settings,
    });
    report.server.json(handshake, more)
}
