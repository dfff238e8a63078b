//! One HTTP GET, enough to look at what a server on this machine stores.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// Fetches the body. Asks in HTTP/1.0, so that the answer simply ends where the connection does.
///
/// # Errors
/// No connection, no answer within half a minute, any status but 200.
pub fn get(server: &str, path: &str) -> Result<String, String> {
    let fail = |reason: String| format!("GET {server}{path}: {reason}");
    let host = server
        .strip_prefix("http://")
        .unwrap_or(server)
        .trim_end_matches('/');
    let answer = exchange(host, path).map_err(|error| fail(error.to_string()))?;
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .ok_or_else(|| fail("no HTTP answer".to_owned()))?;
    let status = head.lines().next().unwrap_or_default();
    if status.split(' ').nth(1) != Some("200") {
        return Err(fail(format!("{status}\n{body}")));
    }
    Ok(body.to_owned())
}

fn exchange(host: &str, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(host)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    write!(
        stream,
        "GET {path} HTTP/1.0\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    /// Serves one answer, and returns the request beside what `get` made of it.
    fn get_from(answer: &'static str) -> (String, Result<String, String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = format!("http://{}", listener.local_addr().unwrap());
        let serving = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                request.extend(byte);
            }
            stream.write_all(answer.as_bytes()).unwrap();
            String::from_utf8(request).unwrap()
        });
        let result = get(&server, "/v1/books");
        (serving.join().unwrap(), result)
    }

    #[test]
    fn the_body_is_returned() {
        let (request, body) = get_from("HTTP/1.0 200 OK\r\nX: y\r\n\r\n{\"a\":1}\n{}\n");
        assert!(request.starts_with("GET /v1/books HTTP/1.0\r\n"));
        assert_eq!(body.unwrap(), "{\"a\":1}\n{}\n");
    }

    #[test]
    fn other_answers_are_errors() {
        let (_, missing) = get_from("HTTP/1.0 404 Not Found\r\n\r\nno such book");
        assert!(missing.unwrap_err().contains("no such book"));
        assert!(get_from("").1.is_err());
    }
}
