//! Bodies of requests: read whole, unpacked, and never larger than they may be.

use std::io::{self, Read};

use axum::{
    body::{Bytes, HttpBody},
    extract::{FromRequest, Request},
    http::{
        HeaderValue, StatusCode,
        header::{ACCEPT_ENCODING, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH},
    },
    middleware::Next,
    response::{IntoResponse, Response},
};
use flate2::read::MultiGzDecoder;

use super::{
    BODY_LEN_MAX, REQUEST_TIME_MAX,
    problem::{Kind, Problem, Result},
};

/// Largest window of a zstd body, as a power of two: what its decoder may take in memory.
const ZSTD_WINDOW_LOG_MAX: u32 = 23;

/// Reads the body whole before anything is decided, so that a refusal finds it read and the
/// connection goes on. A body that is declared too long is refused unread, and ends it.
pub(super) async fn take(request: Request, next: Next) -> Result<Response> {
    let (mut parts, body) = request.into_parts();
    if body.size_hint().lower() > BODY_LEN_MAX as u64 {
        return Err(too_large());
    }
    let reading = Bytes::from_request(Request::from_parts(parts.clone(), body), &());
    let mut bytes = tokio::time::timeout(REQUEST_TIME_MAX, reading)
        .await
        .map_err(|_| Kind::Timeout.detail("the body did not come in time"))?
        .map_err(|rejection| match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => too_large(),
            _ => Kind::BrokenBody.detail("the body ended early"),
        })?;
    if let Some(encoding) = parts.headers.remove(CONTENT_ENCODING) {
        bytes = match unpack(&encoding, &bytes) {
            Ok(bytes) => bytes,
            Err(problem) if problem.kind == Kind::UnsupportedEncoding => {
                let accepted = [(ACCEPT_ENCODING, "gzip, zstd")];
                return Ok((accepted, problem).into_response());
            }
            Err(problem) => return Err(problem),
        };
        parts.headers.remove(CONTENT_LENGTH);
    }
    let mut response = next.run(Request::from_parts(parts, bytes.into())).await;
    response.extensions_mut().insert(Taken);
    Ok(response)
}

/// Marks an answer to a request whose body was read.
#[derive(Clone, Copy)]
struct Taken;

/// Ends the connection after an answer that was given before the body was read: what is still on
/// the line is no request.
pub(super) async fn end_unread(request: Request, next: Next) -> Response {
    let is_empty = request.body().is_end_stream();
    let mut response = next.run(request).await;
    if !is_empty && response.extensions().get::<Taken>().is_none() {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(CONNECTION, close);
    }
    response
}

fn unpack(encoding: &HeaderValue, bytes: &[u8]) -> Result<Bytes> {
    match encoding.as_bytes().to_ascii_lowercase().as_slice() {
        b"identity" => Ok(Bytes::copy_from_slice(bytes)),
        b"gzip" => read_bounded(MultiGzDecoder::new(bytes)),
        b"zstd" => {
            let mut decoder = zstd::Decoder::with_buffer(bytes).map_err(Problem::internal)?;
            let bounded = decoder.window_log_max(ZSTD_WINDOW_LOG_MAX);
            bounded.map_err(Problem::internal)?;
            read_bounded(decoder)
        }
        _ => Err(Kind::UnsupportedEncoding.detail("pack the body with gzip, zstd or not at all")),
    }
}

/// What `packed` unpacks to. Stops at the bound, however much more there would be.
fn read_bounded(packed: impl Read) -> Result<Bytes> {
    let mut bytes = Vec::new();
    let read = packed
        .take(BODY_LEN_MAX as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|error: io::Error| {
            Kind::BrokenBody.detail(format!("unpacking failed: {error}"))
        })?;
    if read > BODY_LEN_MAX {
        return Err(too_large());
    }
    Ok(bytes.into())
}

fn too_large() -> Problem {
    Kind::BodyTooLarge.detail(format!("a body has at most {BODY_LEN_MAX} bytes, unpacked"))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).expect("a Vec takes every byte");
        encoder.finish().expect("a Vec takes every byte")
    }

    fn zstd(bytes: &[u8]) -> Vec<u8> {
        zstd::encode_all(bytes, 19).expect("it packs")
    }

    fn kind(encoding: &'static str, bytes: &[u8]) -> Option<Kind> {
        let unpacked = unpack(&HeaderValue::from_static(encoding), bytes);
        unpacked.err().map(|problem| problem.kind)
    }

    #[test]
    fn what_was_packed_is_unpacked() {
        let body = b"{\"entries\": []}".repeat(1000);
        for (encoding, packed) in [("GZIP", gzip(&body)), ("zstd", zstd(&body))] {
            let unpacked = unpack(&HeaderValue::from_static(encoding), &packed);
            assert_eq!(unpacked.as_deref(), Ok(&body[..]), "{encoding}");
        }
        assert_eq!(kind("identity", &body), None);
        assert_eq!(kind("br", &body), Some(Kind::UnsupportedEncoding));
        assert_eq!(kind("gzip, gzip", &body), Some(Kind::UnsupportedEncoding));
    }

    #[test]
    fn a_body_as_large_as_it_may_be_passes_and_one_byte_more_does_not() {
        for len in [BODY_LEN_MAX, BODY_LEN_MAX + 1, 64 * BODY_LEN_MAX] {
            let body = vec![b' '; len];
            let expected = (len > BODY_LEN_MAX).then_some(Kind::BodyTooLarge);
            assert_eq!(kind("gzip", &gzip(&body)), expected, "{len}");
            assert_eq!(kind("zstd", &zstd(&body)), expected, "{len}");
        }
    }

    #[test]
    fn what_is_not_packed_or_ends_early_is_refused() {
        for (encoding, packed) in [("gzip", gzip(b"12345678")), ("zstd", zstd(b"12345678"))] {
            let cut = &packed[..packed.len() - 3];
            assert_eq!(kind(encoding, cut), Some(Kind::BrokenBody), "{encoding}");
            assert_eq!(kind(encoding, b"{}"), Some(Kind::BrokenBody), "{encoding}");
        }
    }
}
