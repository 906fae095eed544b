//! Takes options out of the sections of the configuration files.
//!
//! Only the sections that concern this run are looked at. Invariant: mistakes in names are warnings; what was said on the command line,
//! in the environment or in a more specific section stays.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::ini::{Ini, IniKey};
use super::name::{self, Lookup};
use super::{Said, SaidValue};
use crate::advice::{places, spelling};
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
            reader
                .read(key, said, warnings)
                .map_err(|error| error.advise(program, places::of_value(&source(section, key))))?;
        }
    }
    Ok(())
}

/// Where a key of `section` is.
fn source(section: &str, key: &IniKey) -> Source {
    Source::File {
        path: key.path.clone(),
        section: section.to_owned(),
        line: key.line,
    }
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
        let (program, section) = (self.program, self.section);
        let mut warn = |text: String| {
            let mut warning = format!("configuration file contains {text}");
            if let (Program::PgKeep, Some(place)) =
                (program, places::of_value(&source(section, key)))
            {
                let _ = write!(warning, "\nHINT: {place}");
            }
            warnings.push(warning);
            Ok(())
        };
        let Some(found) = name::find(spelling, Lookup::exact(self.program))? else {
            let mut text = format!("invalid option '{spelling}'");
            if let (Program::PgKeep, Some(hint)) =
                (self.program, spelling::key(spelling, self.program))
            {
                let _ = write!(text, "\nHINT: {hint}");
            }
            return warn(text);
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
        if !option.is_known(self.program, self.command.0, self.command.1) {
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
        let mut value = SaidValue {
            negate: false,
            reset: false,
            values: key.values.clone(),
            source: source(self.section, key),
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
                ))
                .advise(self.program, spelling::boolean(text)));
            }
            value.negate = text == "n";
            value.values.clear();
        }
        Ok(value)
    }
}
