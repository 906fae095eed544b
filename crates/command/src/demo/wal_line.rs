//! The WAL of the story, drawn as a line of time: the backup, the moment that is chosen, the mistake after it.

use super::paint::{Ink, Paint};

/// Columns of one event.
const WIDTH: usize = 17;
/// Columns in front of the first.
const MARGIN: usize = 8;

/// Something that happened at a place in the WAL.
#[derive(Debug, Clone)]
pub(super) struct Event {
    /// Time of day.
    pub(super) time: String,
    pub(super) lsn: String,
}

/// What the line shows.
#[derive(Debug, Clone)]
pub(super) struct WalLine {
    pub(super) backup_begins: Event,
    pub(super) backup_ends: Event,
    pub(super) moment: Event,
    pub(super) mistake: Event,
}

impl WalLine {
    /// The line as it is archived, to its end.
    pub(super) fn archived(&self, paint: Paint) -> String {
        let events = [
            &self.backup_begins,
            &self.backup_ends,
            &self.moment,
            &self.mistake,
        ];
        let names = [
            "backup begins",
            "backup ends",
            "the moment",
            "table dropped",
        ];
        let inks = [Ink::Good, Ink::Good, Ink::Chosen, Ink::Bad];
        let row = |name: &str, words: [&str; 4]| {
            let mut row = format!("{name:MARGIN$}");
            for (word, ink) in words.into_iter().zip(inks) {
                row.push_str(&paint.paint(ink, word));
                row.push_str(&" ".repeat(WIDTH.saturating_sub(word.len())));
            }
            format!("{}\n", row.trim_end())
        };
        let mark = paint.letter('✗', 'x');
        let end = format!(
            "{}{}",
            paint.letter('─', '-').to_string().repeat(WIDTH - 4),
            paint.letter('▶', '>')
        );
        format!(
            "{}{}{}{}{end}\n{}{}",
            row("   time", events.map(|event| event.time.as_str())),
            self.to_the_moment(paint),
            paint.letter('─', '-').to_string().repeat(WIDTH - 1),
            paint.paint(Ink::Bad, &mark.to_string()),
            row("   at", events.map(|event| event.lsn.as_str())),
            row("", names),
        )
    }

    /// The line as recovery followed it: to the moment, where a new timeline begins.
    pub(super) fn recovered(&self, paint: Paint) -> String {
        let turn = paint.letter('╰', '`');
        let on = paint.letter('─', '-').to_string().repeat(3);
        format!(
            "{}\n{}{}\n",
            self.to_the_moment(paint),
            " ".repeat(MARGIN + 2 * WIDTH),
            paint.paint(
                Ink::Good,
                &format!(
                    "{turn}{on}{} timeline 2: the table was never dropped",
                    paint.letter('▶', '>')
                )
            )
        )
    }

    fn to_the_moment(&self, paint: Paint) -> String {
        let line = paint.letter('─', '-').to_string();
        let thick = paint.letter('═', '=').to_string();
        let point = paint.letter('●', 'o');
        let backup = format!("{point}{}{point}", thick.repeat(WIDTH - 1));
        format!(
            "   WAL {line}{}{}{}",
            paint.paint(Ink::Good, &backup),
            line.repeat(WIDTH - 1),
            paint.paint(Ink::Chosen, &paint.letter('◆', '*').to_string())
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::context::Style;

    fn line() -> WalLine {
        let event = |time: &str, lsn: &str| Event {
            time: time.to_owned(),
            lsn: lsn.to_owned(),
        };
        WalLine {
            backup_begins: event("20:10:41", "0/4000028"),
            backup_ends: event("20:10:43", "0/5A3C1E0"),
            moment: event("20:10:44.537", "0/5A41000"),
            mistake: event("20:10:44.602", "0/5A4F2B8"),
        }
    }

    #[test]
    fn every_mark_of_the_line_stands_above_its_name_in_plain_text() {
        let text = line().archived(Paint::new(Style::default()));
        assert_eq!(
            text,
            "   time 20:10:41         20:10:43         20:10:44.537     20:10:44.602\n   \
             WAL -o================o----------------*----------------x------------->\n   \
             at   0/4000028        0/5A3C1E0        0/5A41000        0/5A4F2B8\n        \
             backup begins    backup ends      the moment       table dropped\n"
        );
        let columns: Vec<usize> = text
            .lines()
            .nth(1)
            .unwrap()
            .char_indices()
            .filter(|(_, letter)| matches!(letter, 'o' | '*' | 'x'))
            .map(|(column, _)| column)
            .collect();
        assert_eq!(columns, [8, 25, 42, 59]);
        let recovered = line().recovered(Paint::new(Style::default()));
        assert_eq!(recovered.lines().nth(1).unwrap().find('`'), Some(42));
    }

    #[test]
    fn colours_and_drawing_characters_change_nothing_of_the_columns() {
        let style = Style {
            colours: true,
            utf8: true,
            live: true,
        };
        let painted = line().archived(Paint::new(style));
        let codes = regex::Regex::new("\x1b\\[[0-9;]*m").unwrap();
        let bare = codes.replace_all(&painted, "");
        let plain = line().archived(Paint::new(Style::default()));
        assert_ne!(painted, bare);
        for (painted, plain) in bare.lines().zip(plain.lines()) {
            assert_eq!(painted.chars().count(), plain.chars().count());
        }
    }
}
