//! The Stripe client against a Stripe that forgets idempotency keys and loses answers: what it never may do is charge
//! twice, or charge what nobody wrote down.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use order_service::clients::payments::{Charged, Means, Payment, Provider};
use serde_json::{Value, json};
use service_kit::Outcome;
use shared_types::{
    Currency, Money, OrderId, Secret,
    payments::{Card, PaymentStatus, PaymentView},
};
use uuid::Uuid;

/// A stand-in for Stripe that keeps its books as Stripe does, and ignores idempotency keys on purpose.
#[derive(Default)]
struct Books {
    intents: Vec<Intent>,
    charges: u32,
    refunds: Vec<(String, i64)>,
    /// What becomes of the next answers, first one first. The work itself is done.
    mishaps: Vec<Mishap>,
    /// Headers of the calls, to be looked at.
    keys: Vec<Option<String>>,
}

struct Intent {
    id: String,
    amount: i64,
    card: Option<String>,
    status: &'static str,
    declined: bool,
    metadata: String,
}

#[derive(Clone, Copy)]
enum Mishap {
    Passes,
    Answers(u16, &'static str),
}

type Shared = web::Data<Mutex<Books>>;

impl Intent {
    fn json(&self) -> Value {
        let fault = self.declined.then(|| json!({"code": "card_declined", "decline_code": "insufficient_funds"}));
        json!({"id": self.id, "object": "payment_intent", "status": self.status, "amount": self.amount, "currency": "usd",
               "created": 1_795_000_000, "last_payment_error": fault, "metadata": {"payment_id": self.metadata}})
    }
}

struct Stripe {
    provider: Provider,
    books: Arc<Mutex<Books>>,
    handle: actix_web::dev::ServerHandle,
}

fn answer(books: &mut Books, status: u16, body: &Value) -> HttpResponse {
    let mishap = if books.mishaps.is_empty() { Mishap::Passes } else { books.mishaps.remove(0) };
    let (status, text) = match mishap {
        Mishap::Passes => (status, body.to_string()),
        Mishap::Answers(status, text) => (status, text.to_owned()),
    };
    HttpResponse::build(actix_web::http::StatusCode::from_u16(status).unwrap()).body(text)
}

fn refuse(books: &mut Books, status: u16) -> HttpResponse {
    answer(books, status, &json!({"error": {"type": "invalid_request_error", "message": "Bad request"}}))
}

fn note(books: &mut Books, request: &HttpRequest) {
    assert_eq!(request.headers().get("authorization").unwrap(), "Bearer sk_test_12345");
    assert_eq!(request.headers().get_all("content-type").count(), 1);
    let key = request.headers().get("idempotency-key").map(|key| key.to_str().unwrap().to_owned());
    books.keys.push(key);
}

async fn card(books: Shared, form: web::Form<HashMap<String, String>>) -> HttpResponse {
    let mut books = books.lock().unwrap();
    assert_eq!((form["card[exp_month]"].as_str(), form["card[exp_year]"].as_str()), ("12", "30"));
    let number = &form["card[number]"];
    let body = json!({"id": format!("pm_{number}"), "card": {"brand": "visa", "last4": &number[number.len() - 4..]}});
    answer(&mut books, 200, &body)
}

async fn create(books: Shared, request: HttpRequest, form: web::Form<HashMap<String, String>>) -> HttpResponse {
    let mut books = books.lock().unwrap();
    note(&mut books, &request);
    assert_eq!(form["currency"], "usd");
    let card = form.get("payment_method").cloned();
    let status = if card.is_some() { "requires_confirmation" } else { "requires_payment_method" };
    let (id, metadata) = (format!("pi_{}", books.intents.len()), form["metadata[payment_id]"].clone());
    let amount = form["amount"].parse().unwrap();
    let intent = Intent { id, amount, card, status, declined: false, metadata };
    let body = intent.json();
    books.intents.push(intent);
    answer(&mut books, 200, &body)
}

async fn show(books: Shared, id: web::Path<String>) -> HttpResponse {
    let mut books = books.lock().unwrap();
    match books.intents.iter().find(|intent| intent.id == *id).map(Intent::json) {
        Some(body) => answer(&mut books, 200, &body),
        None => refuse(&mut books, 404),
    }
}

async fn confirm(books: Shared, request: HttpRequest, id: web::Path<String>) -> HttpResponse {
    let books = &mut *books.lock().unwrap();
    note(books, &request);
    let intent = books.intents.iter_mut().find(|intent| intent.id == *id).unwrap();
    if intent.status != "requires_confirmation" {
        return refuse(books, 400);
    }
    if intent.card.as_deref() == Some("pm_4000000000009995") {
        (intent.status, intent.declined) = ("requires_payment_method", true);
        let error = json!({"error": {"code": "card_declined", "decline_code": "insufficient_funds"}});
        return answer(books, 402, &error);
    }
    intent.status = "succeeded";
    let body = intent.json();
    books.charges += 1;
    answer(books, 200, &body)
}

async fn cancel(books: Shared, request: HttpRequest, id: web::Path<String>) -> HttpResponse {
    let books = &mut *books.lock().unwrap();
    note(books, &request);
    let intent = books.intents.iter_mut().find(|intent| intent.id == *id).unwrap();
    if matches!(intent.status, "succeeded" | "canceled" | "processing") {
        return refuse(books, 400);
    }
    intent.status = "canceled";
    let body = intent.json();
    answer(books, 200, &body)
}

async fn refund(books: Shared, request: HttpRequest, form: web::Form<HashMap<String, String>>) -> HttpResponse {
    let books = &mut *books.lock().unwrap();
    note(books, &request);
    let intent = books.intents.iter().find(|intent| intent.id == form["payment_intent"]).unwrap();
    let (id, amount) = (intent.id.clone(), intent.amount);
    books.refunds.push((id, amount));
    answer(books, 200, &json!({"id": "re_1", "amount": amount, "status": "succeeded"}))
}

async fn refunds(books: Shared, query: web::Query<HashMap<String, String>>) -> HttpResponse {
    let books = &mut *books.lock().unwrap();
    let of = books.refunds.iter().filter(|(id, _)| *id == query["payment_intent"]);
    let data: Vec<Value> = of.map(|(_, amount)| json!({"amount": amount, "status": "succeeded"})).collect();
    answer(books, 200, &json!({"object": "list", "data": data}))
}

impl Stripe {
    async fn open() -> Stripe {
        let books = Arc::new(Mutex::new(Books::default()));
        let data = web::Data::from(books.clone());
        let server = HttpServer::new(move || {
            App::new()
                .app_data(data.clone())
                .route("/v1/payment_methods", web::post().to(card))
                .route("/v1/payment_intents", web::post().to(create))
                .route("/v1/payment_intents/{id}", web::get().to(show))
                .route("/v1/payment_intents/{id}/confirm", web::post().to(confirm))
                .route("/v1/payment_intents/{id}/cancel", web::post().to(cancel))
                .route("/v1/refunds", web::post().to(refund))
                .route("/v1/refunds", web::get().to(refunds))
        });
        let server = server.workers(1).disable_signals().bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", server.addrs()[0]);
        let server = server.run();
        let handle = server.handle();
        tokio::spawn(server);
        let provider = Provider::stripe(&url, &Secret::new("sk_test_12345"), 5_000).unwrap();
        Stripe { provider, books, handle }
    }

    /// The next answers are these. The work itself is done.
    fn mishaps(&self, mishaps: &[Mishap]) {
        self.books.lock().unwrap().mishaps = mishaps.to_vec();
    }

    fn charges(&self) -> u32 {
        self.books.lock().unwrap().charges
    }

    async fn means(&self, number: &str) -> Means {
        let card: Card = serde_json::from_value(json!({"number": number, "expiry": "12/30"})).unwrap();
        match self.provider.tokenize(&card).await {
            Outcome::Done(view) => Means::Card(view.token),
            other @ (Outcome::Refused(_) | Outcome::Unknown(_)) => panic!("{other:?}"),
        }
    }

    /// Charges as the driver does: a name that is given is written down, and then the charge is repeated.
    async fn charged(&self, payment: &mut Payment, means: &Means) -> PaymentView {
        loop {
            match self.provider.charge(payment, means).await {
                Outcome::Done(Charged::Named(name)) => payment.provider_ref = Some(name),
                Outcome::Done(Charged::Payment(view)) => return view,
                Outcome::Unknown(_) => {}
                Outcome::Refused(problem) => panic!("{problem}"),
            }
        }
    }

    async fn close(self) {
        self.handle.stop(false).await;
    }
}

fn payment() -> Payment {
    let amount = Money { minor: 1299, currency: Currency::USD };
    Payment { id: OrderId::from_uuid(Uuid::now_v7()).payment(1), amount, provider_ref: None }
}

fn done(outcome: Outcome<PaymentView>) -> PaymentView {
    match outcome {
        Outcome::Done(view) => view,
        other @ (Outcome::Refused(_) | Outcome::Unknown(_)) => panic!("{other:?}"),
    }
}

const LOST: Mishap = Mishap::Answers(500, "");

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_charged_before_the_name_of_the_intent_is_written_down() {
    let stripe = Stripe::open().await;
    let (mut payment, means) = (payment(), stripe.means("4242 4242 4242 4242").await);
    let Outcome::Done(Charged::Named(name)) = stripe.provider.charge(&payment, &means).await else {
        panic!("an intent has a name first");
    };
    assert_eq!((name.as_str(), stripe.charges()), ("pi_0", 0));
    payment.provider_ref = Some(name);
    let view = stripe.charged(&mut payment, &means).await;
    assert_eq!((view.status, view.captured.to_string()), (PaymentStatus::Succeeded, "12.99".to_owned()));
    assert_eq!(stripe.charges(), 1);
    let keys = stripe.books.lock().unwrap().keys.clone();
    assert_eq!(keys, [Some(format!("{}:create", payment.id)), Some(format!("{}:confirm", payment.id))]);
    assert_eq!(stripe.books.lock().unwrap().intents[0].metadata, payment.id.to_string());
    stripe.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whichever_answer_is_lost_the_card_is_charged_once() {
    let stripe = Stripe::open().await;
    let means = stripe.means("4242424242424242").await;
    // The answers of create, look, confirm, and of the look at the refunds.
    for lost in 0..4 {
        let before = stripe.charges();
        let mut mishaps = [Mishap::Passes; 4];
        mishaps[lost] = LOST;
        stripe.mishaps(&mishaps);
        let mut payment = payment();
        let view = stripe.charged(&mut payment, &means).await;
        assert_eq!((view.status, stripe.charges() - before), (PaymentStatus::Succeeded, 1), "answer {lost}");
        assert_eq!(stripe.charged(&mut payment, &means).await.status, PaymentStatus::Succeeded);
        assert_eq!(stripe.charges() - before, 1, "answer {lost}");
    }
    stripe.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_drivers_at_once_charge_once() {
    let stripe = Stripe::open().await;
    let (mut payment, means) = (payment(), stripe.means("4242424242424242").await);
    let Outcome::Done(Charged::Named(name)) = stripe.provider.charge(&payment, &means).await else {
        panic!("an intent has a name first");
    };
    payment.provider_ref = Some(name);
    let drivers = (0..8).map(|_| stripe.provider.charge(&payment, &means));
    for outcome in futures_util::future::join_all(drivers).await {
        let Outcome::Done(Charged::Payment(view)) = outcome else { panic!("{outcome:?}") };
        assert_eq!(view.status, PaymentStatus::Succeeded);
    }
    assert_eq!(stripe.charges(), 1);
    stripe.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_declined_card_stays_declined_whether_its_answer_arrived_or_not() {
    let stripe = Stripe::open().await;
    let means = stripe.means("4000000000009995").await;
    for mishaps in [&[][..], &[Mishap::Passes, Mishap::Passes, LOST][..]] {
        stripe.mishaps(mishaps);
        let mut payment = payment();
        let view = stripe.charged(&mut payment, &means).await;
        assert_eq!((view.status, view.reason.as_deref()), (PaymentStatus::Declined, Some("insufficient_funds")));
        assert_eq!(stripe.charged(&mut payment, &means).await.status, PaymentStatus::Declined);
    }
    assert_eq!(stripe.charges(), 0);
    stripe.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancellation_is_answered_with_the_truth() {
    let stripe = Stripe::open().await;
    let means = stripe.means("4242424242424242").await;
    // Nobody wrote down its name, so nobody can ever confirm it.
    let nameless = payment();
    assert_eq!(done(stripe.provider.cancel(&nameless).await).status, PaymentStatus::Canceled);
    let mut unconfirmed = payment();
    if let Outcome::Done(Charged::Named(name)) = stripe.provider.charge(&unconfirmed, &means).await {
        unconfirmed.provider_ref = Some(name);
    }
    assert_eq!(done(stripe.provider.cancel(&unconfirmed).await).status, PaymentStatus::Canceled);
    assert_eq!(done(stripe.provider.cancel(&unconfirmed).await).status, PaymentStatus::Canceled);
    assert_eq!(stripe.charged(&mut unconfirmed, &means).await.status, PaymentStatus::Canceled);
    assert_eq!(stripe.charges(), 0);
    let mut charged = payment();
    stripe.charged(&mut charged, &means).await;
    assert_eq!(done(stripe.provider.cancel(&charged).await).status, PaymentStatus::Succeeded);
    stripe.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn money_goes_back_once_whichever_answer_is_lost() {
    let stripe = Stripe::open().await;
    let means = stripe.means("4242424242424242").await;
    // The answers of look, its refunds, the refund itself, look and refunds again.
    for lost in 0..5 {
        let mut payment = payment();
        stripe.charged(&mut payment, &means).await;
        let mut mishaps = [Mishap::Passes; 5];
        mishaps[lost] = LOST;
        stripe.mishaps(&mishaps);
        let view = loop {
            if let Outcome::Done(view) = stripe.provider.refund(&payment).await {
                break view;
            }
        };
        assert_eq!((view.status, view.refunded.to_string()), (PaymentStatus::Refunded, "12.99".to_owned()));
        assert_eq!(done(stripe.provider.refund(&payment).await).status, PaymentStatus::Refunded);
        let name = payment.provider_ref.clone().unwrap();
        let refunds = stripe.books.lock().unwrap().refunds.iter().filter(|(id, _)| *id == name).count();
        assert_eq!(refunds, 1, "answer {lost}");
    }
    stripe.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invoice_waits_for_its_buyer_and_is_not_confirmed() {
    let stripe = Stripe::open().await;
    let mut payment = payment();
    assert_eq!(stripe.charged(&mut payment, &Means::Invoice).await.status, PaymentStatus::Processing);
    assert_eq!(stripe.charges(), 0);
    stripe.books.lock().unwrap().intents[0].status = "succeeded";
    assert_eq!(stripe.charged(&mut payment, &Means::Invoice).await.status, PaymentStatus::Succeeded);
    stripe.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_says_nothing_about_the_money_is_no_answer() {
    let stripe = Stripe::open().await;
    let means = stripe.means("4242424242424242").await;
    let error = r#"{"error": {"message": "no"}}"#;
    for mishap in [
        Mishap::Answers(500, error),
        Mishap::Answers(429, error),
        Mishap::Answers(401, error),
        Mishap::Answers(403, error),
        Mishap::Answers(404, error),
        Mishap::Answers(409, error),
        Mishap::Answers(200, "<html>welcome to the hotel's network</html>"),
        Mishap::Answers(402, "<html></html>"),
        Mishap::Answers(302, ""),
    ] {
        stripe.mishaps(&[mishap]);
        let outcome = stripe.provider.charge(&payment(), &means).await;
        assert!(matches!(outcome, Outcome::Unknown(_)), "{outcome:?}");
    }
    stripe.mishaps(&[Mishap::Answers(402, r#"{"error": {"decline_code": "lost_card"}}"#)]);
    let refused = stripe.provider.charge(&payment(), &means).await;
    assert!(matches!(&refused, Outcome::Refused(problem) if problem.detail == "lost_card"), "{refused:?}");
    stripe.close().await;
}
