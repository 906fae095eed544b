//! What a source file says about modules: which it declares, imports and defines, and which paths it names.
//!
//! Not a compiler: attributes and items for tests are dropped, the rest is read by its tokens.

use std::collections::{BTreeMap, BTreeSet};

use super::tokens::{Token, is_word, tokens};

/// A path as it is written, for example `super::lock::Lock`.
#[derive(Clone, Debug)]
pub(super) struct Path {
    pub(super) parts: Vec<String>,
    pub(super) line: usize,
}

/// A file or a module written inside a file.
#[derive(Debug, Default)]
pub(super) struct Module {
    /// Modules in files of their own.
    pub(super) children: BTreeSet<String>,
    /// Modules written here.
    pub(super) inline: BTreeMap<String, Module>,
    /// Names made by `use`, and what they stand for. Two functions may give one name two meanings.
    pub(super) imports: Vec<(String, Import)>,
    /// What `use …::*` opens.
    pub(super) globs: Vec<Path>,
    /// Names of what is defined here.
    pub(super) items: BTreeSet<String>,
    /// Macros that are visible in the whole crate.
    pub(super) exported_macros: BTreeSet<String>,
    /// Paths of two or more parts outside `use`.
    pub(super) paths: Vec<Path>,
    /// Words that stand alone, outside `use`, and where each stands first.
    pub(super) words: BTreeMap<String, usize>,
}

impl Module {
    /// What a name made by `use` stands for.
    pub(super) fn import(&self, name: &str) -> Option<&Import> {
        let (_, import) = self.imports.iter().find(|(known, _)| known == name)?;
        Some(import)
    }
}

/// One name of a `use`.
#[derive(Clone, Debug)]
pub(super) struct Import {
    pub(super) path: Path,
    /// `pub use`, in whatever form: others may reach the name through this module.
    pub(super) passes_on: bool,
}

/// Reads a file.
pub(super) fn read(text: &str) -> Module {
    let tokens = without_tests(&tokens(text));
    let mut module = Module::default();
    read_module(&tokens, &mut 0, &mut module);
    module
}

/// Words of the language that define the name that follows.
const DEFINES: &[&str] = &[
    "struct", "enum", "trait", "type", "fn", "const", "static", "union",
];

/// Reads up to the end of the tokens or the brace that closes this module.
fn read_module(tokens: &[Token], at: &mut usize, module: &mut Module) {
    let mut depth = 0_usize;
    let mut public = false;
    let mut exported = false;
    while let Some(token) = tokens.get(*at) {
        let next = tokens.get(*at + 1).map_or("", |token| token.text.as_str());
        let after = tokens.get(*at + 2).map_or("", |token| token.text.as_str());
        match token.text.as_str() {
            "{" => depth += 1,
            "}" if depth == 0 => {
                *at += 1;
                return;
            }
            "}" => depth -= 1,
            "#macro_export" => {
                exported = true;
                *at += 1;
                continue;
            }
            "pub" => {
                public = true;
                *at += 1;
                if tokens.get(*at).is_some_and(|token| token.text == "(") {
                    while tokens.get(*at).is_some_and(|token| token.text != ")") {
                        *at += 1;
                    }
                    *at += 1;
                }
                continue;
            }
            "mod" if after == ";" => {
                module.children.insert(next.to_owned());
                *at += 2;
            }
            "mod" if after == "{" => {
                let mut inner = Module::default();
                *at += 3;
                read_module(tokens, at, &mut inner);
                module.inline.insert(next.to_owned(), inner);
                public = false;
                continue;
            }
            // Not the `use<'a>` of a return type.
            "use" if next != "<" => {
                *at += 1;
                read_use(tokens, at, Vec::new(), public, module);
            }
            "macro_rules" => {
                module.items.insert(after.to_owned());
                if exported {
                    module.exported_macros.insert(after.to_owned());
                }
                exported = false;
                *at += 2;
            }
            word if is_word(word) => {
                if depth == 0 && DEFINES.contains(&word) && is_word(next) {
                    module.items.insert(next.to_owned());
                }
                read_path(tokens, at, module);
                public = false;
                continue;
            }
            _ => {}
        }
        public = false;
        *at += 1;
    }
}

/// Reads a word with all that follows it by `::`.
fn read_path(tokens: &[Token], at: &mut usize, module: &mut Module) {
    let start = *at;
    let mut parts = vec![tokens[start].text.clone()];
    while tokens.get(*at + 1).is_some_and(|token| token.text == "::")
        && tokens
            .get(*at + 2)
            .is_some_and(|token| is_word(&token.text))
    {
        parts.push(tokens[*at + 2].text.clone());
        *at += 2;
    }
    *at += 1;
    let before = start
        .checked_sub(1)
        .map_or("", |before| &tokens[before].text);
    let line = tokens[start].line;
    if before == "." || before == "::" {
        return;
    }
    if parts.len() > 1 {
        module.paths.push(Path { parts, line });
    } else {
        module.words.entry(parts.swap_remove(0)).or_insert(line);
    }
}

/// Reads one branch of a `use`, up to what ends it.
fn read_use(
    tokens: &[Token],
    at: &mut usize,
    mut parts: Vec<String>,
    passes_on: bool,
    module: &mut Module,
) {
    let line = tokens.get(*at).map_or(0, |token| token.line);
    while let Some(token) = tokens.get(*at) {
        match token.text.as_str() {
            "::" => *at += 1,
            "*" => {
                *at += 1;
                module.globs.push(Path { parts, line });
                return;
            }
            "{" => {
                *at += 1;
                while tokens.get(*at).is_some_and(|token| token.text != "}") {
                    read_use(tokens, at, parts.clone(), passes_on, module);
                    if tokens.get(*at).is_some_and(|token| token.text == ",") {
                        *at += 1;
                    }
                }
                *at += 1;
                return;
            }
            "," | ";" | "}" => break,
            "as" => {
                let name = tokens.get(*at + 1).map(|token| token.text.clone());
                *at += 2;
                if let Some(name) = name {
                    let path = Path { parts, line };
                    module.imports.push((name, Import { path, passes_on }));
                }
                return;
            }
            "self" if !parts.is_empty() => *at += 1,
            word => {
                parts.push(word.to_owned());
                *at += 1;
            }
        }
    }
    if let Some(name) = parts.last().cloned() {
        let path = Path { parts, line };
        module.imports.push((name, Import { path, passes_on }));
    }
}

/// The tokens without attributes, and without the items that `#[cfg(test)]` or `#[test]` marks.
fn without_tests(tokens: &[Token]) -> Vec<Token> {
    let mut kept = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let starts = |offset: usize, text: &str| {
            tokens
                .get(at + offset)
                .is_some_and(|token| token.text == text)
        };
        if !(starts(0, "#") && (starts(1, "[") || starts(1, "!") && starts(2, "["))) {
            kept.push(tokens[at].clone());
            at += 1;
            continue;
        }
        let end = after_brackets(tokens, at);
        let words: Vec<&str> = tokens[at..end]
            .iter()
            .map(|token| token.text.as_str())
            .collect();
        let inner = words.get(1) == Some(&"!");
        let for_tests = words.get(2) == Some(&"test")
            || words.contains(&"cfg")
                && words.contains(&"test")
                && !words.contains(&"not")
                && !words.contains(&"any");
        let exported = words.contains(&"macro_export");
        let line = tokens[at].line;
        at = end;
        if for_tests && !inner {
            at = after_item(tokens, at);
        } else if exported {
            let text = "#macro_export".to_owned();
            kept.push(Token { text, line });
        }
    }
    kept
}

/// Where the attribute that starts here has ended.
fn after_brackets(tokens: &[Token], mut at: usize) -> usize {
    let mut depth = 0_usize;
    while let Some(token) = tokens.get(at) {
        at += 1;
        match token.text.as_str() {
            "[" => depth += 1,
            "]" => {
                depth -= 1;
                if depth == 0 {
                    break;
                }
            }
            _ => {}
        }
    }
    at
}

/// Where the item that starts here has ended: behind its `;` or its block.
fn after_item(tokens: &[Token], mut at: usize) -> usize {
    while tokens.get(at).is_some_and(|token| token.text == "#") {
        at = after_brackets(tokens, at);
    }
    let ends_with_semicolon = tokens[at..]
        .iter()
        .map(|token| token.text.as_str())
        .find(|text| {
            matches!(
                *text,
                "use"
                    | "static"
                    | "let"
                    | "type"
                    | "fn"
                    | "mod"
                    | "impl"
                    | "struct"
                    | "enum"
                    | "trait"
                    | "union"
            )
        })
        .is_some_and(|text| matches!(text, "use" | "static" | "let" | "type"));
    let mut depth = 0_usize;
    while let Some(token) = tokens.get(at) {
        at += 1;
        match token.text.as_str() {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" => depth = depth.saturating_sub(1),
            "}" => {
                depth = depth.saturating_sub(1);
                if depth == 0 && !ends_with_semicolon {
                    break;
                }
            }
            ";" if depth == 0 => break,
            _ => {}
        }
    }
    at
}
