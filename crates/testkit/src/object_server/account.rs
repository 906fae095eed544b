//! What tests ask the account that azurite has.

use super::azurite::{ACCOUNT, script};
use super::{BUCKET, Kind, ObjectServer};
use crate::error::{Error, Result};

impl ObjectServer {
    /// Starts azurite so that it takes tokens too.
    pub fn start_taking_tokens() -> Result<Self> {
        Self::start_with(Kind::Azurite, true)
    }

    /// Makes the container.
    pub(super) fn make_container(&self) -> Result<()> {
        let made = self.ask_azurite("PUT", &format!("/{BUCKET}?restype=container"), "", "");
        made.map(drop)
    }

    /// Asks azurite something about the account, as its owner. Headers are lines; hands back headers and body.
    pub fn ask_azurite(
        &self,
        method: &str,
        target: &str,
        headers: &str,
        body: &str,
    ) -> Result<String> {
        let target = format!("/{ACCOUNT}{target}");
        let answer = self.script(&["ask", method, &target, headers, body])?;
        if answer.starts_with('2') {
            Ok(answer)
        } else {
            Err(Error::failed(format!("{method} {target}: {answer}")))
        }
    }

    /// A shared access signature for the container with these permissions, for so many seconds.
    pub fn shared_access_signature(&self, permissions: &str, seconds: i64) -> Result<String> {
        self.script(&["sas", BUCKET, permissions, &seconds.to_string()])
    }

    /// A token for the account, for so many seconds.
    pub fn account_token(&self, seconds: i64) -> Result<String> {
        self.script(&["token", &seconds.to_string()])
    }

    fn script(&self, arguments: &[&str]) -> Result<String> {
        let scheme = if self.own_tls { "https" } else { "http" };
        script(&format!("{scheme}://{}", self.plain), arguments)
    }
}
