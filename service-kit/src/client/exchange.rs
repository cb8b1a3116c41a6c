use std::{sync::Arc, time::Duration};

use http_body_util::{BodyExt, Full};
use hyper::{
    Request, Response,
    body::{Body, Bytes, Incoming},
};
use tokio::time::timeout;

use super::{NoAnswer, RawAnswer, connections::Http};
use crate::causes::with_causes;

/// Bytes of an answer that are read at most; a longer one is no answer.
const MAX_ANSWER_BYTES: usize = 4 * 1024 * 1024;

/// A call that broke off.
pub(super) struct Broken {
    pub(super) why: NoAnswer,
    /// Its time was over.
    pub(super) timed_out: bool,
}

/// Sends the request and reads the answer to its last byte, within this time. A request that met a connection which the other
/// side had closed by then was not begun, and goes out again on another.
pub(super) async fn exchange(http: &Http, request: Request<Full<Bytes>>, time: Duration) -> Result<RawAnswer, Broken> {
    let answer = async {
        let response = http.request(request).await.map_err(|error| with_causes(&error))?;
        let (head, body) = Response::into_parts(response);
        Ok(RawAnswer { status: head.status, headers: Arc::new(head.headers), body: read(body).await? })
    };
    match timeout(time, answer).await {
        Ok(answered) => answered.map_err(|why| Broken { why: NoAnswer(why), timed_out: false }),
        Err(_) => {
            let why = NoAnswer(format!("no answer within {} ms", time.as_millis()));
            Err(Broken { why, timed_out: true })
        }
    }
}

/// The body of an answer; most come in one piece, which is not copied.
async fn read(mut body: Incoming) -> Result<Bytes, String> {
    let first = next(&mut body).await?.unwrap_or_default();
    within_limit(first.len())?;
    if body.is_end_stream() {
        return Ok(first);
    }
    let mut read = Vec::from(first);
    while let Some(piece) = next(&mut body).await? {
        within_limit(read.len() + piece.len())?;
        read.extend_from_slice(&piece);
    }
    Ok(read.into())
}

/// The next piece. What follows the pieces (trailers, RFC 9110, 6.5) is nothing of ours.
async fn next(body: &mut Incoming) -> Result<Option<Bytes>, String> {
    match body.frame().await {
        Some(Ok(frame)) => Ok(frame.into_data().ok()),
        Some(Err(error)) => Err(with_causes(&error)),
        None => Ok(None),
    }
}

fn within_limit(bytes: usize) -> Result<(), String> {
    if bytes <= MAX_ANSWER_BYTES {
        return Ok(());
    }
    Err(format!("the answer is longer than {MAX_ANSWER_BYTES} bytes"))
}
