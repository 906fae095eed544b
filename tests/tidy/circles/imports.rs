//! Which file of a crate uses which: the paths that a file names, followed to the file that defines what they mean.
//!
//! A module is a place, not a use: `use super::lock` alone says nothing, `lock::Lock` leads to the file that defines `Lock`.
//! A re-export is a signpost: whoever follows it uses the file behind it, and the file that holds it uses nothing.

use std::collections::BTreeMap;

use super::source::{self, Import, Module, Path};
use crate::tree::SourceFile;

/// For each file and each file that it uses: where, and the path that says so.
pub(super) type Uses = BTreeMap<(String, String), String>;

/// A module with its place in the crate: the names from the root, for example `["sftp", "engine"]`.
type Place = Vec<String>;

/// What a path means.
#[derive(Debug, PartialEq)]
enum Meaning {
    Module(Place),
    /// Something defined in the module of this place.
    Item(Place),
    /// Of another crate, or not understood.
    Elsewhere,
}

struct Crate {
    modules: BTreeMap<Place, (String, Module)>,
}

/// All uses inside the crate of this folder, for example `crates/storage/src/`.
pub(super) fn uses(files: &[SourceFile], folder: &str) -> Uses {
    let mut found = Crate {
        modules: BTreeMap::new(),
    };
    for root in ["lib.rs", "main.rs"] {
        if let Some(file) = files
            .iter()
            .find(|file| file.path == format!("{folder}{root}"))
        {
            found.add(
                files,
                folder,
                Vec::new(),
                file.path.clone(),
                source::read(&file.text),
            );
            break;
        }
    }
    found.uses()
}

impl Crate {
    /// Adds a module and those below it. A file that only tests declare is never reached.
    fn add(
        &mut self,
        files: &[SourceFile],
        folder: &str,
        place: Place,
        path: String,
        mut module: Module,
    ) {
        for (name, inner) in std::mem::take(&mut module.inline) {
            module.children.insert(name.clone());
            self.add(files, folder, below(&place, &name), path.clone(), inner);
        }
        for name in &module.children {
            let place = below(&place, name);
            let stem = format!("{folder}{}", place.join("/"));
            let wanted = [format!("{stem}.rs"), format!("{stem}/mod.rs")];
            if let Some(file) = files.iter().find(|file| wanted.contains(&file.path)) {
                self.add(
                    files,
                    folder,
                    place,
                    file.path.clone(),
                    source::read(&file.text),
                );
            }
        }
        self.modules.insert(place, (path, module));
    }

    fn uses(&self) -> Uses {
        let mut found = Uses::new();
        for (place, (file, module)) in &self.modules {
            let mut note = |path: &Path| {
                if let Meaning::Item(target) = self.follow(place, &path.parts, 0) {
                    let (target, _) = &self.modules[&target];
                    if target != file {
                        found
                            .entry((file.clone(), target.clone()))
                            .or_insert_with(|| format!("{}: {}", path.line, path.parts.join("::")));
                    }
                }
            };
            for (name, import) in &module.imports {
                // What is only passed on is not used here.
                if !import.passes_on || module.words.contains_key(name) {
                    note(&import.path);
                }
            }
            module.paths.iter().for_each(&mut note);
            // Of a module this opens names, of an enum it is a use.
            module.globs.iter().for_each(&mut note);
            if !module.globs.is_empty() {
                for (word, line) in &module.words {
                    let known = module.items.contains(word) || module.import(word).is_some();
                    if !known {
                        let parts = vec!["self".to_owned(), word.clone()];
                        note(&Path { parts, line: *line });
                    }
                }
            }
        }
        found
    }

    /// Follows a path that is written in a module to what it means.
    fn follow(&self, from: &[String], parts: &[String], steps: usize) -> Meaning {
        // A glob that leads back to itself would go on for ever.
        if steps > 24 {
            return Meaning::Elsewhere;
        }
        let mut here: Place = from.to_vec();
        let mut rest = parts;
        while let Some((first, others)) = rest.split_first() {
            match first.as_str() {
                "crate" => here.clear(),
                "self" => {}
                "super" => {
                    here.pop();
                }
                _ => break,
            }
            rest = others;
        }
        while let Some((name, others)) = rest.split_first() {
            match self.step(&here, name, others.is_empty(), steps) {
                Meaning::Module(place) => here = place,
                // What follows is a variant or an associated function.
                found => return found,
            }
            rest = others;
        }
        Meaning::Module(here)
    }

    /// What a name means in a module.
    fn step(&self, here: &[String], name: &str, last: bool, steps: usize) -> Meaning {
        let Some((_, module)) = self.modules.get(here) else {
            return Meaning::Elsewhere;
        };
        let child = below(here, name);
        let is_child = module.children.contains(name) && self.modules.contains_key(&child);
        if is_child && !last {
            return Meaning::Module(child);
        }
        if module.items.contains(name) {
            return Meaning::Item(here.to_vec());
        }
        if let Some(Import { path, .. }) = module.import(name) {
            // `use name::Thing as name` and the like must not turn in a circle.
            if path.parts.as_slice() != [name] {
                return self.follow(here, &path.parts, steps + 1);
            }
        }
        if is_child {
            return Meaning::Module(child);
        }
        if here.is_empty() {
            for (place, (_, module)) in &self.modules {
                if module.exported_macros.contains(name) {
                    return Meaning::Item(place.clone());
                }
            }
        }
        for glob in &module.globs {
            if let Meaning::Module(place) = self.follow(here, &glob.parts, steps + 1)
                && place != here
            {
                let found = self.step(&place, name, last, steps + 1);
                if found != Meaning::Elsewhere {
                    return found;
                }
            }
        }
        Meaning::Elsewhere
    }
}

fn below(place: &[String], name: &str) -> Place {
    let mut place = place.to_vec();
    place.push(name.to_owned());
    place
}
