//! Whether all is well, as JSON, for load balancers, checks and people in a hurry.
//!
//! It is if every stanza has status 0, as `info` tells it, at least one stanza is there, and what is told was read as
//! it should be: the last attempt succeeded, and none has gone on for so long that it must hang.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::cache::Seen;
use super::figures::Figures;

/// A reading that takes longer hangs.
const OVERDUE: Duration = Duration::from_secs(5 * 60);

/// Whether all is well, and the text.
pub(super) fn health(seen: &Seen<Figures>) -> (bool, String) {
    let trouble = trouble(seen);
    let stanzas = seen
        .kept
        .as_ref()
        .map(|figures| Arc::clone(&figures.stanzas));
    let stanzas = stanzas.as_ref().and_then(|stanzas| stanzas.as_array());
    let well = trouble.is_none()
        && stanzas.is_some_and(|stanzas| {
            !stanzas.is_empty() && stanzas.iter().all(|stanza| stanza["status"]["code"] == 0)
        });
    let text = json!({
        "status": if well { "ok" } else { "error" },
        "age": seen.kept.as_ref().map(|_| seen.age.as_secs()),
        "error": trouble,
        "stanza": stanzas,
    });
    (well, format!("{text}\n"))
}

/// What is wrong with the reading, in one sentence; what is wrong with a stanza is its own status.
pub(super) fn trouble<T>(seen: &Seen<T>) -> Option<String> {
    if let Some(error) = &seen.failed {
        return Some(error.named_text());
    }
    match (seen.reading, &seen.kept) {
        (Some(time), _) if time >= OVERDUE => Some(format!(
            "reading the repositories has not ended for {} seconds",
            time.as_secs()
        )),
        (_, None) => Some("the repositories are being read for the first time".to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::error::{Error, ErrorCode};

    fn seen(codes: &[u64]) -> Seen<Figures> {
        let stanzas = codes
            .iter()
            .map(|code| json!({"name": "demo", "status": {"code": code}}));
        Seen {
            kept: Some(Arc::new(Figures {
                metrics: String::new(),
                read: 0,
                stanzas: Arc::new(stanzas.collect()),
            })),
            age: Duration::from_secs(7),
            failed: None,
            reading: None,
            attempt: 1,
        }
    }

    #[test]
    fn all_is_well_if_every_stanza_is_and_was_read() {
        assert!(health(&seen(&[0, 0])).0);
        assert!(
            health(&Seen {
                reading: Some(Duration::from_secs(299)),
                ..seen(&[0])
            })
            .0
        );
        for bad in [
            seen(&[]),
            seen(&[0, 2]),
            Seen {
                kept: None,
                ..seen(&[])
            },
            Seen {
                failed: Some(Error::new(ErrorCode::FileOpen, "gone")),
                ..seen(&[0])
            },
            Seen {
                reading: Some(Duration::from_secs(300)),
                ..seen(&[0])
            },
        ] {
            let (well, text) = health(&bad);
            assert!(!well, "{text}");
        }
    }

    #[test]
    fn the_text_says_how_old_it_is_and_why() {
        let failed = Error::new(ErrorCode::FileOpen, "gone");
        let (_, text) = health(&Seen {
            failed: Some(failed),
            ..seen(&[0])
        });
        let told: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(told["status"], "error");
        assert_eq!(told["age"], 7);
        assert_eq!(told["error"], "[FileOpenError] gone");
        assert_eq!(told["stanza"][0]["name"], "demo");
    }
}
