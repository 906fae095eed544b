//! Pages about buckets, followed with a server of the test in place of the provider's.

use pgkeep_testkit::object_server::{BUCKET, Kind, ObjectServer};
use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::TestResult;

use crate::hosts::Hosts;
use crate::page::{Result, root};

const S3_PAGE: &str = "docs/guide/s3-repository.md";
/// The bucket that stands on the page.
const PAGES_BUCKET: &str = "example-pg-backup";
/// Where the certificate of the server's authority is on the database host.
const CA_FILE: &str = "/etc/ssl/private-ca.crt";

/// The page on S3, with a key that may do what the page's policy says.
pub fn s3(program: &Program) -> TestResult {
    let server = ObjectServer::start(Kind::Moto)?;
    let user = server.add_user("pg-backup", &policy("backup.json")?)?;
    server.enforce(true)?;
    let mut hosts = Hosts::beside_servers(program)?;
    hosts
        .database
        .install(program.path(), &["pgkeep", "pgbackrest"])?;
    hosts.shell("mkdir -p /etc/ssl")?;
    let authority = std::fs::read_to_string(server.ca_file())?;
    hosts.write(CA_FILE, &authority, "644 root root")?;
    let address = server.address();
    let endpoint = format!(
        "repo1-s3-endpoint=127.0.0.1:{}\nrepo1-s3-uri-style=path\nrepo1-storage-ca-file={CA_FILE}",
        address.port()
    );
    for (on_the_page, own) in [
        (
            "repo1-s3-endpoint=s3.eu-central-1.amazonaws.com",
            endpoint.as_str(),
        ),
        (PAGES_BUCKET, BUCKET),
        ("AKIAIOSFODNN7EXAMPLE", &user.key),
        ("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", &user.secret),
    ] {
        hosts.replace(on_the_page, own);
    }
    hosts.follow(S3_PAGE, &[])?;
    let backups = hosts.backups(1)?;
    if backups != 1 {
        return Err(format!("{backups} backups in the bucket").into());
    }
    Ok(())
}

/// A policy of the page, for the bucket of the server.
fn policy(name: &str) -> Result<String> {
    let page = std::fs::read_to_string(root().join(S3_PAGE))?;
    let document = page
        .split_once(&format!("\n`{name}` "))
        .and_then(|(_, after)| after.split_once("```json\n"))
        .and_then(|(_, after)| after.split_once("```"));
    match document {
        Some((document, _)) => Ok(document.replace(PAGES_BUCKET, BUCKET)),
        None => Err(format!("{S3_PAGE} has no {name}").into()),
    }
}
