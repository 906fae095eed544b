//! Decides on one option at one index: what was said, else the default; and whether that is acceptable.
//!
//! Invariant: messages show the value as the user spelled it, and no message shows a secret.

use secrecy::SecretString;

use super::resolver::Resolver;
use crate::advice::{places, spelling};
use crate::config::Entry;
use crate::define::option::{
    CONFIG, CONFIG_INCLUDE_PATH, CONFIG_PATH, Default, Kind, OptionDef, Range, Section,
    TLS_SERVER_AUTH, TLS_SERVER_RIGHTS,
};
use crate::error::{ConfigError, OPTION_REQUIRED, Result};
use crate::input::Program;
use crate::parse::{SaidValue, name};
use crate::value::{Source, Value, number_value, parse_number};

impl Resolver<'_> {
    /// Decides, and says whether the option makes its index exist.
    pub(super) fn option(
        &self,
        option: &'static OptionDef,
        key: u32,
        warnings: &mut Vec<String>,
    ) -> Result<(Entry, bool)> {
        let said = self.said.get(option, key);
        let negate = said.is_some_and(|said| said.negate);
        let set = said.filter(|said| !said.reset && (option.kind == Kind::Boolean || !said.negate));
        let mut entry = Entry {
            negate,
            reset: said.is_some_and(|said| said.reset),
            ..Entry::unset()
        };

        if let Some(depend) = option.depends_for(self.command)
            && !self.fulfilled(&depend, key)
        {
            // In a file it may be there for another command.
            if set.is_some_and(|said| said.source == Source::CommandLine) {
                return Err(self.not_fulfilled(option, key, &depend));
            }
            if let Some(otherwise) = depend.otherwise {
                entry = Entry {
                    value: self.default_value(option, otherwise),
                    spelling: spelling(option, otherwise),
                    ..Entry::unset()
                };
            }
            return Ok((entry, false));
        }

        if let Some(said) = set {
            entry.source = said.source.clone();
            let program = self.origin.program;
            let value = self
                .said_value(option, key, said, &mut entry, warnings)
                .map_err(|error| error.advise(program, places::of_value(&said.source)))?;
            entry.value = Some(value);
        } else if let Some(said) = said
            && negate
        {
            entry.source = said.source.clone();
        }
        if (entry.value.is_none() && !negate) || self.help {
            self.apply_default(option, key, &mut entry)?;
        }
        let keep = !entry.source.is_default();
        Ok((entry, keep))
    }

    /// Fills in the default; without one, a required option is missing.
    fn apply_default(&self, option: &'static OptionDef, key: u32, entry: &mut Entry) -> Result<()> {
        if let Some(default) = self.default_of(option, key) {
            if entry.value.is_none() {
                entry.value = self.default_value(option, &default);
                entry.spelling = spelling(option, &default);
            }
            entry.default = Some(default);
        } else if !self.help
            && !option.required_by_rule
            && option.required_for(self.command)
            && !self.is_replaced(option)
        {
            let mut error = ConfigError::new(
                OPTION_REQUIRED,
                format!(
                    "{} command requires option: {}",
                    self.command.name(),
                    name::indexed(option, key)
                ),
            );
            if option.section == Section::Stanza {
                error = error.hint("does this stanza exist?");
            }
            let hints = places::required(self.origin, self.said, option, key);
            return Err(error.advise(self.origin.program, hints));
        }
        Ok(())
    }

    /// Whether another option was said that does for this one.
    fn is_replaced(&self, option: &'static OptionDef) -> bool {
        option == TLS_SERVER_AUTH && self.said.keys(TLS_SERVER_RIGHTS).next().is_some()
    }

    /// The default as it is declared, for this command, program and index.
    fn default_of(&self, option: &'static OptionDef, key: u32) -> Option<String> {
        let places = &self.origin.defaults;
        if option == CONFIG {
            return Some(places.config.to_owned());
        } else if option == CONFIG_PATH {
            return Some(places.path.to_owned());
        } else if option == CONFIG_INCLUDE_PATH {
            return Some(places.include.to_owned());
        }
        match option.default_for(self.command) {
            Default::None => None,
            Default::Is(value) => Some(value.to_owned()),
            Default::Argv0 => Some(self.origin.argv0.clone()),
            Default::ByOption {
                option: other,
                values,
            } => {
                let value = self.value_of(other, key)?;
                values
                    .iter()
                    .find(|(known, _)| *known == value)
                    .map(|(_, default)| (*default).to_owned())
            }
        }
    }

    /// A declared value in the form the program works with.
    fn default_value(&self, option: &'static OptionDef, text: &str) -> Option<Value> {
        match option.kind {
            Kind::Boolean => Some(Value::Boolean(text == "y")),
            Kind::Integer | Kind::Size | Kind::Time => {
                parse_number(option.kind, text).map(|number| number_value(option.kind, number))
            }
            Kind::List | Kind::Hash => None,
            Kind::String | Kind::StringId | Kind::Path => Some(text_value(option, text)),
        }
    }

    /// What was said in the form the program works with, if it is acceptable.
    fn said_value(
        &self,
        option: &'static OptionDef,
        key: u32,
        said: &SaidValue,
        entry: &mut Entry,
        warnings: &mut Vec<String>,
    ) -> Result<Value> {
        match option.kind {
            Kind::Boolean => return Ok(Value::Boolean(!said.negate)),
            Kind::Hash => return map_value(option, key, &said.values, warnings),
            Kind::List => return Ok(Value::List(said.values.clone())),
            _ => {}
        }
        let text = said.values.first().map(String::as_str).unwrap_or_default();
        let full_name = name::indexed(option, key);
        entry.spelling = spelling(option, text);
        let value = match option.kind {
            Kind::Integer | Kind::Size | Kind::Time => {
                let number = parse_number(option.kind, text).ok_or_else(|| {
                    let error = ConfigError::option_value(format!(
                        "'{text}' is not valid for '{full_name}' option"
                    ));
                    match option.ours {
                        true => error.hint(spelling::argument(option, key, None)),
                        // pgBackRest's words.
                        false => error,
                    }
                })?;
                self.check_range(option, key, text, number)?;
                number_value(option.kind, number)
            }
            // pgBackRest's own options take it, and so do they here.
            Kind::Path if option.ours && option.name.ends_with("-file") && text.ends_with('/') => {
                return Err(ConfigError::option_value(format!(
                    "'{text}' must end in the name of a file for '{full_name}' option"
                )));
            }
            Kind::Path => text_value(option, check_path(text, &full_name)?),
            Kind::String if text.is_empty() => {
                return Err(ConfigError::option_value(format!(
                    "'{text}' must be >= 1 character for '{full_name}' option"
                )));
            }
            _ => text_value(option, text),
        };
        self.check_allowed(option, text, &full_name)?;
        Ok(value)
    }

    /// Refuses a number outside of the range that applies.
    fn check_range(
        &self,
        option: &'static OptionDef,
        key: u32,
        text: &str,
        number: i64,
    ) -> Result<()> {
        let (low, high, because) = match option.range {
            None => return Ok(()),
            Some(Range::Is(low, high)) => (low, high, String::new()),
            Some(Range::ByOption {
                option: other,
                values,
            }) => {
                let value = self.value_of(other, key).unwrap_or_default();
                let Some((_, low, high)) = values.iter().find(|(known, _, _)| *known == value)
                else {
                    return Ok(());
                };
                let other = name::by_name(other)
                    .map_or_else(|| other.to_owned(), |other| name::indexed(other, key));
                (*low, *high, format!(" when '{other}' option = '{value}'"))
            }
        };
        let inside = parse_number(option.kind, low).is_none_or(|low| low <= number)
            && parse_number(option.kind, high).is_none_or(|high| number <= high);
        if inside {
            return Ok(());
        }
        Err(ConfigError::option_value(format!(
            "'{text}' is out of range for '{}' option{because}",
            name::indexed(option, key)
        ))
        .hint(format!("allowed range is {low} to {high} inclusive")))
    }

    /// Refuses a value that is not in the list; numbers are compared by value.
    fn check_allowed(&self, option: &'static OptionDef, text: &str, full_name: &str) -> Result<()> {
        let mut allowed = option.allowed_for(self.command).to_vec();
        if self.origin.program == Program::PgKeep {
            allowed.extend(option.ours_for(self.command));
        }
        let number = |text: &str| match option.kind {
            Kind::Integer | Kind::Size | Kind::Time => parse_number(option.kind, text),
            _ => None,
        };
        let fits = |known: &&str| {
            **known == *text || number(known).is_some_and(|value| number(text) == Some(value))
        };
        if allowed.is_empty() || allowed.iter().any(fits) {
            return Ok(());
        }
        let list: Vec<String> = allowed.iter().map(|known| format!("'{known}'")).collect();
        Err(
            ConfigError::option_value(format!("'{text}' is not allowed for '{full_name}' option"))
                .hint(format!("allowed values are {}", list.join(", ")))
                .advise(self.origin.program, spelling::value(text, &allowed)),
        )
    }
}

/// Text as a value; secrets are wrapped.
fn text_value(option: &OptionDef, text: &str) -> Value {
    if option.secure {
        Value::Secret(SecretString::from(text))
    } else {
        Value::String(text.to_owned())
    }
}

/// The spelling that may be shown.
fn spelling(option: &OptionDef, text: &str) -> Option<String> {
    match option.kind {
        Kind::Boolean => None,
        _ => (!option.secure).then(|| text.to_owned()),
    }
}

/// An absolute path without empty parts; one slash at the end is cut off.
fn check_path<'a>(text: &'a str, full_name: &str) -> Result<&'a str> {
    let fault = if text.is_empty() {
        "must be >= 1 character"
    } else if !text.starts_with('/') {
        "must begin with /"
    } else if text.contains("//") {
        "cannot contain //"
    } else {
        return Ok(match text.strip_suffix('/') {
            Some(shorter) if !shorter.is_empty() => shorter,
            _ => text,
        });
    };
    Err(ConfigError::option_value(format!(
        "'{text}' {fault} for '{full_name}' option"
    )))
}

/// Pairs; a key said twice keeps its place and gets the later value.
fn map_value(
    option: &'static OptionDef,
    key: u32,
    values: &[String],
    warnings: &mut Vec<String>,
) -> Result<Value> {
    let full_name = name::indexed(option, key);
    let mut pairs: Vec<(String, String)> = Vec::with_capacity(values.len());
    for text in values {
        let Some((name, value)) = text.split_once('=') else {
            return Err(ConfigError::option_invalid(format!(
                "key/value '{text}' not valid for '{full_name}' option"
            )));
        };
        match pairs.iter_mut().find(|(known, _)| known == name) {
            Some((_, before)) => {
                warnings.push(format!(
                    "key '{name}' value '{before}' is overwritten with '{value}' for '{full_name}' option"
                ));
                *before = value.to_owned();
            }
            None => pairs.push((name.to_owned(), value.to_owned())),
        }
    }
    Ok(Value::Map(pairs))
}
