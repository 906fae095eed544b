//! The options that put a repository into a server's bucket, as either program takes them.

use super::garage;
use super::{ACCOUNT, ACCOUNT_KEY, BUCKET, KEY, Kind, ObjectServer, SECRET, TOKEN};

impl ObjectServer {
    /// Options of repository `key` in the bucket, over TLS with the test's own authority.
    pub fn options(&self, key: usize) -> Vec<(String, String)> {
        self.options_at(key, self.address().port())
    }

    /// Name and secret of the key of an S3 server.
    fn key(&self) -> (&'static str, &'static str) {
        match self.kind() {
            Kind::Garage => (garage::KEY, garage::SECRET),
            _ => (KEY, SECRET),
        }
    }

    /// The same on another way to it: the port of a front.
    pub fn options_at(&self, key: usize, port: u16) -> Vec<(String, String)> {
        let mut options: Vec<(&str, String)> = match self.kind() {
            Kind::S3s | Kind::Moto | Kind::Garage => vec![
                ("type", "s3".to_owned()),
                ("s3-bucket", BUCKET.to_owned()),
                ("s3-endpoint", "localhost".to_owned()),
                ("s3-region", "us-east-1".to_owned()),
                ("s3-uri-style", "path".to_owned()),
                ("s3-key", self.key().0.to_owned()),
                ("s3-key-secret", self.key().1.to_owned()),
                ("storage-host", "localhost".to_owned()),
                ("storage-port", port.to_string()),
            ],
            Kind::Gcs => vec![
                ("type", "gcs".to_owned()),
                ("gcs-bucket", BUCKET.to_owned()),
                ("gcs-endpoint", format!("localhost:{port}")),
                ("gcs-key-type", "token".to_owned()),
                ("gcs-key", TOKEN.to_owned()),
            ],
            Kind::Azurite => vec![
                ("type", "azure".to_owned()),
                ("azure-account", ACCOUNT.to_owned()),
                ("azure-key", ACCOUNT_KEY.to_owned()),
                ("azure-container", BUCKET.to_owned()),
                ("azure-endpoint", "localhost".to_owned()),
                ("azure-uri-style", "path".to_owned()),
                ("storage-host", "localhost".to_owned()),
                ("storage-port", port.to_string()),
            ],
        };
        options.push(("path", "/repo".to_owned()));
        options.push(("storage-ca-file", self.ca_file().display().to_string()));
        options
            .into_iter()
            .map(|(name, value)| (format!("repo{key}-{name}"), value))
            .collect()
    }
}
