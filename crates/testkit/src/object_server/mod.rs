//! Real servers of object stores on loopback ports, behind TLS with a certificate authority of the test's own.
//!
//! `S3s` is s3s-fs, which checks every signature, checksum and length. `Moto` is Amazon's service as moto imitates it:
//! it knows versions, locks, encryption and tags, and looks at no signature. `Gcs` is fake-gcs-server, with what it lacks put
//! right before it. `Azurite` imitates Azure's blobs. `Garage` is a server of S3 that people run in production. Each has one empty bucket, [`BUCKET`].

mod account;
mod azure_locks;
mod azurite;
pub mod faults;
mod front;
mod garage;
mod gcs;
mod http;
mod on_loopback;
mod options;
mod tls;
mod users;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::authority::Authority;
use crate::error::{During, Error, Result};
use crate::installed;
use crate::scratch::Scratch;
use azure_locks::LockingFront;
pub use azurite::{ACCOUNT, ACCOUNT_KEY};
use faults::{FaultyFront, Plan};
use front::Front;
use gcs::{Access, Mended};
pub use users::UserKey;

/// The bucket that every server has.
pub const BUCKET: &str = "pgb";
/// Names that the certificate of a server has.
const SERVER_NAMES: &str = "DNS:localhost,DNS:*.localhost,IP:127.0.0.1";
/// Who may use it.
pub const KEY: &str = "TESTKEY0123456789";
/// What requests are signed with.
pub const SECRET: &str = "test/secret+0123456789abcdefghijklmnopqrs";
/// What requests to the GCS server bear.
pub const TOKEN: &str = "Bearer test-token-0123456789";

/// Which server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    S3s,
    Moto,
    Gcs,
    Azurite,
    Garage,
}

/// A server with its files; it ends when this is dropped.
#[derive(Debug)]
pub struct ObjectServer {
    kind: Kind,
    child: Child,
    plain: SocketAddr,
    /// There is TLS at `plain` too, for azurite with tokens.
    own_tls: bool,
    front: Front,
    /// Between the two, for GCS.
    mended: Option<Mended>,
    /// Between the two, for azurite with locks.
    locking: Option<LockingFront>,
    authority: Authority,
    scratch: Scratch,
}

/// A signature as far as moto reads it.
const ANYBODY: &str = "AWS4-HMAC-SHA256 Credential=X/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0";

/// Longest wait for a server to listen.
const START: Duration = Duration::from_secs(60);

impl ObjectServer {
    /// Starts a server with an empty bucket.
    pub fn start(kind: Kind) -> Result<Self> {
        Self::start_with(kind, false)
    }

    fn start_with(kind: Kind, own_tls: bool) -> Result<Self> {
        let program = program(kind)?;
        let scratch = Scratch::new()?;
        let authority = Authority::new(scratch.path(), Some("localhost"))?;
        authority.issue("server", "localhost", Some(SERVER_NAMES))?;
        let plain = free_port()?;
        let certificate = own_tls.then(|| authority.pair("server"));
        let mut child = command(kind, &program, plain, &scratch, certificate)?
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log(&scratch)?)
            .spawn()
            .during(format!("start {}", program.display()))?;
        if let Err(error) = wait_for(plain, &mut child) {
            let _ = child.kill();
            let _ = child.wait();
            let said = std::fs::read_to_string(scratch.join("server.log")).unwrap_or_default();
            return Err(Error::failed(format!("{error}\n{said}")));
        }
        let (front, mended) = match fronts(kind, &authority, plain, &scratch) {
            Ok(fronts) => fronts,
            Err(error) => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(error);
            }
        };
        let server = Self {
            kind,
            child,
            plain,
            own_tls,
            front,
            mended,
            locking: None,
            authority,
            scratch,
        };
        match kind {
            Kind::Moto => server.ask("PUT", &format!("/{BUCKET}")).map(drop)?,
            Kind::Azurite => server.make_container()?,
            Kind::S3s | Kind::Gcs | Kind::Garage => {}
        }
        Ok(server)
    }

    /// Starts azurite with an account whose blobs can be locked.
    pub fn start_locking_blobs() -> Result<Self> {
        let mut server = Self::start(Kind::Azurite)?;
        let locking = LockingFront::start(server.plain)?;
        server.front = Front::start(server.authority.pair("server"), locking.address())?;
        server.locking = Some(locking);
        Ok(server)
    }

    /// Ends the time for which an object is locked.
    ///
    /// # Panics
    /// For a server other than GCS's, and azurite with locks.
    pub fn end_lock(&self, key: &str) {
        match &self.locking {
            Some(locking) => locking.end_lock(&format!("/{ACCOUNT}/{BUCKET}/{key}")),
            None => self.mended().end_lock(key),
        }
    }

    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// From now on it shows the authority's own certificate, as servers do whose certificate is self-signed. The address is
    /// another one then.
    pub fn show_self_signed(&mut self) -> Result<()> {
        self.front = Front::start(self.authority.pair("ca"), self.plain)?;
        Ok(())
    }

    /// Where it is reached with TLS, as `localhost` or `127.0.0.1`.
    pub fn address(&self) -> SocketAddr {
        match self.own_tls {
            true => self.plain,
            false => self.front.address(),
        }
    }

    /// Where it is reached without TLS.
    pub fn plain_address(&self) -> SocketAddr {
        self.plain
    }

    /// Certificate of the authority that the server's certificate is from.
    pub fn ca_file(&self) -> PathBuf {
        self.authority.file("ca.crt")
    }

    /// Another way to it with TLS, on which requests are counted and those of the plan get their faults.
    pub fn with_faults(&self, plan: Plan) -> Result<FaultyFront> {
        let (certificate, key) = self.authority.pair("server");
        let mended = self.mended.as_ref().map(Mended::address);
        FaultyFront::start(
            ([127, 0, 0, 1], 0).into(),
            mended.unwrap_or(self.plain),
            &certificate,
            &key,
            plan,
        )
    }

    /// What it said on standard error.
    pub fn log_text(&self) -> String {
        std::fs::read_to_string(self.scratch.join("server.log")).unwrap_or_default()
    }

    /// Directory with its files, where it has one.
    pub fn files(&self) -> PathBuf {
        self.scratch.join("files")
    }

    /// Where it is reached without TLS, with what it lacks put right.
    ///
    /// # Panics
    /// For another server than GCS, as the next ones.
    pub fn mended_address(&self) -> SocketAddr {
        self.mended().address()
    }

    /// Key of a service account that may use the GCS server.
    pub fn key_file(&self) -> PathBuf {
        self.mended().key_file()
    }

    /// Uploads in parts that were begun, and neither ended nor given up.
    pub fn unfinished_uploads(&self) -> usize {
        self.mended().unfinished()
    }

    /// Tokens that were issued to accounts so far.
    pub fn tokens_issued(&self) -> usize {
        self.mended().tokens_issued()
    }

    /// Refuses the tokens that were issued so far from now on.
    pub fn end_tokens(&self) {
        self.mended().end_tokens();
    }

    fn mended(&self) -> &Mended {
        self.mended.as_ref().expect("it is the GCS server")
    }

    /// Asks moto or fake-gcs-server itself something, which look at no signature; hands back the whole answer.
    pub fn ask(&self, method: &str, target: &str) -> Result<String> {
        self.send(method, target, "", "")
    }

    /// As [`ObjectServer::ask`] with lines of headers, each with its end, and a body.
    pub fn send(&self, method: &str, target: &str, headers: &str, body: &str) -> Result<String> {
        let headers = format!("authorization: {ANYBODY}\r\n{headers}");
        self.exchange(method, target, &headers, body)
    }

    /// Sends a request with these headers only.
    fn exchange(&self, method: &str, target: &str, headers: &str, body: &str) -> Result<String> {
        let mut stream = TcpStream::connect(self.plain).during("reach the server")?;
        write!(
            stream,
            "{method} {target} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n{headers}connection: close\r\n\r\n{body}",
            body.len()
        )
        .during("ask the server")?;
        let mut answer = Vec::new();
        stream
            .read_to_end(&mut answer)
            .during("read the server's answer")?;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let status = answer.split(' ').nth(1).unwrap_or_default();
        if status.starts_with('2') {
            Ok(answer)
        } else {
            Err(Error::failed(format!("{method} {target}: {answer}")))
        }
    }
}

impl Drop for ObjectServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn program(kind: Kind) -> Result<PathBuf> {
    let (note, path, what) = match kind {
        Kind::S3s => ("s3s-fs", "s3s/bin/s3s-fs", "the S3 server s3s-fs"),
        Kind::Moto => ("moto", "moto/bin/moto_server", "the S3 server moto"),
        Kind::Garage => ("garage", "garage/bin/garage", "the S3 server Garage"),
        Kind::Gcs => (
            "fake-gcs-server",
            "gcs/bin/fake-gcs-server",
            "the GCS server fake-gcs-server",
        ),
        Kind::Azurite => (
            "azurite",
            "azurite/bin/azurite-blob",
            "the Azure server azurite",
        ),
    };
    let path = installed::cache().join(path);
    if path.exists() {
        Ok(path)
    } else {
        Err(installed::absent(note, what))
    }
}

fn command(
    kind: Kind,
    program: &Path,
    at: SocketAddr,
    scratch: &Scratch,
    certificate: Option<(PathBuf, PathBuf)>,
) -> Result<Command> {
    let mut command = Command::new(program);
    let (host, port) = (at.ip().to_string(), at.port().to_string());
    match kind {
        Kind::S3s => {
            let files = scratch.join("files");
            std::fs::create_dir_all(files.join(BUCKET)).during("make the bucket")?;
            command
                .args(["--host", &host, "--port", &port])
                .args(["--access-key", KEY, "--secret-key", SECRET])
                .arg(files);
        }
        Kind::Garage => garage::options(&mut command, at, free_port()?, scratch.path(), BUCKET)?,
        Kind::Moto => {
            command.args(["-H", &host, "-p", &port]);
        }
        Kind::Gcs => {
            // In memory it keeps generations, as files it does not.
            let data = scratch.join("files");
            std::fs::create_dir_all(data.join(BUCKET)).during("make the bucket")?;
            command
                .args(["-scheme", "http", "-host", &host, "-port", &port])
                .args(["-backend", "memory", "-log-level", "error", "-data"])
                .arg(data);
        }
        Kind::Azurite => {
            command.current_dir(scratch.path());
            azurite::options(&mut command, at, certificate);
        }
    }
    Ok(command)
}

/// What stands before the server at `plain`.
fn fronts(
    kind: Kind,
    authority: &Authority,
    plain: SocketAddr,
    scratch: &Scratch,
) -> Result<(Front, Option<Mended>)> {
    if kind != Kind::Gcs {
        return Ok((Front::start(authority.pair("server"), plain)?, None));
    }
    let listener = TcpListener::bind(("127.0.0.1", 0)).during("open a loopback port")?;
    let front = Front::start(
        authority.pair("server"),
        listener.local_addr().during("read the port")?,
    )?;
    let known_as = format!("localhost:{}", front.address().port());
    let access = Access {
        bucket: BUCKET,
        token: TOKEN,
    };
    let mended = Mended::start(listener, plain, known_as, access, scratch.path())?;
    Ok((front, Some(mended)))
}

fn log(scratch: &Scratch) -> Result<Stdio> {
    let file = std::fs::File::create(scratch.join("server.log")).during("make the log file")?;
    Ok(file.into())
}

fn free_port() -> Result<SocketAddr> {
    TcpListener::bind(("127.0.0.1", 0))
        .and_then(|listener| listener.local_addr())
        .during("find a free port")
}

fn wait_for(address: SocketAddr, child: &mut Child) -> Result<()> {
    let started = Instant::now();
    while TcpStream::connect(address).is_err() {
        if let Some(status) = child.try_wait().during("ask for the server")? {
            return Err(Error::failed(format!("the server ended with {status}")));
        }
        if started.elapsed() > START {
            return Err(Error::failed("the server does not listen"));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}
