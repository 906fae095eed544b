//! How the server lets this account in, learnt by asking for `none`: no password is ever sent.

use pgkeep_storage::sftp::examine::Handshake;

use super::check::{KEYBOARD, NONE, PASSWORD};
use crate::report::check::Check;
use crate::report::finding::{Finding, Grade};

pub(super) fn examine(handshake: &Handshake) -> Vec<Finding> {
    if handshake.open_to_all {
        let mut findings = vec![Finding::new(&NONE, Grade::Fail, "let in without a key")];
        findings.extend(Finding::untested(
            &[&PASSWORD, &KEYBOARD],
            "the server asks for nothing",
        ));
        return findings;
    }
    let offered = handshake.methods.join(", ");
    let method = |check: &'static Check| {
        if handshake.methods.iter().any(|method| method == check.name) {
            Finding::new(check, Grade::Fail, format!("offered: {offered}"))
        } else {
            Finding::new(check, Grade::Ok, "not offered")
        }
    };
    vec![
        Finding::new(&NONE, Grade::Ok, format!("asks for {offered}")),
        method(&PASSWORD),
        method(&KEYBOARD),
    ]
}
