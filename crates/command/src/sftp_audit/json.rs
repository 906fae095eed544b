//! The report for programs. Keys are added, never renamed.

use serde_json::json;

use super::report::Report;
use super::text::WORDING;
use crate::report::json;

pub(super) fn render(report: &Report) -> String {
    let handshake = &report.handshake;
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
    let more = json!({
        "result": WORDING.grade(report.findings.worst()),
        "check": json::checks(&WORDING, &report.findings),
        "host-key": keys,
        "offer": offer,
        "login-method": handshake.methods,
    });
    report.server.json(handshake, more)
}
