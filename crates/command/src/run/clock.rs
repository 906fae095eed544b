//! Time as handed in by the caller, so that tests choose it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Wall clock, sleep and time zone of the process.
#[derive(Clone)]
pub struct Clock {
    now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    sleep: Arc<dyn Fn(Duration) + Send + Sync>,
    zone: TimeZone,
}

impl Clock {
    /// The system's clock, with the time zone of this process.
    #[must_use]
    pub fn system(zone: TimeZone) -> Self {
        Self {
            now: Arc::new(Timestamp::now),
            sleep: Arc::new(std::thread::sleep),
            zone,
        }
    }

    /// A clock that stands still at `now` (UTC) and moves only by [`Clock::sleep`].
    #[must_use]
    pub fn fixed(now: Timestamp) -> Self {
        let at = Arc::new(std::sync::Mutex::new(now));
        let read = Arc::clone(&at);
        Self {
            now: Arc::new(move || *read.lock().expect("no panic while the clock is read")),
            sleep: Arc::new(move |time| {
                let mut at = at.lock().expect("no panic while the clock is set");
                *at += time;
            }),
            zone: TimeZone::UTC,
        }
    }

    #[must_use]
    pub fn now(&self) -> Timestamp {
        (self.now)()
    }

    /// Whole seconds since 1970.
    #[must_use]
    pub fn seconds(&self) -> i64 {
        self.now().as_second()
    }

    /// Milliseconds since 1970.
    #[must_use]
    pub fn milliseconds(&self) -> i64 {
        self.now().as_millisecond()
    }

    /// When the machine started, seconds since 1970 by this clock.
    #[must_use]
    pub fn boot_seconds(&self) -> i64 {
        let up = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        self.seconds().saturating_sub(up.tv_sec)
    }

    pub fn sleep(&self, time: Duration) {
        (self.sleep)(time);
    }

    /// The process's time zone, used for labels and printed times.
    #[must_use]
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// `2026-11-24 04:50:26` in the local zone for seconds since 1970.
    #[must_use]
    pub fn local_text(&self, seconds: i64) -> String {
        let at = Timestamp::from_second(seconds)
            .unwrap_or(Timestamp::UNIX_EPOCH)
            .to_zoned_datetime(self.zone.clone());
        at.strftime("%Y-%m-%d %H:%M:%S").to_string()
    }

    /// `2026-11-24 04:50:26+00`: with the offset, minutes of it only where there are any.
    #[must_use]
    pub fn offset_text(&self, seconds: i64) -> String {
        let at = Timestamp::from_second(seconds)
            .unwrap_or(Timestamp::MAX)
            .to_zoned_datetime(self.zone.clone());
        let offset = at.offset().seconds();
        let (sign, minutes) = if offset < 0 {
            ('-', -offset / 60)
        } else {
            ('+', offset / 60)
        };
        let shown = at.strftime("%Y-%m-%d %H:%M:%S");
        let mut text = format!("{shown}{sign}{:02}", minutes / 60);
        if minutes % 60 != 0 {
            text.push_str(&format!(":{:02}", minutes % 60));
        }
        text
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Clock({})", self.now())
    }
}
