//! When to show a sign of life, and when to take the other side for dead. No clock here: moments come in, and go out.

use std::time::Duration;

use crate::settings::Pace;

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing until then.
    Wait(Duration),
    SayAlive,
    /// The other side was silent for so long.
    Dead(Duration),
}

#[derive(Debug)]
pub(super) struct Vigil {
    pace: Pace,
    started: Duration,
    /// Silence before this moment does not count.
    forgiven: Duration,
    /// When it wanted to be asked again.
    planned: Duration,
}

impl Vigil {
    pub(super) fn new(pace: Pace, now: Duration) -> Self {
        Self {
            pace,
            started: now,
            forgiven: now,
            planned: now,
        }
    }

    /// `heard` and `said`: when the last bytes came and went. `greeted`: the other side has shown that it is there.
    pub(super) fn step(
        &mut self,
        now: Duration,
        (heard, said): (Duration, Duration),
        greeted: bool,
    ) -> Step {
        // Asked much too late: this process was stopped, not the other. What was sent meanwhile has not been read yet.
        if now > self.planned + self.pace.dead_after {
            self.forgiven = now;
            if !greeted {
                self.started = now;
            }
        }
        let dead_at = if greeted {
            heard.max(self.forgiven) + self.pace.dead_after
        } else {
            self.started + self.pace.greeting_within
        };
        if now >= dead_at {
            return Step::Dead(if greeted {
                now - heard.max(self.forgiven)
            } else {
                now - self.started
            });
        }
        let speak_at = said + self.pace.alive_every;
        if now >= speak_at {
            self.planned = now;
            return Step::SayAlive;
        }
        self.planned = dead_at.min(speak_at);
        Step::Wait(self.planned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn vigil() -> Vigil {
        let pace = Pace {
            alive_every: at(3),
            dead_after: at(15),
            greeting_within: at(60),
            linger: at(1),
            answer_within: None,
        };
        Vigil::new(pace, at(100))
    }

    #[test]
    fn a_side_that_has_said_nothing_for_a_while_shows_that_it_lives() {
        let mut vigil = vigil();
        assert_eq!(
            vigil.step(at(101), (at(100), at(100)), true),
            Step::Wait(at(103))
        );
        assert_eq!(
            vigil.step(at(103), (at(103), at(100)), true),
            Step::SayAlive
        );
        assert_eq!(
            vigil.step(at(103), (at(103), at(103)), true),
            Step::Wait(at(106))
        );
    }

    #[test]
    fn silence_is_death_later_during_the_greeting() {
        for (greeted, last) in [(true, 115), (false, 160)] {
            let mut vigil = vigil();
            for now in 100..last {
                let step = vigil.step(at(now), (at(100), at(now)), greeted);
                assert!(matches!(step, Step::Wait(_)), "{step:?} at {now}");
            }
            let step = vigil.step(at(last), (at(100), at(last)), greeted);
            assert_eq!(step, Step::Dead(at(last - 100)));
        }
    }

    #[test]
    fn a_stopped_process_gives_the_other_side_new_time_when_it_goes_on() {
        let mut vigil = vigil();
        assert_eq!(
            vigil.step(at(100), (at(100), at(100)), true),
            Step::Wait(at(103))
        );
        assert_eq!(
            vigil.step(at(1000), (at(100), at(1000)), true),
            Step::Wait(at(1003))
        );
        for now in 1001..1015 {
            vigil.step(at(now), (at(100), at(now)), true);
        }
        assert_eq!(
            vigil.step(at(1015), (at(100), at(1015)), true),
            Step::Dead(at(15))
        );
    }
}
