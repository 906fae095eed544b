//! Garage on one node: it checks signatures and checksums, lists uploads that were begun, and keeps no versions.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use crate::error::{During, Result};

/// It takes no key whose name has another form.
pub(super) const KEY: &str = "GK31c2f218a2e44f485b94239e";
/// Nor another secret than 32 bytes in hexadecimal.
pub(super) const SECRET: &str = "b892c0665f0ada8a4755dae98baa3b133590e11dae3bcc1f9d769d67f16c3835";
/// By which its nodes know one another.
const RPC_SECRET: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0";

/// How it is started at an address, with its key and `bucket`; `nodes` is where other nodes would reach it.
pub(super) fn options(
    command: &mut Command,
    at: SocketAddr,
    nodes: SocketAddr,
    home: &Path,
    bucket: &str,
) -> Result<()> {
    let files = home.display();
    let text = format!(
        "metadata_dir = \"{files}/meta\"\ndata_dir = \"{files}/data\"\ndb_engine = \"lmdb\"\n\
         metadata_fsync = false\ndata_fsync = false\nreplication_factor = 1\ncompression_level = \"none\"\n\
         rpc_bind_addr = \"{nodes}\"\nrpc_public_addr = \"{nodes}\"\nrpc_secret = \"{RPC_SECRET}\"\n\
         [s3_api]\ns3_region = \"us-east-1\"\napi_bind_addr = \"{at}\"\nroot_domain = \".localhost\"\n"
    );
    let config = home.join("garage.toml");
    std::fs::write(&config, text).during("write the configuration of garage")?;
    command
        .env("GARAGE_DEFAULT_ACCESS_KEY", KEY)
        .env("GARAGE_DEFAULT_SECRET_KEY", SECRET)
        .env("GARAGE_DEFAULT_BUCKET", bucket)
        .env("RUST_LOG", "garage=warn")
        .arg("-c")
        .arg(config)
        .args(["server", "--single-node", "--default-bucket"]);
    Ok(())
}
