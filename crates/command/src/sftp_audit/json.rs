//! The report for programs. Keys are added, never renamed.

use serde_json::json;

use super::Report;

pub(super) fn render(report: &Report) -> String {
    let handshake = &report.handshake;
    let checks: Vec<_> = report
        .findings
        .iter()
        .map(|finding| {
            json!({
                "check": finding.check.name,
                "title": finding.check.title,
                "result": finding.grade.name(),
                "seen": finding.seen,
                "means": finding.check.means,
                "mend": finding.check.mend,
            })
        })
        .collect();
    let keys: Vec<_> = handshake
        .host_keys
        .iter()
        .map(|key| json!({"algorithm": key.algorithm, "bits": key.bits, "fingerprint": key.fingerprint}))
        .collect();
    let offer = handshake.offer.as_ref().map(|offer| {
        json!({
            "key-exchange": offer.key_exchange,
            "host-key": offer.host_key,
            "cipher": offer.cipher,
            "mac": offer.mac,
            "compression": offer.compression,
        })
    });
    let value = json!({
        "repo": report.server.repo_key,
        "server": report.server.address,
        "user": report.server.user,
        "path": report.server.path,
        "software": handshake.offer.as_ref().map(|offer| &offer.greeting),
        "result": report.worst().name(),
        "check": checks,
        "host-key": keys,
        "offer": offer,
        "login-method": handshake.methods,
    });
    format!("{value}\n")
}
