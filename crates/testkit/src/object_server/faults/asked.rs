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
    /// `range` is the header by which GCS is told which bytes of an upload come.
    pub(super) fn new(method: &str, target: &str, range: Option<&str>) -> Self {
        Self {
            what: of_gcs(method, target, range).unwrap_or_else(|| what(method, target)),
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

/// What a request of Google's interface asks; `None`: it is not one.
fn of_gcs(method: &str, target: &str, range: Option<&str>) -> Option<What> {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let has = |pair: &str| query.split('&').any(|own| own.starts_with(pair));
    if path.starts_with("/upload/storage/v1/b/") {
        return Some(match method {
            "DELETE" => What::Abort,
            "POST" if has("uploadType=multipart") => What::Put,
            "POST" => What::Start,
            // The last request of an upload says how long it is.
            _ if range.is_some_and(|range| range.ends_with("/*")) => What::Part,
            _ => What::Complete,
        });
    }
    let (_, object) = path.strip_prefix("/storage/v1/b/")?.split_once("/o")?;
    Some(match method {
        "DELETE" => What::Remove,
        "GET" if object.is_empty() => What::List,
        "GET" if has("alt=media") => What::Get,
        "GET" => What::Head,
        _ => What::Other,
    })
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
            let asked = Asked::new(method, target, None);
            assert_eq!(asked.what, expected, "{method} {target}");
        }
        let upload = "/upload/storage/v1/b/b/o?uploadType=resumable&name=f";
        let part = format!("{upload}&upload_id=x");
        for (method, target, range, expected) in [
            ("GET", "/storage/v1/b/b/o?prefix=r", None, What::List),
            ("GET", "/storage/v1/b/b/o/r%2Ff?fields=x", None, What::Head),
            ("GET", "/storage/v1/b/b/o/r%2Ff?alt=media", None, What::Get),
            ("DELETE", "/storage/v1/b/b/o/r%2Ff", None, What::Remove),
            ("GET", "/storage/v1/b/b?fields=x", None, What::Get),
            (
                "POST",
                "/upload/storage/v1/b/b/o?uploadType=multipart&name=f",
                None,
                What::Put,
            ),
            ("POST", upload, None, What::Start),
            ("PUT", &part, Some("bytes 0-9/*"), What::Part),
            ("PUT", &part, Some("bytes */*"), What::Part),
            ("PUT", &part, Some("bytes 0-9/10"), What::Complete),
            ("DELETE", &part, None, What::Abort),
        ] {
            let asked = Asked::new(method, target, range);
            assert_eq!(asked.what, expected, "{method} {target}");
        }
    }
}
