//! Client and server over loopback, with certificates that openssl makes for the test.

mod certificates;
mod handshake;
mod streams;
