use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use actix_web::{HttpResponse, web};
use serde_json::json;
use shared_types::{
    Amount, Code, Currency, PaymentId, Problem, Timestamp,
    payments::{OpenPaymentRequest, PaymentStatus, PaymentView},
};
use tokio::sync::watch;

use crate::neighbours::{Mood, broken, held};

/// A payment provider with a mood and a ledger.
pub struct Bank {
    mood: Mutex<Mood>,
    /// What becomes of a payment that it hears of for the first time.
    decision: Mutex<PaymentStatus>,
    ledger: Mutex<BTreeMap<String, PaymentView>>,
    /// Whether its answers wait, although everything is done.
    holds_answers: watch::Sender<bool>,
    /// Every call that arrived, with those of the other neighbours.
    calls: Arc<Mutex<Vec<String>>>,
}

impl Bank {
    pub fn new(calls: Arc<Mutex<Vec<String>>>) -> Bank {
        let (mood, decision) = (Mutex::new(Mood::Well), Mutex::new(PaymentStatus::Succeeded));
        Bank { mood, decision, ledger: Mutex::default(), holds_answers: watch::Sender::new(false), calls }
    }

    pub fn is(&self, mood: Mood) {
        *held(&self.mood) = mood;
    }

    /// From now on it does what it is asked, and its answers are on their way until they are let go.
    pub fn holds_answers(&self, holds: bool) {
        self.holds_answers.send_replace(holds);
    }

    pub fn decides(&self, status: PaymentStatus) {
        *held(&self.decision) = status;
    }

    /// The state of the order's n-th payment, if the bank has heard of it.
    pub fn status(&self, order: &str, n: u32) -> Option<PaymentStatus> {
        held(&self.ledger).get(&format!("{order}:{n}")).map(|payment| payment.status)
    }

    /// The buyer pays, or his bank decides.
    pub fn settle(&self, order: &str, n: u32, status: PaymentStatus) {
        let mut ledger = held(&self.ledger);
        let payment = ledger.get_mut(&format!("{order}:{n}")).unwrap();
        payment.captured = if status == PaymentStatus::Succeeded { payment.amount } else { payment.captured };
        payment.status = status;
    }

    /// What it keeps of all payments, in cents: captured and not refunded.
    pub fn keeps(&self) -> i64 {
        let cents = |amount: Amount| amount.to_string().replace('.', "").parse::<i64>().unwrap();
        held(&self.ledger).values().map(|payment| cents(payment.captured) - cents(payment.refunded)).sum()
    }

    fn open(&self, id: PaymentId, request: &OpenPaymentRequest) -> PaymentView {
        let decision = *held(&self.decision);
        let mut ledger = held(&self.ledger);
        let opened = || {
            let captured = if decision == PaymentStatus::Succeeded { request.amount } else { nothing() };
            PaymentView { status: decision, amount: request.amount, captured, ..payment(id) }
        };
        ledger.entry(id.to_string()).or_insert_with(opened).clone()
    }

    fn cancel(&self, id: PaymentId) -> PaymentView {
        let mut ledger = held(&self.ledger);
        let known = ledger.entry(id.to_string()).or_insert_with(|| payment(id));
        if known.status == PaymentStatus::Processing {
            known.status = PaymentStatus::Canceled;
        }
        known.clone()
    }

    fn refund(&self, id: PaymentId) -> PaymentView {
        let mut ledger = held(&self.ledger);
        let known = ledger.entry(id.to_string()).or_insert_with(|| payment(id));
        if known.status == PaymentStatus::Succeeded {
            (known.status, known.refunded) = (PaymentStatus::Refunded, known.captured);
        }
        known.clone()
    }

    async fn answer(&self, call: String, done: impl Fn() -> PaymentView) -> HttpResponse {
        held(&self.calls).push(call);
        let mood = *held(&self.mood);
        match mood {
            Mood::Well | Mood::Confused | Mood::Lies => {
                let answer = HttpResponse::Ok().json(done());
                let mut held = self.holds_answers.subscribe();
                // The bank outlives its answers.
                held.wait_for(|held| !held).await.unwrap();
                answer
            }
            Mood::Down => broken(),
            Mood::LosesReplies => {
                done();
                broken()
            }
            Mood::Hangs => {
                done();
                std::future::pending().await
            }
            Mood::Fails => HttpResponse::InternalServerError().finish(),
            Mood::Stranger => HttpResponse::Ok().content_type("text/html").body("<h1>Out of order</h1>"),
            Mood::Refuses => HttpResponse::UnprocessableEntity().json(Problem::new(Code::Invalid, "no such card")),
        }
    }
}

fn nothing() -> Amount {
    "0.00".parse().unwrap()
}

/// The tombstone of a payment that was never heard of.
fn payment(id: PaymentId) -> PaymentView {
    PaymentView {
        payment_id: id,
        status: PaymentStatus::Canceled,
        amount: nothing(),
        currency: Currency::USD,
        captured: nothing(),
        refunded: nothing(),
        reason: None,
        version: 1,
        created_at: Timestamp::from_micros(0),
        updated_at: Timestamp::from_micros(0),
    }
}

pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/tokens", web::post().to(token))
        .route("/payments/{id}", web::put().to(open))
        .route("/payments/{id}/cancel", web::post().to(cancel))
        .route("/payments/{id}/refund", web::post().to(refund));
}

async fn token(bank: web::Data<Bank>) -> HttpResponse {
    held(&bank.calls).push("POST /tokens".to_owned());
    let mood = *held(&bank.mood);
    match mood {
        Mood::Down => broken(),
        Mood::Refuses => HttpResponse::UnprocessableEntity().json(Problem::new(Code::Invalid, "an expired card")),
        Mood::Well | Mood::LosesReplies | Mood::Hangs | Mood::Fails | Mood::Stranger | Mood::Confused | Mood::Lies => {
            HttpResponse::Created().json(json!({"token": "tok_1", "brand": "visa", "last4": "4242"}))
        }
    }
}

async fn open(bank: web::Data<Bank>, id: web::Path<PaymentId>, body: web::Json<OpenPaymentRequest>) -> HttpResponse {
    bank.answer(format!("PUT /payments/{id}"), || bank.open(*id, &body)).await
}

async fn cancel(bank: web::Data<Bank>, id: web::Path<PaymentId>) -> HttpResponse {
    bank.answer(format!("POST /payments/{id}/cancel"), || bank.cancel(*id)).await
}

async fn refund(bank: web::Data<Bank>, id: web::Path<PaymentId>) -> HttpResponse {
    bank.answer(format!("POST /payments/{id}/refund"), || bank.refund(*id)).await
}
