//! A link to a heading of a page (`page.md#heading`) leads to one that is there.
//!
//! That the page itself is there is checked by the suite `tidy`.

use crate::{path, text};

/// Folders whose pages link to headings; the root's pages too.
const FOLDERS: &[&str] = &["", "docs", "docs/format", "docs/guide", "docs/decisions"];

#[test]
fn links_to_headings_lead_to_headings() {
    let (mut findings, mut followed) = (Vec::new(), 0);
    for folder in FOLDERS {
        for page in pages(folder) {
            for target in text(&page)
                .split("](")
                .skip(1)
                .filter_map(|part| part.split(')').next())
            {
                let Some((file, anchor)) =
                    target.split_once('#').filter(|_| !target.contains("://"))
                else {
                    continue;
                };
                let linked = if file.is_empty() {
                    page.clone()
                } else {
                    format!("{folder}/{file}")
                };
                followed += 1;
                if !headings(&text(linked.trim_start_matches('/')))
                    .iter()
                    .any(|heading| heading == anchor)
                {
                    findings.push(format!("{page}: {target}"));
                }
            }
        }
    }
    assert!(
        findings.is_empty(),
        "links to headings that are not there:\n  {}",
        findings.join("\n  ")
    );
    assert!(
        followed > 10,
        "no links were found, the reader of pages is broken"
    );
}

/// Pages of a folder, as paths from the root.
fn pages(folder: &str) -> Vec<String> {
    std::fs::read_dir(path(folder))
        .expect("the folder is there")
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.ends_with(".md"))
        .map(|name| {
            format!("{folder}/{name}")
                .trim_start_matches('/')
                .to_owned()
        })
        .collect()
}

/// Anchors of a page: headings in lower case, blanks as dashes, punctuation left out.
fn headings(text: &str) -> Vec<String> {
    text.lines()
        .filter_map(|line| line.strip_prefix('#'))
        .map(|line| {
            let title = line.trim_start_matches('#').trim().to_lowercase();
            title
                .chars()
                .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
                .map(|c| if c == ' ' { '-' } else { c })
                .collect()
        })
        .collect()
}
