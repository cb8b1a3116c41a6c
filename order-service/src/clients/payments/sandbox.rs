use reqwest::Method;
use service_kit::{Client, Outcome, client::ClientError};
use shared_types::{
    PaymentId,
    payments::{Card, ChargeMethod, OpenPaymentRequest, PaymentView, TokenView},
};

use super::{Means, Payment};
use crate::clients::{alive, client};

/// The provider that the shop brings along. It takes our ids, so it needs no names of its own.
#[derive(Debug, Clone)]
pub struct Sandbox(Client);

impl Sandbox {
    pub(super) fn new(base: &str, call_ms: u64) -> Result<Sandbox, ClientError> {
        client("payments", base, call_ms).map(Sandbox)
    }

    pub(super) fn client(&self) -> &Client {
        &self.0
    }

    pub(super) async fn tokenize(&self, card: &Card) -> Outcome<TokenView> {
        self.0.call(Method::POST, "/tokens", Some(&card.in_the_clear()), &[201]).await
    }

    pub(super) async fn charge(&self, payment: &Payment, means: &Means) -> Outcome<PaymentView> {
        let (method, token) = match means {
            Means::Card(token) => (ChargeMethod::Card, Some(token.clone())),
            Means::Invoice => (ChargeMethod::Invoice, None),
        };
        let (amount, currency) = (payment.amount.amount(), payment.amount.currency);
        let request = OpenPaymentRequest { amount, currency, method, token };
        self.0.call(Method::PUT, &path(payment.id), Some(&request), &[200, 201]).await
    }

    pub(super) async fn cancel(&self, id: PaymentId) -> Outcome<PaymentView> {
        self.0.call(Method::POST, &format!("{}/cancel", path(id)), None::<&()>, &[200, 201]).await
    }

    pub(super) async fn refund(&self, id: PaymentId) -> Outcome<PaymentView> {
        self.0.call(Method::POST, &format!("{}/refund", path(id)), None::<&()>, &[200]).await
    }

    pub(super) async fn find(&self, id: PaymentId) -> Outcome<PaymentView> {
        self.0.call(Method::GET, &path(id), None::<&()>, &[200]).await
    }

    pub(super) async fn alive(&self) -> Result<(), String> {
        alive(&self.0).await
    }
}

fn path(id: PaymentId) -> String {
    format!("/payments/{id}")
}
