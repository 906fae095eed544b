//! The picture of the README: what the demonstration leaves on the screen, as an image.
//!
//! It begins with the backups and leaves out the comparison of files. It is kept up to date by this test, which draws it anew and compares all but what differs from run to run: figures,
//! times and names of a moment. `PGKEEP_GOLDEN=write` writes it.

use std::path::Path;

use anstyle_svg::Term;
use pgkeep_testkit::golden;
use pgkeep_testkit::suite::TestResult;
use pgkeep_testkit::terminal::Seen;

/// Where the picture is.
const PICTURE: &str = "docs/demo.svg";
/// What the directory of the demonstration is called in it.
const SHOWN_PATH: &str = "/tmp/pgkeep-demo";
/// Longer lines are cut: the picture shall fit a page.
const COLUMNS: usize = 108;

/// Compares the picture with what a run of the demonstration in `place` left on the screen.
pub(crate) fn check(seen: &Seen, place: &str) -> TestResult {
    let screen = seen.coloured();
    let at = |words: &str| {
        let found = screen.iter().position(|line| line.contains(words));
        found.ok_or_else(|| format!("the demonstration does not say {words:?} any more"))
    };
    let shown = [
        &screen[at("3. Full backups")?..at("6. Is it all the same?")?],
        &screen[at("The table that was dropped is back")?..],
    ]
    .concat();
    let shown: Vec<String> = shown
        .iter()
        .map(|line| cut(&line.replace(place, SHOWN_PATH)))
        .collect();
    let term = Term::new()
        .palette(anstyle_svg::WIN10_CONSOLE)
        .fg_color(anstyle::RgbColor(0xd8, 0xd8, 0xd8).into())
        .bg_color(anstyle::RgbColor(0x18, 0x1c, 0x20).into());
    let drawn = term.render_svg(shown.join("\n").trim_end());
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(PICTURE);
    if std::env::var("PGKEEP_GOLDEN").is_ok_and(|wish| wish == "write") {
        return Ok(golden::check(&path, &drawn)?);
    }
    let kept = std::fs::read_to_string(&path)?;
    golden::same(
        &format!("{PICTURE} (PGKEEP_GOLDEN=write draws it anew)"),
        &lasting(&kept)?,
        &lasting(&drawn)?,
    )?;
    Ok(())
}

/// The first columns of a line; its control sequences take none.
fn cut(line: &str) -> String {
    let mut left = COLUMNS;
    let mut inside = false;
    let mut kept = String::new();
    for letter in line.chars() {
        let control = inside || letter == '\x1b';
        inside = control && letter != 'm';
        if !control {
            if left == 0 {
                continue;
            }
            left -= 1;
        }
        kept.push(if !control && left == 0 { '…' } else { letter });
    }
    kept
}

/// The text without what is another in each run.
fn lasting(svg: &str) -> Result<String, Box<dyn std::error::Error>> {
    let mut text = svg.to_owned();
    for (pattern, stands_for) in [
        // A time of day has more or fewer digits behind the point, which moves what comes after it.
        (r"[0-9a-fA-F./:+-]*[0-9][0-9a-fA-F./:+-]*", "#"),
        ("#[kMG]?B", "#B"),
        ("#m #s", "#s"),
        (" +", " "),
    ] {
        text = regex::Regex::new(pattern)?
            .replace_all(&text, stands_for)
            .into_owned();
    }
    // Where a line was cut depends on the figures in it.
    let compared = text.lines().map(|line| match line.contains('…') {
        true => line.chars().take(COLUMNS).collect(),
        false => line.to_owned(),
    });
    Ok(compared.collect::<Vec<String>>().join("\n"))
}
