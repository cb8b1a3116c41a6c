use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU32, Ordering},
};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, dev::ServerHandle, web};
use serde_json::Value;

/// A shop that takes webhooks, remembers them, and acknowledges them unless it is told not to.
pub struct Shop {
    url: String,
    memory: Arc<Memory>,
    handle: ServerHandle,
}

#[derive(Default)]
struct Memory {
    heard: Mutex<Vec<Heard>>,
    refusals: AtomicU32,
}

/// A webhook, as it came.
#[derive(Debug, Clone)]
pub struct Heard {
    pub signature: String,
    pub body: Vec<u8>,
    pub json: Value,
}

impl Heard {
    pub fn kind(&self) -> &str {
        self.json["type"].as_str().unwrap()
    }

    pub fn id(&self) -> &str {
        self.json["id"].as_str().unwrap()
    }
}

impl Shop {
    pub async fn open() -> Shop {
        let memory = Arc::new(Memory::default());
        let data = web::Data::from(memory.clone());
        let server =
            HttpServer::new(move || App::new().app_data(data.clone()).route("/webhooks/payment", web::post().to(hear)));
        let server = server.workers(1).disable_signals().bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", server.addrs()[0]);
        let server = server.run();
        let handle = server.handle();
        tokio::spawn(server);
        Shop { url, memory, handle }
    }

    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// The next webhooks are answered 503.
    pub fn refuse(&self, count: u32) {
        self.memory.refusals.store(count, Ordering::SeqCst);
    }

    /// Everything that was sent, in its order, refused or not.
    pub fn heard(&self) -> Vec<Heard> {
        self.memory.heard.lock().unwrap().clone()
    }

    pub async fn close(self) {
        self.handle.stop(false).await;
    }
}

async fn hear(memory: web::Data<Memory>, request: HttpRequest, body: web::Bytes) -> HttpResponse {
    let signature = request.headers().get("x-signature").unwrap().to_str().unwrap().to_owned();
    let json = serde_json::from_slice(&body).unwrap();
    memory.heard.lock().unwrap().push(Heard { signature, body: body.to_vec(), json });
    let one_less = |left: u32| left.checked_sub(1);
    if memory.refusals.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less).is_ok() {
        HttpResponse::ServiceUnavailable().finish()
    } else {
        HttpResponse::Ok().finish()
    }
}
