//! Connections: how many, how long, and what of each is read at most.
//!
//! A client that says nothing, too slowly or too much has a place for so many seconds and a buffer of so many bytes, no more.
//! When all places are taken, the next ones wait in the queue of the kernel.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, header};
use http_body_util::Full;
use hyper::body::{Body, Bytes, Incoming};
use hyper::rt::{Read, Write};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::{sleep, timeout};

use super::service::Service;
use super::state::State;

/// Connections at the same time.
const MOST: u32 = 128;
/// Bytes of a request, all its headers together.
const LONGEST: usize = 16 * 1024;
/// Time for a handshake, and for a request from its first byte, or from the end of the last one, to the end of its headers.
const HEADERS: Duration = Duration::from_secs(10);
/// Time for a whole connection, however many requests it brings.
const LIFE: Duration = Duration::from_secs(60);
/// Time for what is under way when a connection is to end.
const GRACE: Duration = Duration::from_secs(2);

/// Answers until `stop` says so, then lets what is under way end, but not for long.
pub(super) async fn serve(
    listeners: Vec<TcpListener>,
    service: Arc<Service>,
    mut stop: watch::Receiver<bool>,
) {
    let places = Arc::new(Semaphore::new(MOST as usize));
    let accepting: Vec<_> = listeners
        .into_iter()
        .map(|listener| {
            let (places, service, stop) = (Arc::clone(&places), Arc::clone(&service), stop.clone());
            tokio::spawn(accept(listener, places, service, stop))
        })
        .collect();
    wished(&mut stop).await;
    accepting.iter().for_each(tokio::task::JoinHandle::abort);
    let _ = timeout(GRACE + GRACE, places.acquire_many(MOST)).await;
}

async fn accept(
    listener: TcpListener,
    places: Arc<Semaphore>,
    service: Arc<Service>,
    stop: watch::Receiver<bool>,
) {
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok((socket, address)) => {
                let (service, stop) = (Arc::clone(&service), stop.clone());
                tokio::spawn(async move {
                    talk(socket, address, &service, stop).await;
                    drop(place);
                });
            }
            Err(error) => {
                (service.refusals).note(|| format!("unable to accept a connection: {error}"));
                // Too many open files, for example: they become fewer by themselves, or somebody has to look.
                sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

async fn talk(
    socket: TcpStream,
    address: SocketAddr,
    service: &Service,
    stop: watch::Receiver<bool>,
) {
    let state = service.state();
    let client = format!("client at {address}");
    // An answer is written at once; waiting for more of it would only delay it.
    let _ = socket.set_nodelay(true);
    let Some(tls) = state.tls.clone() else {
        return converse(TokioIo::new(socket), &client, service, &state, stop).await;
    };
    match timeout(HEADERS, tls.accept(socket)).await {
        Ok(Ok(secured)) => converse(TokioIo::new(secured), &client, service, &state, stop).await,
        Ok(Err(error)) => log::debug!("{client} has not come to TLS: {error}"),
        Err(_) => log::debug!("{client} has not come to TLS in time"),
    }
}

async fn converse(
    io: impl Read + Write + Unpin,
    client: &str,
    service: &Service,
    state: &State,
    mut stop: watch::Receiver<bool>,
) {
    let answer = service_fn(async |request: hyper::Request<Incoming>| {
        let (parts, body) = request.into_parts();
        let mut answer = service.answer(state, client, &parts).await;
        if !body.is_end_stream() {
            // Nobody reads it, so what follows cannot be told from it.
            let close = HeaderValue::from_static("close");
            answer.headers_mut().insert(header::CONNECTION, close);
        }
        Ok::<http::Response<Full<Bytes>>, Infallible>(answer)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS)
        .max_buf_size(LONGEST)
        .serve_connection(io, answer);
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = sleep(LIFE) => end(connection).await,
        () = wished(&mut stop) => end(connection).await,
    };
    if let Err(error) = ended {
        log::debug!("{client} lost: {error}");
    }
}

/// Until the end is wished for. The sender lives as long as the server.
async fn wished(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// The request under way is answered, and no other.
async fn end<I, S>(
    mut connection: std::pin::Pin<&mut http1::Connection<I, S>>,
) -> Result<(), hyper::Error>
where
    S: hyper::service::HttpService<Incoming, ResBody = Full<Bytes>>,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    I: Read + Write + Unpin,
{
    connection.as_mut().graceful_shutdown();
    timeout(GRACE, connection).await.unwrap_or(Ok(()))
}
