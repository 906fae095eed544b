//! What there is to show of a run at a moment: the stage and how it moves, or what the run does beside one.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use pgkeep_command::run::moved::Moved;

use super::line::{self, Letters, Speed};

/// What takes no longer than this is not worth a line.
const SHORT: Duration = Duration::from_millis(400);
/// A run that says nothing of itself shows after so long that it is alive.
const SILENT: Duration = Duration::from_secs(1);
/// The rate is that of so long a time.
const RATE_OF: Duration = Duration::from_secs(5);
/// A rate of less time is a guess.
const RATE_AT_LEAST: Duration = Duration::from_millis(500);
/// A server that takes longer is named as what is waited for.
const ANSWER: Duration = Duration::from_secs(2);

/// Times are counted from the start of the run.
pub(super) struct View {
    command: String,
    letters: Letters,
    stage: Option<Stage>,
    doing: Option<(String, Duration)>,
    /// The command has printed something of its own, by which people see that it is alive.
    printed: bool,
}

struct Stage {
    name: String,
    total: u64,
    moved: Arc<Moved>,
    /// What was shown last; the bar never goes back, though a job that failed is done again.
    done: u64,
    /// When it grew last.
    grew: Duration,
    samples: VecDeque<(Duration, u64)>,
    /// The last file that was finished.
    file: String,
}

impl View {
    pub(super) fn new(command: &str, letters: Letters) -> Self {
        Self {
            command: command.to_owned(),
            letters,
            stage: None,
            doing: None,
            printed: false,
        }
    }

    pub(super) fn begin(&mut self, name: &str, total: u64, moved: &Arc<Moved>, now: Duration) {
        self.stage = Some(Stage {
            name: name.to_owned(),
            total,
            moved: Arc::clone(moved),
            done: 0,
            grew: now,
            samples: VecDeque::new(),
            file: String::new(),
        });
    }

    pub(super) fn finished(&mut self, file: &str) {
        if let Some(stage) = &mut self.stage {
            file.clone_into(&mut stage.file);
        }
    }

    pub(super) fn end(&mut self) {
        self.stage = None;
    }

    pub(super) fn doing(&mut self, what: Option<&str>, now: Duration) {
        self.doing = what.map(|what| (what.to_owned(), now));
    }

    pub(super) fn printed(&mut self) {
        self.printed = true;
    }

    /// The line for now; `None`: there is nothing to show.
    pub(super) fn text(&mut self, now: Duration, stopping: bool) -> Option<String> {
        if stopping {
            let what = "stopping: what is under way ends first";
            return Some(line::doing(&self.command, what, Duration::ZERO));
        }
        if let Some((what, since)) = &self.doing {
            let time = now.saturating_sub(*since);
            if time >= SHORT {
                return Some(line::doing(&self.command, what, time));
            }
        }
        if let Some(stage) = &mut self.stage {
            return Some(stage.text(now, self.letters));
        }
        (now >= SILENT && !self.printed && self.doing.is_none())
            .then(|| line::doing(&self.command, "working", now))
    }
}

impl Stage {
    fn text(&mut self, now: Duration, letters: Letters) -> String {
        let arrived = self.moved.arrived().min(self.total);
        if arrived > self.done {
            (self.done, self.grew) = (arrived, now);
        }
        self.samples.push_back((now, self.done));
        while self.samples.len() > 2
            && self
                .samples
                .get(1)
                .is_some_and(|(at, _)| now.saturating_sub(*at) >= RATE_OF)
        {
            self.samples.pop_front();
        }
        let large = self.moved.file();
        line::stage(&line::Stage {
            name: &self.name,
            done: self.done,
            total: self.total,
            speed: self.speed(now),
            file: if large.is_empty() { &self.file } else { &large },
            letters,
        })
    }

    fn speed(&self, now: Duration) -> Speed {
        let still = now.saturating_sub(self.grew);
        if self.moved.is_remote() && still >= ANSWER {
            return Speed::Waiting(still);
        }
        let (Some((from, before)), Some((to, after))) = (self.samples.front(), self.samples.back())
        else {
            return Speed::Unknown;
        };
        let time = to.saturating_sub(*from);
        if time < RATE_AT_LEAST || after == before {
            return Speed::Unknown;
        }
        Speed::Rate((after - before) as f64 / time.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use pgkeep_command::run::moved::Count;
    use pgkeep_storage::Storage;
    use pgkeep_storage::memory::MemoryStorage;
    use pgkeep_storage::wrap::latency::{Latency, LatencySettings};

    use super::*;

    const MB: u64 = 1 << 20;

    fn at(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    fn view() -> View {
        View::new("backup", Letters::ASCII)
    }

    fn moved(storage: impl Storage + 'static) -> Arc<Moved> {
        let storage: Arc<dyn Storage> = Arc::new(storage);
        Moved::new(&storage)
    }

    #[test]
    fn a_bar_moves_within_a_file_and_tells_rate_and_time_left() {
        let (mut view, moved) = (view(), moved(MemoryStorage::new()));
        view.begin("backup", 100 * MB, &moved, at(0));
        let mut count = Count::new(&moved);
        count.begin(|| "base/1/16384".to_owned(), 100 * MB);
        assert_eq!(
            view.text(at(0), false).unwrap(),
            "backup --------------------   0%  0B of 100MB  base/1/16384"
        );
        count.add(25 * MB);
        assert_eq!(
            view.text(at(1000), false).unwrap(),
            "backup #####---------------  25%  25MB of 100MB  25MB/s  3s left  base/1/16384"
        );
        // A job that is done again takes nothing back on the screen.
        count.restart();
        let again = view.text(at(1100), false).unwrap();
        assert!(again.contains(" 25%  25MB of 100MB"), "{again}");
        count.add(100 * MB);
        count.finish();
        count.keep();
        view.finished("base/1/1");
        let end = view.text(at(4000), false).unwrap();
        assert!(end.starts_with("backup ####################"), "{end}");
        assert!(end.contains(" 100%  100MB of 100MB"), "{end}");
        assert!(end.ends_with("base/1/1"), "{end}");
    }

    #[test]
    fn a_server_that_does_not_answer_is_what_is_waited_for() {
        let slow = Latency::new(Arc::new(MemoryStorage::new()), LatencySettings::default());
        let (mut view, moved) = (view(), moved(slow));
        view.begin("verify", 10 * MB, &moved, at(0));
        let mut count = Count::new(&moved);
        count.begin(String::new, 10 * MB);
        count.add(MB);
        let moving = view.text(at(1000), false).unwrap();
        assert!(!moving.contains("waiting"), "{moving}");
        let still = view.text(at(4000), false).unwrap();
        assert!(
            still.ends_with("waiting for the server's answer (3s)"),
            "{still}"
        );
        count.keep();
    }

    #[test]
    fn what_the_run_waits_for_is_named_unless_it_is_short() {
        let mut view = view();
        assert_eq!(view.text(at(100), false), None);
        view.doing(Some("waiting for the checkpoint"), at(200));
        assert_eq!(view.text(at(500), false), None);
        assert_eq!(
            view.text(at(700), false).unwrap(),
            "backup: waiting for the checkpoint"
        );
        assert_eq!(
            view.text(at(12_300), false).unwrap(),
            "backup: waiting for the checkpoint (12s)"
        );
        view.doing(None, at(12_400));
        assert_eq!(
            view.text(at(12_500), false).unwrap(),
            "backup: working (12s)"
        );
        assert_eq!(
            view.text(at(12_600), true).unwrap(),
            "backup: stopping: what is under way ends first"
        );
        view.printed();
        assert_eq!(view.text(at(12_700), false), None);
    }
}
