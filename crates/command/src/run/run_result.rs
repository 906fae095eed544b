//! How a command ended, for programs: the fields of the result line of the log and of what hooks are told.

use serde_json::{Map, Value, json};

use crate::error::Error;

/// One command that has ended. A run of `backup` can be of two: `expire` follows.
#[derive(Debug, Clone)]
pub struct RunResult {
    /// `backup`, `archive-push:async`
    pub command: String,
    pub stanza: Option<String>,
    /// The exit code, of this command alone.
    pub status: u8,
    /// What ended it.
    pub error: Option<Error>,
    /// Milliseconds since 1970.
    pub start: i64,
    pub stop: i64,
    /// What was done, in words.
    pub done: Option<String>,
    /// What the command noted ([`crate::run::summary::Summary::fact`]).
    pub facts: Map<String, Value>,
}

impl RunResult {
    /// `outcome`, `code`, `error`, `timestamp`, `elapsed-ms`, then the facts.
    #[must_use]
    pub fn fields(&self) -> Map<String, Value> {
        let mut fields = Map::new();
        let mut put = |name: &str, value: Value| fields.insert(name.to_owned(), value);
        let outcome = match self.error {
            None => "ok",
            Some(_) => "failed",
        };
        put("outcome", outcome.into());
        put("code", self.status.into());
        if let Some(error) = &self.error {
            put(
                "error",
                json!({
                    "code": error.code.number(),
                    "message": error.message,
                    "hint": error.hints,
                }),
            );
        }
        put(
            "timestamp",
            json!({"start": self.start.div_euclid(1000), "stop": self.stop.div_euclid(1000)}),
        );
        put("elapsed-ms", (self.stop - self.start).max(0).into());
        fields.extend(self.facts.clone());
        fields
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorCode;

    #[test]
    fn a_result_has_its_outcome_its_times_and_what_the_command_noted() {
        let mut result = RunResult {
            command: "backup".to_owned(),
            stanza: Some("demo".to_owned()),
            status: 0,
            error: None,
            start: 1_800_000_000_900,
            stop: 1_800_000_002_100,
            done: None,
            facts: Map::from_iter([("label".to_owned(), "20270115-080000F".into())]),
        };
        assert_eq!(
            Value::Object(result.fields()).to_string(),
            r#"{"outcome":"ok","code":0,"timestamp":{"start":1800000000,"stop":1800000002},"elapsed-ms":1200,"label":"20270115-080000F"}"#
        );
        result.status = 56;
        result.error = Some(Error::new(ErrorCode::DbConnect, "no server").with_hint("start it."));
        // The clock was set back.
        result.stop = 0;
        let fields = result.fields();
        assert_eq!(fields["outcome"], "failed");
        assert_eq!(fields["elapsed-ms"], 0);
        assert_eq!(
            fields["error"],
            json!({"code": 56, "message": "no server", "hint": ["start it."]})
        );
    }
}
