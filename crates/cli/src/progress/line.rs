//! The texts of the line. Sizes and times are written as everywhere in this program.

use std::time::Duration;

use pgkeep_command::report::size_text::size_text;
use pgkeep_command::report::time_text::time_text;

/// Columns of the bar.
const BAR: u64 = 20;

/// What the bar is made of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Letters {
    done: char,
    left: char,
}

impl Letters {
    pub(super) const BLOCKS: Self = Self {
        done: '█',
        left: '░',
    };
    /// For terminals that do not show UTF-8.
    pub(super) const ASCII: Self = Self {
        done: '#',
        left: '-',
    };
}

/// How fast a stage moves.
#[derive(Debug, Clone, Copy)]
pub(super) enum Speed {
    /// It started a moment ago, or stands still.
    Unknown,
    /// Bytes a second.
    Rate(f64),
    /// The server has not answered for so long.
    Waiting(Duration),
}

/// How far a stage is.
pub(super) struct Stage<'a> {
    pub(super) name: &'a str,
    pub(super) done: u64,
    pub(super) total: u64,
    pub(super) speed: Speed,
    pub(super) file: &'a str,
    pub(super) letters: Letters,
}

/// `backup ########------------  42%  277MB of 660MB  95.2MB/s  4s left  base/16384/16397`
pub(super) fn stage(stage: &Stage<'_>) -> String {
    let part = |of: u64| match stage.total {
        0 => of,
        total => (u128::from(stage.done) * u128::from(of) / u128::from(total)) as u64,
    };
    let full = part(BAR);
    let bar: String = (0..BAR)
        .map(|column| match column < full {
            true => stage.letters.done,
            false => stage.letters.left,
        })
        .collect();
    let mut text = format!(
        "{} {bar} {:>3}%  {} of {}",
        stage.name,
        part(100),
        size_text(stage.done),
        size_text(stage.total)
    );
    match stage.speed {
        Speed::Unknown => {}
        Speed::Rate(rate) => {
            let left = (stage.total - stage.done) as f64 / rate.max(1.0);
            text.push_str(&format!(
                "  {}/s  {} left",
                size_text(rate as u64),
                time_text(left.ceil() as u64)
            ));
        }
        Speed::Waiting(time) => text.push_str(&format!(
            "  waiting for the server's answer ({})",
            time_text(time.as_secs())
        )),
    }
    if !stage.file.is_empty() {
        text.push_str("  ");
        text.push_str(stage.file);
    }
    text
}

/// `backup: waiting for the checkpoint (12s)`
pub(super) fn doing(command: &str, what: &str, time: Duration) -> String {
    match time.as_secs() {
        0 => format!("{command}: {what}"),
        seconds => format!("{command}: {what} ({})", time_text(seconds)),
    }
}
