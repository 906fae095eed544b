//! Where the configuration comes from: the files that were looked for, the stanzas in them, the place of a value.

use super::similar::closest;
use crate::config::Config;
use crate::define::option::{Group, OptionDef, PG_PATH, STANZA, Section};
use crate::input::Program;
use crate::origin::Origin;
use crate::parse::Said;
use crate::parse::name::indexed;
use crate::parse::search::Searched;
use crate::render::shell_word;
use crate::value::Source;

impl Config {
    /// Hints for an error that a missing or unknown stanza explains: where was searched, which stanzas there are. Only for
    /// `pgkeep`.
    pub fn stanza_hints(&self) -> Vec<String> {
        match self.program() {
            Program::PgKeep => stanzas(&self.origin, self.stanza()),
            Program::PgBackRest => Vec::new(),
        }
    }
}

/// Where a value that is not acceptable was set; nothing for the command line, which the user sees.
pub(crate) fn of_value(source: &Source) -> Option<String> {
    match source {
        Source::Default | Source::CommandLine => None,
        Source::Environment { variable } => {
            Some(format!("it is set by the environment variable {variable}."))
        }
        Source::File {
            path,
            section,
            line,
        } => Some(format!(
            "it is set in '{path}', line {line}, section [{section}]."
        )),
    }
}

/// What a line of a configuration file may be, for one that is none of it.
pub(crate) fn of_line(path: &str, content: &[u8]) -> String {
    // Editors do not show it.
    if content.starts_with(b"\xef\xbb\xbf") {
        return format!(
            "'{path}' begins with a byte order mark (BOM), which is not allowed; save it as UTF-8 without one."
        );
    }
    format!(
        "in '{path}'; each line is a section ([global] or [STANZA]), OPTION=VALUE below a section, a comment that begins with #, or empty."
    )
}

/// The files that were read, or all that were looked for.
pub(crate) fn files(origin: &Origin) -> String {
    let read: Vec<String> = read(&origin.searched);
    if !read.is_empty() {
        return read.join(", ");
    }
    if origin.searched.is_empty() {
        return "no configuration file was looked for, because of --no-config.".to_owned();
    }
    let places: Vec<&str> = origin
        .searched
        .iter()
        .map(|place| place.path.as_str())
        .collect();
    format!(
        "no configuration file was found; looked for {}.",
        places.join(", ")
    )
}

/// Files that were read.
fn read(searched: &[Searched]) -> Vec<String> {
    searched
        .iter()
        .filter(|place| place.found)
        .map(|place| format!("'{}'", place.path))
        .collect()
}

/// What there is to know when a stanza is missing (`said` is none), or is not one of the configuration.
pub(crate) fn stanzas(origin: &Origin, said: Option<&str>) -> Vec<String> {
    let stanzas = origin
        .ini
        .as_ref()
        .map(|ini| ini.stanzas())
        .unwrap_or_default();
    if read(&origin.searched).is_empty() {
        return vec![files(origin), name_a_file(origin.program)];
    }
    let files = files(origin);
    let section = said.unwrap_or("NAME");
    if stanzas.is_empty() {
        return vec![format!(
            "the configuration ({files}) has no stanza: add a section [{section}] with {PG_PATH_LINE}"
        )];
    }
    let list = listed(&stanzas);
    let Some(said) = said else {
        return vec![match &stanzas[..] {
            [only] => format!(
                "the configuration ({files}) has one stanza: --stanza={}",
                shell_word(only)
            ),
            _ => format!("choose one with --stanza; the configuration ({files}) has {list}."),
        }];
    };
    if stanzas.iter().any(|known| known == said) {
        return vec![format!(
            "the configuration ({files}) has a section for '{said}' that lacks it: add {PG_PATH_LINE}"
        )];
    }
    let mut hints = vec![format!(
        "the configuration ({files}) has no section [{said}]; its stanzas are {list}."
    )];
    if let Some(name) = closest(said, stanzas.iter().map(String::as_str)) {
        hints.push(format!("did you mean --stanza={}?", shell_word(name)));
    }
    hints
}

/// Names of stanzas, of many only the first.
fn listed(stanzas: &[String]) -> String {
    const MOST: usize = 10;
    let names: Vec<String> = stanzas
        .iter()
        .take(MOST)
        .map(|name| format!("'{name}'"))
        .collect();
    let more = match stanzas.len().saturating_sub(MOST) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{}{more}", names.join(", "))
}

const PG_PATH_LINE: &str = "pg1-path=DIRECTORY, the data directory of the cluster.";

fn name_a_file(program: Program) -> String {
    let variable = match program {
        Program::PgKeep => "PGKEEP_CONFIG",
        Program::PgBackRest => "PGBACKREST_CONFIG",
    };
    format!(
        "write one of them, or name another with --config=FILE or {variable} in the environment."
    )
}

/// For an option that is required and was not said.
pub(crate) fn required(
    origin: &Origin,
    said: &Said,
    option: &'static OptionDef,
    key: u32,
) -> Vec<String> {
    let stanza = said
        .get(STANZA, 0)
        .and_then(|value| value.values.first())
        .map(String::as_str);
    if option == STANZA {
        return stanzas(origin, None);
    }
    if option == PG_PATH && key == 1 {
        return stanzas(origin, stanza);
    }
    let dashes = match option.section {
        Section::CommandLine => "--",
        _ => "",
    };
    let name = format!("{dashes}{}", indexed(option, key));
    let example = option.example.split_once('=').map(|(_, value)| value);
    let line = match example {
        Some(value) if !option.secure => format!("{name}, for example {name}={value}"),
        _ => name,
    };
    match (option.section, option.group) {
        (Section::CommandLine, _) => vec![format!("add {line}")],
        (_, Some(Group::Pg)) => vec![format!(
            "add {line}, to section [{}]; files read: {}",
            stanza.unwrap_or("NAME"),
            files(origin)
        )],
        _ => {
            let place = match &read(&origin.searched)[..] {
                [] => "of a configuration file".to_owned(),
                [first, ..] => format!("of {first}"),
            };
            vec![format!("add {line}, to section [global] {place}")]
        }
    }
}

/// For a file or directory of the configuration that was asked for with `option` and is missing. pgBackRest resolves a
/// relative path below the root directory, and so must we.
pub(crate) fn asked_for(
    said: &Said,
    option: &'static OptionDef,
    here: Option<&str>,
) -> Option<String> {
    let said = said.get(option, 0)?;
    let path = said.values.first()?;
    let name = option.name;
    if !path.starts_with('/') {
        let example = here.map_or_else(
            || format!("--{name}=/…/{path}"),
            |here| format!("--{name}={}/{path}", here.trim_end_matches('/')),
        );
        return Some(format!(
            "a relative path is taken from /, not from the current directory; give the whole path: {example}"
        ));
    }
    Some(match &said.source {
        Source::Environment { variable } => {
            format!("the environment variable {variable} asks for it: correct or unset it.")
        }
        _ => format!("without --{name} the usual places are looked at."),
    })
}
