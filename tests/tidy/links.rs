//! Links from one page to another resolve.

use crate::tree::{files, no_findings, root};

#[test]
fn relative_links_of_every_page_resolve() {
    let mut findings = Vec::new();
    let mut followed = 0;
    for file in files().iter().filter(|file| file.path.ends_with(".md")) {
        let folder = root()
            .join(&file.path)
            .parent()
            .expect("a file lies in a folder")
            .to_owned();
        for target in targets(&file.text) {
            followed += 1;
            let path = target.split('#').next().unwrap_or_default();
            if !path.is_empty() && !folder.join(path).exists() {
                findings.push(format!("{}: {target}", file.path));
            }
        }
    }
    no_findings("links that lead nowhere", &findings);
    assert!(
        followed > 5,
        "no links were found, the reader of pages is broken"
    );
}

#[test]
fn decisions_are_numbered_without_gaps_and_listed() {
    let mut pages: Vec<String> = files()
        .iter()
        .filter_map(|file| file.path.strip_prefix("docs/decisions/").map(str::to_owned))
        .filter(|name| name != "README.md")
        .collect();
    pages.sort();
    for (index, page) in pages.iter().enumerate() {
        assert!(
            page.starts_with(&format!("{:04}-", index + 1)),
            "{page} has the wrong number"
        );
    }
    let list = std::fs::read_to_string(root().join("docs/decisions/README.md"))
        .expect("the list is there");
    let missing: Vec<String> = pages
        .into_iter()
        .filter(|page| !list.contains(&format!("({page})")))
        .collect();
    no_findings("decisions missing in the list", &missing);
}

/// Targets of inline links that are not addresses on the web. Code blocks do not count.
fn targets(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut code = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            code = !code;
        }
        if code {
            continue;
        }
        for part in line.split("](").skip(1) {
            let target = part.split(')').next().unwrap_or_default();
            if !target.contains("://") && !target.starts_with("mailto:") {
                found.push(target.to_owned());
            }
        }
    }
    found
}
