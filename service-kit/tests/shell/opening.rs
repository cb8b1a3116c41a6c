use std::net::{SocketAddr, TcpStream};

use service_kit::{
    http::while_opening,
    testing::{FreePort, eventually},
};

use super::{INFO, answer_of, request};

fn ask(address: SocketAddr, path: &str) -> super::Answer {
    answer_of(TcpStream::connect(address).unwrap(), request(&format!("GET {path}"), "", "").as_bytes())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_waits_for_its_database_says_so_where_it_will_listen() {
    let port = FreePort::reserve();
    let address = port.address();
    let (open, opened) = tokio::sync::oneshot::channel::<u8>();
    let start = tokio::spawn(while_opening(INFO.name, address, opened));
    eventually("it answers", async || TcpStream::connect(address).is_ok()).await;
    assert_eq!(ask(address, "/health/live").status, 200);
    let ready = ask(address, "/health/ready");
    assert_eq!((ready.status, &ready.json["errors"][0]["field"]), (503, &"database".into()));
    let other = ask(address, "/things/1");
    assert_eq!(
        (other.status, &other.json["code"], &other.json["retryable"]),
        (503, &"unavailable".into(), &true.into())
    );
    open.send(7).unwrap();
    assert_eq!(start.await.unwrap().unwrap(), 7);
    assert!(TcpStream::connect(address).is_err(), "the address is free for the service itself");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_there_is_opened_without_ado() {
    let address = FreePort::reserve().address();
    assert_eq!(while_opening(INFO.name, address, async { 7 }).await, 7);
}
