//! The commands of a page, with what they must print.

use std::path::Path;

pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// What is no command for the two machines: configuration, messages, policies (the suite `bucket_rights` tests them), rules of
/// another program (the suite `docs` looks at their names), and what builds the program or its packages, which `make` does in CI
/// and the suite `package`.
const NOT_RUN: &[&str] = &["ini", "log", "console", "json", "yaml"];

/// One block of commands.
#[derive(Debug)]
pub struct Block {
    /// `database` or `SFTP`
    pub host: String,
    pub commands: String,
    output: Vec<String>,
}

/// All blocks of a page by its path in the project.
pub fn blocks(path: &str) -> Result<Vec<Block>> {
    let page = std::fs::read_to_string(root().join(path))?;
    let mut blocks: Vec<Block> = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let Some(kind) = line.strip_prefix("```") else {
            continue;
        };
        let body: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        match kind {
            "sh" => {
                let host = body
                    .first()
                    .and_then(|first| first.strip_prefix("# on the ")?.strip_suffix(" host"))
                    .unwrap_or("database");
                blocks.push(Block {
                    host: host.to_owned(),
                    commands: body.join("\n"),
                    output: Vec::new(),
                });
            }
            "text" => {
                let last = blocks.last_mut().ok_or("output before any command")?;
                last.output = body.iter().map(|&line| line.to_owned()).collect();
            }
            _ if NOT_RUN.contains(&kind) => {}
            _ => return Err(format!("{path}: a block of '{kind}' is not run by anything").into()),
        }
    }
    Ok(blocks)
}

/// The root of the project.
pub fn root() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Every page with guidance, by its path in the project.
pub fn pages() -> Result<Vec<String>> {
    let mut pages = vec!["README.md".to_owned()];
    for entry in root().join("docs/guide").read_dir()? {
        pages.push(format!(
            "docs/guide/{}",
            entry?.file_name().to_string_lossy()
        ));
    }
    pages.sort();
    Ok(pages)
}

impl Block {
    /// Each line of the page is part of a line of the output, in the same order.
    pub fn expect(&self, said: &str) -> Result<()> {
        let mut left = said.lines();
        for line in &self.output {
            if !left.any(|found| contains(found, line)) {
                return Err(format!(
                    "the page says {line:?} but these commands do not:\n{}\n\nthey say:\n{said}",
                    self.commands
                )
                .into());
            }
        }
        Ok(())
    }
}

/// The parts between `…` follow each other in the line.
fn contains(found: &str, wanted: &str) -> bool {
    let mut rest = found;
    wanted.split('…').all(|part| match rest.find(part) {
        Some(at) => {
            rest = &rest[at + part.len()..];
            true
        }
        None => false,
    })
}
