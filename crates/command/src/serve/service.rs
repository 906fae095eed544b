//! From a request to its answer.

use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, StatusCode, header};

use super::answer::{self, Answer, answer, with_age};
use super::cache::{Cache, Seen};
use super::figures::Figures;
use super::health;
use super::live_page::{LivePage, with_style};
use super::refusals::Refusals;
use super::rules::{Asked, Refused};
use super::settings::Settings;
use super::state::State;
use crate::metrics;
use crate::run::Context;

/// So long a request waits for what is being read: less than the ten seconds that Prometheus waits for an answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// What answers.
pub(super) struct Service {
    state: RwLock<Arc<State>>,
    context: Arc<Mutex<Context>>,
    figures: Cache<Figures>,
    page: Cache<LivePage>,
    /// The text of `/metrics` after the attempt of this number.
    metrics: Mutex<(u64, Bytes)>,
    pub(super) refusals: Refusals,
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Service")
    }
}

impl Service {
    pub(super) fn new(context: &Context, settings: &Settings, state: Arc<State>) -> Self {
        let context = Arc::new(Mutex::new(context.clone()));
        let current = Arc::clone(&context);
        let figures = Cache::new("metrics", settings.age, uptime, move || {
            let context = current
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone();
            Figures::read(&context)
        });
        let current = Arc::clone(&context);
        let page = Cache::new("page", page_age(settings), uptime, move || {
            let context = current
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone();
            LivePage::read(&context)
        });
        Self {
            state: RwLock::new(state),
            context,
            figures,
            page,
            metrics: Mutex::default(),
            refusals: Refusals::default(),
        }
    }

    /// Puts what was read anew in force.
    pub(super) fn reload(&self, context: &Context, settings: &Settings, state: Arc<State>) {
        *self.context.lock().unwrap_or_else(PoisonError::into_inner) = context.clone();
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = state;
        self.figures.expire(settings.age);
        self.page.expire(page_age(settings));
    }

    pub(super) fn state(&self) -> Arc<State> {
        Arc::clone(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The answer to a request of this client.
    pub(super) async fn answer(&self, state: &State, client: &str, request: &Parts) -> Answer {
        let asked = match state.rules.admit(request) {
            Ok(asked) => asked,
            Err(refused) => {
                if refused == Refused::Token {
                    (self.refusals)
                        .note(|| format!("{client} refused: its token is missing or wrong"));
                }
                return answer::refusal(refused);
            }
        };
        match asked {
            Asked::Page => self.page().await,
            Asked::Metrics => self.metrics(&request.headers).await,
            Asked::Health => self.health().await,
        }
    }

    async fn page(&self) -> Answer {
        let seen = self.page.get(PATIENCE).await;
        let Some(page) = &seen.kept else {
            return answer::unavailable(&health::trouble(&seen).unwrap_or_default());
        };
        let answer = answer(StatusCode::OK, answer::HTML, page.text(&seen));
        with_age(with_style(answer), seen.age)
    }

    async fn metrics(&self, headers: &HeaderMap) -> Answer {
        let seen = self.figures.get(PATIENCE).await;
        let Some(figures) = &seen.kept else {
            return answer::unavailable(&health::trouble(&seen).unwrap_or_default());
        };
        let kind = match wants_openmetrics(headers) {
            true => answer::OPENMETRICS,
            false => answer::PROMETHEUS,
        };
        let text = self.metrics_text(&seen, figures);
        with_age(answer(StatusCode::OK, kind, text), seen.age)
    }

    /// Made once after each attempt, however many ask.
    fn metrics_text(&self, seen: &Seen<Figures>, figures: &Figures) -> Bytes {
        let mut made = self.metrics.lock().unwrap_or_else(PoisonError::into_inner);
        if made.0 != seen.attempt {
            let status = seen.failed.as_ref().map_or(0, |error| error.code.number());
            let text = metrics::with_served(&figures.metrics, figures.read, status);
            *made = (seen.attempt, Bytes::from(text));
        }
        made.1.clone()
    }

    async fn health(&self) -> Answer {
        let seen = self.figures.get(PATIENCE).await;
        let (well, text) = health::health(&seen);
        let status = match well {
            true => StatusCode::OK,
            false => StatusCode::SERVICE_UNAVAILABLE,
        };
        with_age(answer(status, answer::JSON, text), seen.age)
    }
}

/// What the page tells costs more to find out than metrics.
fn page_age(settings: &Settings) -> Duration {
    settings.age.saturating_mul(5)
}

fn wants_openmetrics(headers: &HeaderMap) -> bool {
    let mut accepted = headers.get_all(header::ACCEPT).iter();
    accepted.any(|kinds| {
        kinds
            .to_str()
            .is_ok_and(|kinds| kinds.contains("application/openmetrics-text"))
    })
}

/// Time that goes forward, also while the machine sleeps.
fn uptime() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
    let nanoseconds = u32::try_from(now.tv_nsec).unwrap_or(0);
    Duration::new(seconds, nanoseconds)
}
