use actix_web::web::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Method, Request, StatusCode};
use hyper_util::{
    client::legacy::{Client as Pooled, connect::HttpConnector},
    rt::TokioExecutor,
};

/// hyper with a pool of connections. Each worker thread has its own, so that no answer crosses threads.
#[derive(Clone)]
pub struct Client {
    pool: Pooled<HttpConnector, Full<Bytes>>,
    base: String,
}

impl Client {
    /// A client of the server at `base`, such as `http://127.0.0.1:8081`.
    pub fn new(base: &str) -> Client {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let pool = Pooled::builder(TokioExecutor::new()).build(connector);
        Client { pool, base: base.to_owned() }
    }

    /// The whole answer. A call that breaks off is answered 502: under load of ours none does.
    pub async fn call(&self, method: Method, path: &str, body: Bytes) -> (StatusCode, Bytes) {
        self.exchange(method, path, body).await.unwrap_or_else(|why| (StatusCode::BAD_GATEWAY, Bytes::from(why)))
    }

    async fn exchange(&self, method: Method, path: &str, body: Bytes) -> Result<(StatusCode, Bytes), String> {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header("content-type", "application/json")
            .body(Full::new(body))
            .map_err(|error| error.to_string())?;
        let answer = self.pool.request(request).await.map_err(|error| error.to_string())?;
        let status = answer.status();
        let body = answer.into_body().collect().await.map_err(|error| error.to_string())?;
        Ok((status, body.to_bytes()))
    }
}
