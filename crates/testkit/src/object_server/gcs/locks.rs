//! Object retention, of which fake-gcs-server keeps nothing: an object that is kept cannot be removed or replaced, unless the
//! bucket keeps versions, and the service tells until when it is kept.

use std::collections::HashMap;

use crate::object_server::http::{Answer, Request};

/// What objects were told to be kept for, by their names as requests have them.
#[derive(Debug, Default)]
pub(super) struct Locks(HashMap<String, Lock>);

#[derive(Debug)]
struct Lock {
    /// As the service is told it and tells it.
    retention: String,
    ended: bool,
}

impl Locks {
    /// From now on the object may be removed.
    pub(super) fn end(&mut self, key: &str) {
        let name = key.replace('/', "%2F");
        if let Some(lock) = self.0.get_mut(&name) {
            lock.ended = true;
            lock.retention =
                r#"{"mode":"Unlocked","retainUntilTime":"2020-01-01T00:00:00Z"}"#.to_owned();
        }
    }

    /// Whether the request would replace or remove what is kept.
    pub(super) fn would_end(&self, request: &Request) -> bool {
        let name = match &*request.method {
            "DELETE" => object(request.path()),
            "POST" => request.asks("name"),
            _ => None,
        };
        name.and_then(|name| self.0.get(name))
            .is_some_and(|lock| !lock.ended)
    }

    /// Keeps what a request asked for, and adds to an answer what the server behind does not know.
    pub(super) fn after(&mut self, request: &Request, answer: Answer) -> Answer {
        if !(200..300).contains(&answer.status) {
            return answer;
        }
        match (&*request.method, object(request.path())) {
            ("POST", _) => {
                if let Some(name) = request.asks("name") {
                    self.0.remove(name);
                    if let Some(retention) = asked_for(&request.body) {
                        let lock = Lock {
                            retention,
                            ended: false,
                        };
                        self.0.insert(name.to_owned(), lock);
                    }
                }
                answer
            }
            ("DELETE", Some(name)) => {
                self.0.remove(name);
                answer
            }
            ("GET", Some(name)) if asks_for(request, "retention") => match self.0.get(name) {
                Some(lock) => with(answer, &format!(r#""retention":{}"#, lock.retention)),
                None => answer,
            },
            ("GET", None) if asks_for(request, "objectRetention") => {
                with(answer, r#""objectRetention":{"mode":"Enabled"}"#)
            }
            _ => answer,
        }
    }
}

fn asks_for(request: &Request, field: &str) -> bool {
    request
        .asks("fields")
        .is_some_and(|fields| fields.split("%2C").any(|own| own == field))
}

/// The object that a path names.
fn object(path: &str) -> Option<&str> {
    path.split_once("/o/").map(|(_, name)| name)
}

/// What the description of a new object asks for; it stands before the content.
fn asked_for(body: &[u8]) -> Option<String> {
    let beginning = String::from_utf8_lossy(&body[..body.len().min(4096)]);
    let (_, rest) = beginning.split_once(r#""retention":"#)?;
    let (inside, _) = rest.split_once('}')?;
    Some(format!("{inside}}}"))
}

/// A JSON document with one more field, which stands behind another of that name.
fn with(mut answer: Answer, field: &str) -> Answer {
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    let inside = text.trim_end().strip_suffix('}').unwrap_or_default();
    let comma = if inside.trim() == "{" { "" } else { "," };
    answer.body = format!("{inside}{comma}{field}}}").into_bytes();
    answer
}
