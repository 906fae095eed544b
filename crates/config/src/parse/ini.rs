//! Parses the text of one configuration file.
//!
//! Sections, keys and values only; what they mean is in `section`. Lines are trimmed, `#` comments only at the start of a line, no
//! quotes, escapes or continuation. Invariant: line numbers are those of the file, counted from 1.

use std::sync::Arc;

use super::name;
use crate::advice::similar::closest;
use crate::define::option::OPTIONS;
use crate::error::{ConfigError, FORMAT, Result};

/// One key of a section with all its values.
pub(crate) struct IniKey {
    pub(crate) name: String,
    /// The values in the order written; more than one if the key was repeated.
    pub(crate) values: Vec<String>,
    /// File of the first value.
    pub(crate) path: Arc<str>,
    /// Line of the first value.
    pub(crate) line: u32,
}

/// The sections of all files together, in the order of their first keys.
#[derive(Default)]
pub(crate) struct Ini {
    sections: Vec<(String, Vec<IniKey>)>,
}

impl Ini {
    /// Adds the content of the file `path`.
    ///
    /// # Errors
    /// 29 for a line that is not a comment, a section or `key=value`.
    pub(crate) fn add(&mut self, path: &str, content: &[u8]) -> Result<()> {
        let path: Arc<str> = Arc::from(path);
        let mut section = String::new();
        let mut after_secret = false;
        for (line, number) in content.split(|byte| *byte == b'\n').zip(1..) {
            let text = String::from_utf8_lossy(line);
            let text = trim(&text);
            if text.is_empty() || text.starts_with('#') {
                continue;
            }
            if text.starts_with('[') {
                section = parse_section(text, number)?.to_owned();
                continue;
            }
            let fault = |what: &str| at_line(what, number, &shown(text, after_secret));
            if section.is_empty() {
                return Err(fault("key/value found outside of section"));
            }
            let Some((key, value)) = text.split_once('=') else {
                return Err(fault("missing '=' in key/value"));
            };
            let (key, value) = (trim(key), trim(value));
            if key.is_empty() {
                return Err(fault("key is zero-length"));
            }
            after_secret = is_secret(key);
            if std::str::from_utf8(line).is_err() && value.contains('\u{fffd}') {
                // Replacing bytes silently would use another path or password than the one that was written.
                return Err(ConfigError::new(
                    FORMAT,
                    format!("value of '{key}' is not UTF-8 at line {number}"),
                ));
            }
            self.push(&section, key, value, &path, number);
        }
        Ok(())
    }

    fn push(&mut self, section: &str, key: &str, value: &str, path: &Arc<str>, line: u32) {
        let position = self
            .sections
            .iter()
            .position(|(name, _)| name == section)
            .unwrap_or_else(|| {
                self.sections.push((section.to_owned(), Vec::new()));
                self.sections.len() - 1
            });
        let keys = &mut self.sections[position].1;
        match keys.iter_mut().find(|known| known.name == key) {
            Some(known) => known.values.push(value.to_owned()),
            None => keys.push(IniKey {
                name: key.to_owned(),
                values: vec![value.to_owned()],
                path: Arc::clone(path),
                line,
            }),
        }
    }

    /// Keys of `section` in the order in which they were first written.
    pub(crate) fn keys(&self, section: &str) -> &[IniKey] {
        self.sections
            .iter()
            .find(|(name, _)| name == section)
            .map_or(&[], |(_, keys)| keys)
    }

    /// Stanzas that have a section with at least one key, sorted.
    pub(crate) fn stanzas(&self) -> Vec<String> {
        let mut stanzas: Vec<String> = self
            .sections
            .iter()
            .filter(|(name, _)| name != "global" && !name.starts_with("global:"))
            .map(|(name, _)| name.split(':').next().unwrap_or_default().to_owned())
            .collect();
        stanzas.sort_unstable();
        stanzas.dedup();
        stanzas
    }
}

/// Text without blanks, tabs and carriage returns at both ends; other white space is part of the value.
fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t', '\r', '\n'])
}

/// Name in a section line.
fn parse_section(text: &str, number: u32) -> Result<&str> {
    let Some(inner) = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
    else {
        return Err(at_line("ini section should end with ]", number, text));
    };
    if inner.is_empty() {
        return Err(at_line("invalid empty section", number, text));
    }
    Ok(inner)
}

/// A faulty line as it is shown: the value of a secret is not, nor what may be its second line. pgBackRest shows both; here
/// the secret counts more than the same text.
fn shown(text: &str, after_secret: bool) -> String {
    const REDACTED: &str = "<redacted>";
    let end = text
        .find(|c: char| c == '=' || c == ':' || c.is_whitespace())
        .unwrap_or(text.len());
    let (key, rest) = text.split_at(end);
    if is_secret(key) && !rest.is_empty() {
        format!(
            "{key}{}{REDACTED}",
            &rest[..rest.chars().next().map_or(0, char::len_utf8)]
        )
    } else if after_secret {
        REDACTED.to_owned()
    } else {
        text.to_owned()
    }
}

/// Whether the key is that of a secret, or was probably meant to be.
fn is_secret(key: &str) -> bool {
    let (_, base, _) = name::pieces(key);
    let secrets = || OPTIONS.iter().filter(|option| option.secure);
    match name::by_name(&base) {
        Some(option) => option.secure,
        None => {
            secrets().any(|option| option.deprecated.iter().any(|old| old.name == base))
                || closest(&base, secrets().map(|option| option.name)).is_some()
        }
    }
}

fn at_line(what: &str, number: u32, text: &str) -> ConfigError {
    ConfigError::new(FORMAT, format!("{what} at line {number}: {text}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Ini> {
        let mut ini = Ini::default();
        ini.add("/x.conf", text.as_bytes())?;
        Ok(ini)
    }

    fn values(ini: &Ini, section: &str, key: &str) -> Vec<String> {
        ini.keys(section)
            .iter()
            .find(|known| known.name == key)
            .map(|known| known.values.clone())
            .unwrap_or_default()
    }

    #[test]
    fn lines_are_trimmed_and_only_whole_lines_are_comments() {
        let ini =
            parse("\r\n  # c\n [global] \r\n\trepo1-path =  /x # y \r\nexclude=a=b\nexclude=c")
                .expect("valid text");
        assert_eq!(values(&ini, "global", "repo1-path"), ["/x # y"]);
        assert_eq!(values(&ini, "global", "exclude"), ["a=b", "c"]);
        assert_eq!(ini.keys("global")[0].line, 4);
    }

    #[test]
    fn faults_are_reported_with_line_and_text() {
        for (text, message) in [
            (
                "[global",
                "ini section should end with ] at line 1: [global",
            ),
            ("[]", "invalid empty section at line 1: []"),
            (
                "\nkey=value",
                "key/value found outside of section at line 2: key=value",
            ),
            ("[global]\nkey", "missing '=' in key/value at line 2: key"),
            ("[global]\n =value", "key is zero-length at line 2: =value"),
        ] {
            let error = parse(text).err().expect("invalid text");
            assert_eq!((error.code, error.message.as_str()), (29, message));
        }
    }

    #[test]
    fn a_value_that_is_not_utf8_is_refused_but_a_comment_is_not() {
        let mut ini = Ini::default();
        ini.add("/x", b"# \xe9\n[global]\na=b").expect("a comment");
        let error = ini.add("/x", b"[global]\na=\xe9").expect_err("a value");
        assert_eq!(error.message, "value of 'a' is not UTF-8 at line 2");
    }

    #[test]
    fn stanzas_are_the_sections_that_are_not_global() {
        let ini =
            parse("[global]\na=1\n[global:x]\na=1\n[s:backup]\na=1\n[b]\na=1\n[s]\na=1\n[empty]\n")
                .expect("valid text");
        assert_eq!(ini.stanzas(), ["b", "s"]);
    }
}
