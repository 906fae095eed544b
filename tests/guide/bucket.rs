//! Pages about buckets, followed with a server of the test in place of the provider's.

use pgkeep_testkit::object_server::{ACCOUNT, BUCKET, Kind, ObjectServer, TOKEN};
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
    let port = server.address().port();
    let endpoint = format!(
        "repo1-s3-endpoint=127.0.0.1:{port}\nrepo1-s3-uri-style=path\nrepo1-storage-ca-file={CA_FILE}"
    );
    follow(
        program,
        &server,
        S3_PAGE,
        &[
            ("repo1-s3-endpoint=s3.eu-central-1.amazonaws.com", &endpoint),
            (PAGES_BUCKET, BUCKET),
            ("AKIAIOSFODNN7EXAMPLE", &user.key),
            ("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", &user.secret),
        ],
    )
}

/// The page on Azure, with a signature of the letters that the page says.
pub fn azure(program: &Program) -> TestResult {
    let server = ObjectServer::start(Kind::Azurite)?;
    let signature = server.shared_access_signature("rwdl", 3600)?;
    let container = format!(
        "repo1-azure-container={BUCKET}\nrepo1-azure-uri-style=path\nrepo1-azure-endpoint=127.0.0.1\n\
         repo1-storage-host=127.0.0.1\nrepo1-storage-port={}\nrepo1-storage-ca-file={CA_FILE}",
        server.address().port()
    );
    let key = "sv=2024-08-04&sr=c&sp=rwdl&se=2027-12-31T00%3A00%3A00Z&sig=EXAMPLE";
    follow(
        program,
        &server,
        "docs/guide/azure-repository.md",
        &[
            ("repo1-azure-container=pg-backup", &container),
            ("examplepgbackup", ACCOUNT),
            (key, signature.trim().trim_start_matches('?')),
        ],
    )
}

/// The page on GCS, with a token in place of the key file.
pub fn gcs(program: &Program) -> TestResult {
    let server = ObjectServer::start(Kind::Gcs)?;
    let key = format!(
        "repo1-gcs-key-type=token\nrepo1-gcs-key={TOKEN}\nrepo1-gcs-endpoint=127.0.0.1:{}\nrepo1-storage-ca-file={CA_FILE}",
        server.address().port()
    );
    follow(
        program,
        &server,
        "docs/guide/gcs-repository.md",
        &[
            ("repo1-gcs-key=/etc/pgbackrest/gcs-key.json", &key),
            ("example-backup", BUCKET),
        ],
    )
}

/// Follows a page with what a reader of the test puts in place of what stands there; one backup is in the bucket then.
fn follow(
    program: &Program,
    server: &ObjectServer,
    page: &str,
    own: &[(&str, &str)],
) -> TestResult {
    let mut hosts = Hosts::beside_servers(program)?;
    hosts
        .database
        .install(program.path(), &["pgkeep", "pgbackrest"])?;
    hosts.shell("mkdir -p /etc/ssl")?;
    let authority = std::fs::read_to_string(server.ca_file())?;
    hosts.write(CA_FILE, &authority, "644 root root")?;
    for (on_the_page, own) in own {
        hosts.replace(on_the_page, own);
    }
    hosts.follow(page, &[])?;
    match hosts.backups(1)? {
        1 => Ok(()),
        backups => Err(format!("{backups} backups in the bucket").into()),
    }
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
