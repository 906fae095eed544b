//! What a request asks of an object store, read from its method and its address.

/// Kinds of requests (S3's names of them are `ListObjectsV2` and so on).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum What {
    List,
    Head,
    Get,
    Put,
    /// Beginning of an upload in parts.
    Start,
    Part,
    Complete,
    /// End of an upload that does not become an object.
    Abort,
    /// The list of uploads that were begun.
    Uploads,
    Remove,
    /// Removal of many with one request.
    RemoveMany,
    Other,
}

/// One request, as predicates see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    pub what: What,
    pub method: String,
    /// Path and query as they were sent.
    pub target: String,
}

impl Asked {
    pub(super) fn new(method: &str, target: &str) -> Self {
        Self {
            what: what(method, target),
            method: method.to_owned(),
            target: target.to_owned(),
        }
    }

    /// Path of the object as it was sent, the bucket included.
    pub fn path(&self) -> &str {
        self.target
            .split_once('?')
            .map_or(self.target.as_str(), |(path, _)| path)
    }
}

fn what(method: &str, target: &str) -> What {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let has = |name: &str| {
        query
            .split('&')
            .any(|pair| pair.split('=').next() == Some(name))
    };
    // Azure says it so.
    let asks = |what: &str| {
        query
            .split('&')
            .any(|pair| pair.strip_prefix("comp=") == Some(what))
    };
    // The bucket itself, in the path or in the host.
    let bucket = path.trim_matches('/').split('/').count() < 2;
    match method {
        "HEAD" => What::Head,
        "GET" if asks("list") => What::List,
        "PUT" if asks("block") => What::Part,
        "PUT" if asks("blocklist") => What::Complete,
        "POST" if asks("batch") => What::RemoveMany,
        "GET" if has("uploads") => What::Uploads,
        "GET" if has("list-type") || has("versions") || (bucket && has("prefix")) => What::List,
        "GET" => What::Get,
        "PUT" if has("partNumber") => What::Part,
        "PUT" => What::Put,
        "POST" if has("uploads") => What::Start,
        "POST" if has("uploadId") => What::Complete,
        "POST" if has("delete") => What::RemoveMany,
        "DELETE" if has("uploadId") => What::Abort,
        "DELETE" => What::Remove,
        _ => What::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_told_apart() {
        for (method, target, expected) in [
            ("GET", "/b?list-type=2&prefix=r%2F", What::List),
            ("GET", "/b?prefix=r&uploads=", What::Uploads),
            ("GET", "/b/r/file", What::Get),
            ("HEAD", "/b/r/file", What::Head),
            ("PUT", "/b/r/file", What::Put),
            ("POST", "/b/r/file?uploads=", What::Start),
            ("PUT", "/b/r/file?partNumber=1&uploadId=x", What::Part),
            ("POST", "/b/r/file?uploadId=x", What::Complete),
            ("DELETE", "/b/r/file?uploadId=x", What::Abort),
            ("DELETE", "/b/r/file", What::Remove),
            ("POST", "/b?delete=", What::RemoveMany),
            ("OPTIONS", "/", What::Other),
            ("GET", "/a/b?comp=list&restype=container", What::List),
            ("PUT", "/a/b/f?blockid=x&comp=block", What::Part),
            ("PUT", "/a/b/f?comp=blocklist", What::Complete),
            (
                "POST",
                "/a/b?comp=batch&restype=container",
                What::RemoveMany,
            ),
        ] {
            assert_eq!(what(method, target), expected, "{method} {target}");
        }
    }
}
