//! Says in one line how a connection failed.

use super::error::Outcome;

type Cause = dyn std::error::Error + 'static;

/// It could not be made: of all causes the innermost is the one that helps.
pub(super) fn not_connected(error: &Cause, server: &str) -> Outcome {
    let (causes, untrusted) = causes(error);
    let server = server.split_once("://").map_or(server, |(_, name)| name);
    let last = causes.last().map_or("", String::as_str);
    outcome(
        format!("unable to connect to '{server}': {last}"),
        untrusted,
    )
}

/// It was lost.
pub(super) fn lost(error: &Cause) -> Outcome {
    let (causes, untrusted) = causes(error);
    outcome(causes.join(": "), untrusted)
}

fn outcome(text: String, untrusted: bool) -> Outcome {
    if untrusted {
        Outcome::Untrusted(text)
    } else {
        Outcome::Lost(text)
    }
}

/// What each cause says that the ones before did not say, and whether one is a certificate that was not accepted.
fn causes(error: &Cause) -> (Vec<String>, bool) {
    let mut causes: Vec<String> = Vec::new();
    let mut untrusted = false;
    let mut inner = Some(error);
    while let Some(cause) = inner {
        untrusted |= is_untrusted(cause);
        let text = text(cause);
        if !causes.iter().any(|known| known.contains(&text)) {
            causes.push(text);
        }
        inner = cause.source();
    }
    (causes, untrusted)
}

fn text(cause: &Cause) -> String {
    let text = cause.to_string();
    let code = cause
        .downcast_ref::<std::io::Error>()
        .and_then(std::io::Error::raw_os_error);
    match code {
        Some(code) => {
            let ending = format!(" (os error {code})");
            format!("[{code}] {}", text.strip_suffix(&ending).unwrap_or(&text))
        }
        None => text,
    }
}

/// However often it was wrapped.
fn is_untrusted(cause: &Cause) -> bool {
    if let Some(io) = cause.downcast_ref::<std::io::Error>() {
        return io.get_ref().is_some_and(|inner| is_untrusted(inner));
    }
    matches!(
        cause.downcast_ref(),
        Some(rustls::Error::InvalidCertificate(_))
    )
}
