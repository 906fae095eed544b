//! Takes options out of the sections of the configuration files (spec 11.2).
//!
//! Only the sections that concern this run are looked at. Invariant: mistakes in names are warnings; what was said on the command line,
//! in the environment or in a more specific section stays.

use std::collections::BTreeMap;

use super::ini::{Ini, IniKey};
use super::name::{self, Lookup};
use super::{Said, SaidValue};
use crate::define::command::{CommandId, Role};
use crate::define::option::{Kind, OptionDef, Section};
use crate::error::{ConfigError, Result};
use crate::input::Program;
use crate::value::Source;

/// Adds the options of the files to `said`.
///
/// # Errors
/// 31 for an option said twice in one section, 32 for an empty value or a boolean that is neither `y` nor `n`.
pub(crate) fn parse(
    ini: &Ini,
    program: Program,
    stanza: Option<&str>,
    command: (CommandId, Role),
    said: &mut Said,
    warnings: &mut Vec<String>,
) -> Result<()> {
    let name = command.0.name();
    let mut sections = Vec::with_capacity(4);
    if let Some(stanza) = stanza {
        sections.push((format!("{stanza}:{name}"), true));
        sections.push((stanza.to_owned(), false));
    }
    sections.push((format!("global:{name}"), true));
    sections.push(("global".to_owned(), false));

    for (section, of_command) in &sections {
        let mut reader = SectionReader {
            program,
            command,
            section,
            of_command: *of_command,
            seen: BTreeMap::new(),
        };
        for key in ini.keys(section) {
            reader.read(key, said, warnings)?;
        }
    }
    Ok(())
}

/// Reads the keys of one section.
struct SectionReader<'a> {
    program: Program,
    command: (CommandId, Role),
    section: &'a str,
    /// `[…:command]`, where an option the command does not know is a mistake.
    of_command: bool,
    /// Options met so far, with the spelling used.
    seen: BTreeMap<(&'static str, u32), &'a str>,
}

impl<'a> SectionReader<'a> {
    fn read(&mut self, key: &'a IniKey, said: &mut Said, warnings: &mut Vec<String>) -> Result<()> {
        let spelling = key.name.as_str();
        let mut warn = |text: String| {
            warnings.push(format!("configuration file contains {text}"));
            Ok(())
        };
        let Some(found) = name::find(spelling, Lookup::exact(self.program))? else {
            return warn(format!("invalid option '{spelling}'"));
        };
        if found.negate {
            return warn(format!("negate option '{spelling}'"));
        }
        if found.reset {
            return warn(format!("reset option '{spelling}'"));
        }
        let option = found.option;
        if option.section == Section::CommandLine {
            return warn(format!("command-line only option '{spelling}'"));
        }
        if let Some(other) = self.seen.insert((option.name, found.key), spelling) {
            return Err(ConfigError::option_invalid(format!(
                "configuration file contains duplicate options ('{spelling}', '{other}') in section '[{}]'",
                self.section
            )));
        }
        if !option.is_valid(self.command.0, self.command.1) {
            if self.of_command {
                return warn(format!(
                    "option '{spelling}' invalid for section '{}'",
                    self.section
                ));
            }
            return Ok(());
        }
        let global = self.section == "global" || self.section.starts_with("global:");
        if option.section == Section::Stanza && global {
            return warn(format!(
                "stanza-only option '{spelling}' in global section '{}'",
                self.section
            ));
        }
        if said.has(option, found.key) {
            return Ok(());
        }
        let value = self.value(key, option, found.key)?;
        said.insert(option, found.key, value);
        Ok(())
    }

    /// The value of a key, checked as far as its kind decides.
    fn value(&self, key: &IniKey, option: &'static OptionDef, index: u32) -> Result<SaidValue> {
        let source = Source::File {
            path: key.path.clone(),
            section: self.section.to_owned(),
            line: key.line,
        };
        let mut value = SaidValue {
            negate: false,
            reset: false,
            values: key.values.clone(),
            source,
        };
        if key.values.len() > 1 {
            if !option.multiple {
                return Err(ConfigError::option_invalid(format!(
                    "option '{}' cannot be set multiple times",
                    name::indexed(option, index)
                )));
            }
            return Ok(value);
        }
        let text = key.values[0].as_str();
        if text.is_empty() {
            return Err(ConfigError::option_value(format!(
                "section '{}', key '{}' must have a value",
                self.section, key.name
            )));
        }
        if option.kind == Kind::Boolean {
            if text != "y" && text != "n" {
                return Err(ConfigError::option_value(format!(
                    "boolean option '{}' must be 'y' or 'n'",
                    key.name
                )));
            }
            value.negate = text == "n";
            value.values.clear();
        }
        Ok(value)
    }
}
