//! A secret that crosses, on an encrypted connection and to whoever may have it. `Debug` leaves it out.

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

#[derive(Debug, Clone)]
pub struct WireSecret(pub SecretString);

impl Serialize for WireSecret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.expose_secret())
    }
}

impl<'de> Deserialize<'de> for WireSecret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(SecretString::from(text)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_crosses_and_is_not_shown() {
        let secret: WireSecret = serde_json::from_str("\"my secret\"").unwrap();
        assert_eq!(secret.0.expose_secret(), "my secret");
        assert_eq!(serde_json::to_string(&secret).unwrap(), "\"my secret\"");
        assert!(!format!("{secret:?}").contains("my secret"));
    }
}
