//! Keys and tokens that end: they are asked for at the first use, and again before they end or when a server says so.

use std::future::Future;
use std::sync::{Mutex as SyncMutex, MutexGuard, PoisonError};

use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;

/// What ends sooner than this is replaced: what is started with it has time to end.
const LEFT: i64 = 5 * 60;

/// A key or token as its giver gave it.
#[derive(Debug, Clone)]
pub(crate) struct Temporary<T> {
    pub(crate) value: T,
    /// What tells it from the one before: the name of a key, or the whole token.
    pub(crate) name: SecretString,
    /// Seconds since 1970.
    pub(crate) ends: i64,
}

/// The one of now, shared by all requests of a storage.
#[derive(Debug)]
pub(crate) struct Renewed<T> {
    current: Mutex<Option<Temporary<T>>>,
    /// The name of one that the server refused as ended.
    refused: SyncMutex<Option<SecretString>>,
}

impl<T> Default for Renewed<T> {
    fn default() -> Self {
        Self {
            current: Mutex::new(None),
            refused: SyncMutex::new(None),
        }
    }
}

impl<T: Clone> Renewed<T> {
    /// The known one where it lasts, otherwise what `ask` comes to. `now` is in seconds since 1970.
    pub(crate) async fn get<E>(
        &self,
        now: i64,
        ask: impl Future<Output = Result<Temporary<T>, E>>,
    ) -> Result<T, E> {
        // One asks, the others wait for what it gets.
        let mut current = self.current.lock().await;
        let refused = self.refused().take();
        if let Some(known) = &*current
            && known.ends - now > LEFT
            && refused.as_ref().map(ExposeSecret::expose_secret) != Some(known.name.expose_secret())
        {
            return Ok(known.value.clone());
        }
        let new = ask.await?;
        let value = new.value.clone();
        *current = Some(new);
        Ok(value)
    }

    /// Says that the server took the one of that name as ended.
    pub(crate) fn refuse(&self, name: &str) {
        *self.refused() = Some(name.into());
    }

    fn refused(&self) -> MutexGuard<'_, Option<SecretString>> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(name: &str, ends: i64) -> Result<Temporary<String>, String> {
        Ok(Temporary {
            value: name.to_owned(),
            name: name.into(),
            ends,
        })
    }

    #[test]
    fn what_ends_soon_or_was_refused_is_replaced() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(async {
            let renewed = Renewed::default();
            let unused = || async { Err("not to be asked for".to_owned()) };
            assert_eq!(
                renewed.get(0, async { given("a", 1000) }).await.unwrap(),
                "a"
            );
            assert_eq!(renewed.get(699, unused()).await.unwrap(), "a");
            assert_eq!(
                renewed.get(700, async { given("b", 2000) }).await.unwrap(),
                "b"
            );
            // An old one that is refused late is no reason to ask.
            renewed.refuse("a");
            assert_eq!(renewed.get(700, unused()).await.unwrap(), "b");
            renewed.refuse("b");
            assert!(renewed.get(700, unused()).await.is_err());
        });
    }

    #[test]
    fn many_requests_at_the_same_time_ask_once_and_none_gets_what_has_ended() {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_time()
            .build()
            .unwrap();
        let renewed = std::sync::Arc::new(Renewed::default());
        let asked = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
        runtime.block_on(async {
            for (round, now) in [0, 100, 700, 1400, 1500].into_iter().enumerate() {
                let running: Vec<_> = (0..50)
                    .map(|_| {
                        let (renewed, asked) = (renewed.clone(), asked.clone());
                        tokio::spawn(async move {
                            let ask = async {
                                let count = asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                                // While this one waits the others come.
                                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
                                given(&format!("key{count}"), now + 1000)
                            };
                            renewed.get(now, ask).await
                        })
                    })
                    .collect();
                // Asked for at 0, and whenever less than five minutes are left.
                let expected = ["key0", "key0", "key1", "key2", "key2"][round];
                for one in running {
                    assert_eq!(one.await.unwrap().unwrap(), expected, "at {now}");
                }
            }
        });
        assert_eq!(asked.load(std::sync::atomic::Ordering::SeqCst), 3);
    }
}
