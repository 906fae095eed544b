//! Layers look down only: which crate of ours may depend on which. Cargo refuses cycles, this refuses short cuts.

use crate::tree::{files, no_findings, root};

/// Folder of the crate, and the folders it may depend on.
const MAY_USE: &[(&str, &[&str])] = &[
    ("postgres", &[]),
    ("pipeline", &["postgres"]),
    ("storage", &["postgres", "pipeline"]),
    ("repo", &["postgres", "pipeline", "storage"]),
    ("protocol", &[]),
    ("config", &[]),
    (
        "command",
        &[
            "postgres", "pipeline", "storage", "repo", "protocol", "config",
        ],
    ),
    (
        "cli",
        &[
            "postgres", "pipeline", "storage", "repo", "protocol", "config", "command",
        ],
    ),
    ("testkit", &[]),
];

#[test]
fn crates_depend_on_lower_layers_only() {
    let mut findings = Vec::new();
    for file in files()
        .iter()
        .filter(|file| file.path.starts_with("crates/") && file.path.ends_with("/Cargo.toml"))
    {
        let folder = file.path.split('/').nth(1).unwrap_or_default();
        let Some((_, allowed)) = MAY_USE.iter().find(|(name, _)| *name == folder) else {
            findings.push(format!(
                "{}: a crate without a place in the layers",
                file.path
            ));
            continue;
        };
        let mut section = "";
        for line in file.text.lines() {
            if line.starts_with('[') {
                section = line;
            }
            let Some(used) = line
                .strip_prefix("pgkeep-")
                .and_then(|rest| rest.split(['.', ' ', '=']).next())
            else {
                continue;
            };
            let for_tests =
                section == "[dev-dependencies]" && used == "testkit" && folder != "testkit";
            if !for_tests && !allowed.contains(&used) {
                findings.push(format!("{}: {section} pgkeep-{used}", file.path));
            }
        }
    }
    no_findings(
        "dependencies against the direction of the layers",
        &findings,
    );
}

#[test]
fn every_crate_has_its_place_in_the_architecture_page() {
    let page =
        std::fs::read_to_string(root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md is there");
    let missing: Vec<String> = std::fs::read_dir(root().join("crates"))
        .expect("crates are there")
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|folder| !page.contains(&format!("**{folder}**")))
        .collect();
    no_findings("crates that ARCHITECTURE.md does not describe", &missing);
}

#[test]
fn every_module_of_a_crate_is_in_its_list_on_the_architecture_page() {
    let read = |path: &str| std::fs::read_to_string(root().join(path)).expect("it is there");
    let (page, commands) = (
        read("ARCHITECTURE.md"),
        read("docs/reference/commands.md").replace('-', "_"),
    );
    let mut findings = Vec::new();
    for (folder, _) in MAY_USE {
        let source = root().join("crates").join(folder).join("src");
        let start = page.find(&format!("**{folder}** – ")).expect("a list");
        let end = page[start..]
            .find("\n\n**")
            .or_else(|| page[start..].find("\n### "));
        let part = &page[start..start + end.expect("another part follows")];
        // What stands in backticks is every second piece.
        let named: Vec<&str> = part.split('`').skip(1).step_by(2).collect();
        let words: Vec<&str> = named
            .iter()
            .flat_map(|text| text.split(|c: char| c.is_whitespace() || c == '/'))
            .collect();
        let list = named
            .first()
            .into_iter()
            .flat_map(|text| text.split_whitespace());
        for word in list {
            let module = source.join(word);
            if !module.is_dir() && !module.with_extension("rs").is_file() {
                findings.push(format!("{folder}: `{word}` is not there"));
            }
        }
        for entry in std::fs::read_dir(&source).expect("sources are there") {
            let name = entry.expect("an entry").file_name();
            let name = name.to_str().expect("a name in ASCII");
            let name = name.trim_end_matches(".rs");
            let is_command = commands.contains(&format!("## {name}\n"));
            let known = ["lib", "error"].contains(&name) || name.contains("test") || is_command;
            if !known && !words.contains(&name) {
                findings.push(format!("{folder}: `{name}` is not listed"));
            }
        }
    }
    no_findings("lists of modules that ARCHITECTURE.md has wrong", &findings);
}

/// Files that name a file of the repository without making a path of it, and why.
const NAMED_ELSEWHERE: &[(&str, &str)] = &[
    (
        "crates/command/src/backup/resume.rs",
        "knows the one file of a listing that must stay",
    ),
    (
        "crates/command/src/repo_get/mod.rs",
        "tells from the path a user gave which pass phrase it needs",
    ),
    (
        "crates/command/src/stanza_create/mod.rs",
        "names files in a message",
    ),
];

#[test]
fn only_the_layout_module_spells_repository_paths() {
    // File names inside a repository; labels and archive ids are made by their own types.
    let spelled = [
        "\"archive.info",
        "\"backup.info",
        "\"backup.manifest",
        "\"backup.history",
    ];
    let findings: Vec<String> = crate::tree::rust_files()
        .iter()
        .filter(|file| {
            file.path.starts_with("crates/")
                && !file.is_test()
                && !file.path.contains("repo/src/layout")
        })
        .filter(|file| !NAMED_ELSEWHERE.iter().any(|(path, _)| *path == file.path))
        .flat_map(|file| {
            let own = file.text.split("#[cfg(test)]").next().unwrap_or_default();
            own.lines()
                .enumerate()
                .filter(|(_, line)| {
                    !line.trim_start().starts_with("//")
                        && !is_message(line)
                        && spelled.iter().any(|text| line.contains(text))
                })
                .map(|(number, line)| format!("{}:{}: {}", file.path, number + 1, line.trim()))
                .collect::<Vec<_>>()
        })
        .collect();
    no_findings("repository paths outside layout", &findings);
}

/// A name followed by more words is a sentence for the user.
fn is_message(line: &str) -> bool {
    line.contains(".info ") || line.contains(".manifest ")
}
