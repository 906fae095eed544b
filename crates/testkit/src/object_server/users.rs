//! Users of moto whose policies are enforced: each has a key of its own, and may do what its policy says.
//!
//! moto looks at actions and resources of a policy, and at signatures. It ignores conditions, takes the removal of several
//! objects for a matter of the bucket, and knows no rights for tags, keys and locks of objects.

use std::io::Write;

use super::ObjectServer;
use crate::error::{Error, Result};

/// A user's key.
#[derive(Debug, Clone)]
pub struct UserKey {
    pub key: String,
    pub secret: String,
}

/// A signature as far as moto reads it while nothing is enforced.
const ADMINISTRATOR: &str = "authorization: AWS4-HMAC-SHA256 Credential=X/20260101/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=0\r\n\
    content-type: application/x-www-form-urlencoded\r\n";

impl ObjectServer {
    /// Makes a user with this policy, a JSON document, and no other rights. Not while policies are enforced.
    pub fn add_user(&self, name: &str, policy: &str) -> Result<UserKey> {
        self.administer("CreateUser", name, &[])?;
        self.set_policy(name, policy)?;
        let made = self.administer("CreateAccessKey", name, &[])?;
        let text = |tag: &str| {
            let (_, rest) = made.split_once(&format!("<{tag}>"))?;
            Some(rest.split_once('<')?.0.to_owned())
        };
        match (text("AccessKeyId"), text("SecretAccessKey")) {
            (Some(key), Some(secret)) => Ok(UserKey { key, secret }),
            _ => Err(Error::failed(format!("no key in: {made}"))),
        }
    }

    /// Gives a user another policy. Not while policies are enforced.
    pub fn set_policy(&self, name: &str, policy: &str) -> Result<()> {
        let more = [("PolicyName", "only"), ("PolicyDocument", policy)];
        self.administer("PutUserPolicy", name, &more).map(drop)
    }

    /// From now on every request needs a user's key and a policy that allows it, or everything is allowed again.
    pub fn enforce(&self, enforced: bool) -> Result<()> {
        let free = if enforced { "0" } else { "inf" };
        let target = "/moto-api/reset-auth";
        self.exchange("POST", target, "content-type: text/plain\r\n", free)
            .map(drop)
    }

    fn administer(&self, action: &str, user: &str, more: &[(&str, &str)]) -> Result<String> {
        let mut form = format!("Action={action}&Version=2010-05-08&UserName={user}");
        for (name, value) in more {
            form.push_str(&format!("&{name}={}", encoded(value)));
        }
        self.exchange("POST", "/", ADMINISTRATOR, &form)
    }
}

fn encoded(text: &str) -> String {
    let mut out = Vec::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() {
            out.push(byte);
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}
