//! What a run asks of another host.

use std::collections::BTreeMap;

use pgkeep_config::option;

use super::told;
use crate::error::Result;
use crate::remote::wire::greeting::{Greeting, Side};
use crate::run::context::Context;

/// Options that are said elsewhere in the greeting, or that name files of the other host which it has read by then.
const NOT_TOLD: [&str; 9] = [
    "config",
    "config-include-path",
    "config-path",
    "exec-id",
    "lock",
    "process",
    "remote-type",
    "repo",
    "stanza",
];

pub(super) fn greeting(context: &Context, side: Side, key: u32) -> Result<Greeting> {
    let config = &context.config;
    let mut greeting = Greeting::new(side, config.command().name());
    greeting.stanza = config.stanza().map(str::to_owned);
    // A cluster is the first there.
    greeting.key = match side {
        Side::Pg => 1,
        Side::Repo => key,
    };
    greeting.exec_id = config.exec_id().to_owned();
    greeting.locks = told::locks(context)?;
    greeting.workers = config
        .integer(option::PROCESS_MAX)
        .and_then(|most| u32::try_from(most).ok())
        .unwrap_or(1);
    greeting.options = options(&told::words(context, side, key, false)?);
    Ok(greeting)
}

/// The options of these words, each as the values that it has.
fn options(words: &[String]) -> BTreeMap<String, Vec<String>> {
    let mut options = BTreeMap::<String, Vec<String>>::new();
    for word in words {
        let word = word.trim_start_matches("--");
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => match (word.strip_prefix("no-"), word.strip_prefix("reset-")) {
                (Some(name), _) => (name, Some("n")),
                (_, Some(name)) => (name, None),
                _ => (word, Some("y")),
            },
        };
        if !NOT_TOLD.contains(&name) {
            let values = options.entry(name.to_owned()).or_default();
            values.extend(value.map(str::to_owned));
        }
    }
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_told_as_they_are() {
        let words = [
            "--config=/c",
            "--no-log-timestamp",
            "--reset-io-timeout",
            "--sck-block",
            "--pg1-path=/a b=$HOME",
            "--x=1",
            "--x=2",
        ];
        let told = options(&words.map(str::to_owned));
        let expected = [
            ("io-timeout", vec![]),
            ("log-timestamp", vec!["n"]),
            ("pg1-path", vec!["/a b=$HOME"]),
            ("sck-block", vec!["y"]),
            ("x", vec!["1", "2"]),
        ];
        let expected = expected.map(|(name, values)| {
            let values = values.into_iter().map(str::to_owned).collect();
            (name.to_owned(), values)
        });
        assert_eq!(told, BTreeMap::from(expected));
    }
}
