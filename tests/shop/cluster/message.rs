//! Where an HTTP/1.1 message ends: what loses, doubles or breaks a request must know which bytes are one.

use tokio::{io::AsyncReadExt, net::tcp::OwnedReadHalf};

/// The requests of one connection, one whole request after the other.
pub struct Requests {
    from: OwnedReadHalf,
    read: Vec<u8>,
}

impl Requests {
    pub fn of(from: OwnedReadHalf) -> Requests {
        Requests { from, read: Vec::new() }
    }

    /// The next request; `None` at the end of the connection.
    pub async fn next(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Some(length) = length_of_request(&self.read) {
                let rest = self.read.split_off(length);
                return Some(std::mem::replace(&mut self.read, rest));
            }
            if self.from.read_buf(&mut self.read).await.ok()? == 0 {
                return None;
            }
        }
    }
}

/// How many of these bytes are the first request, once all of it is there.
fn length_of_request(bytes: &[u8]) -> Option<usize> {
    let head = end_of_head(bytes)?;
    let text = String::from_utf8_lossy(&bytes[..head]).to_ascii_lowercase();
    if text.contains("\r\ntransfer-encoding: chunked") {
        let end = bytes[head..].windows(5).position(|piece| piece == b"0\r\n\r\n")?;
        return Some(head + end + 5);
    }
    let length: usize = text.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
    (bytes.len() >= head + length).then_some(head + length)
}

/// The first byte behind the head.
fn end_of_head(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|piece| piece == b"\r\n\r\n").map(|at| at + 4)
}

/// As much of a message as arrives when it breaks in mid-body; in mid-head, if it has no body.
pub fn broken_off(bytes: &[u8]) -> &[u8] {
    match end_of_head(bytes) {
        Some(head) if bytes.len() > head + 1 => &bytes[..head + (bytes.len() - head) / 2],
        _ => &bytes[..bytes.len() / 2],
    }
}

#[test]
fn a_request_ends_where_it_says() {
    let request = b"POST /a HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcGET /b HTTP/1.1\r\n\r\n";
    assert_eq!(length_of_request(request), Some(42));
    assert_eq!(length_of_request(&request[..41]), None);
    assert_eq!(length_of_request(&request[42..]), Some(request.len() - 42));
    let chunked = b"PUT /c HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\nGET";
    assert_eq!(length_of_request(chunked), Some(chunked.len() - 3));
    assert_eq!(broken_off(&request[..42]), &request[..40]);
    assert_eq!(broken_off(&request[42..]), &request[42..51]);
}
