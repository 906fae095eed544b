//! Policies as the guide has them, and ones that are changed.

use pgkeep_testkit::object_server::BUCKET;
use serde_json::{Value, json};

use crate::Result;

const PAGE: &str = include_str!("../../docs/guide/s3-repository.md");
/// The bucket of the page; a reader puts the own in its place.
const PAGES_BUCKET: &str = "example-pg-backup";

/// A policy document.
#[derive(Debug, Clone)]
pub struct Policy(Value);

impl Policy {
    /// The first document after the line of the page that begins with its name.
    pub fn named(name: &str) -> Result<Self> {
        let (_, after) = PAGE
            .split_once(&format!("\n`{name}` "))
            .ok_or_else(|| format!("the page does not have {name}"))?;
        let (_, document) = after.split_once("```json\n").ok_or("no document")?;
        let (document, _) = document.split_once("```").ok_or("no end")?;
        Ok(Self(serde_json::from_str(
            &document.replace(PAGES_BUCKET, BUCKET),
        )?))
    }

    /// One that allows nothing.
    pub fn empty() -> Self {
        Self(json!({ "Version": "2012-10-17", "Statement": [] }))
    }

    pub fn text(&self) -> String {
        self.0.to_string()
    }

    /// Every action that is allowed.
    pub fn rights(&self) -> Vec<String> {
        let statements = self.0["Statement"].as_array().into_iter().flatten();
        statements.flat_map(actions).collect()
    }

    /// The same without an action.
    pub fn without(&self, right: &str) -> Self {
        let mut changed = self.0.clone();
        let statements = self.0["Statement"].as_array().into_iter().flatten();
        let kept: Vec<Value> = statements
            .filter_map(|statement| {
                let mut left = actions(statement);
                left.retain(|action| action != right);
                let mut statement = statement.clone();
                statement["Action"] = json!(left);
                (!left.is_empty()).then_some(statement)
            })
            .collect();
        changed["Statement"] = json!(kept);
        Self(changed)
    }

    /// The same with one more action, on what is `below` the bucket's name.
    pub fn with(&self, right: &str, below: &str) -> Self {
        let mut changed = self.0.clone();
        let more = json!({
            "Effect": "Allow",
            "Action": right,
            "Resource": format!("arn:aws:s3:::{BUCKET}{below}"),
        });
        if let Some(statements) = changed["Statement"].as_array_mut() {
            statements.push(more);
        }
        Self(changed)
    }
}

fn actions(statement: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    match &statement["Action"] {
        Value::Array(all) => all.iter().map(text).collect(),
        one => vec![text(one)],
    }
}
