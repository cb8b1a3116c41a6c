use actix_web::web::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::{
    client::legacy::{Client as Pooled, connect::HttpConnector},
    rt::TokioExecutor,
};

/// hyper with a pool of connections. Each worker thread has its own, so that no answer crosses threads.
#[derive(Clone)]
pub struct Client {
    pool: Pooled<HttpConnector, Full<Bytes>>,
    base: String,
    /// Value of the `authorization` header of every call.
    authorization: Option<String>,
}

impl Client {
    /// A client of the server at `base`, such as `http://127.0.0.1:8081`.
    pub fn new(base: &str) -> Client {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let pool = Pooled::builder(TokioExecutor::new()).build(connector);
        Client { pool, base: base.to_owned(), authorization: None }
    }

    /// As [`new`](Self::new); every call carries the token.
    pub fn with_token(base: &str, token: &str) -> Client {
        Client { authorization: Some(format!("Bearer {token}")), ..Client::new(base) }
    }

    /// The whole answer. A call that breaks off is answered 502: under load of ours none does.
    pub async fn call(&self, method: Method, path: &str, body: Bytes) -> (StatusCode, Bytes) {
        let answer = self.send(method, path, &[], body).await;
        (answer.status(), answer.into_body())
    }

    /// As [`call`](Self::call), with more headers there and all of them back.
    pub async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: Bytes) -> Response<Bytes> {
        self.exchange(method, path, headers, body).await.unwrap_or_else(|why| {
            let mut broken = Response::new(Bytes::from(why));
            *broken.status_mut() = StatusCode::BAD_GATEWAY;
            broken
        })
    }

    async fn exchange(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> Result<Response<Bytes>, String> {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header("content-type", "application/json");
        let request = self.authorization.iter().fold(request, |request, token| request.header("authorization", token));
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let request = request.body(Full::new(body)).map_err(|error| error.to_string())?;
        let answer = self.pool.request(request).await.map_err(|error| error.to_string())?;
        let (head, body) = answer.into_parts();
        let body = body.collect().await.map_err(|error| error.to_string())?;
        Ok(Response::from_parts(head, body.to_bytes()))
    }
}
