//! Asks for money. Three providers, one way to talk to them.
//!
//! A payment has the id that its order gave it, and every call may be repeated: the same id is the same payment. What an
//! answer means:
//!
//! - `Done`: the provider knows the payment, and its `status` decides.
//! - `Refused`: the provider definitely will not do this, and nothing was charged. For a charge that is a decline.
//! - `Unknown`: nothing is known. The same call is made again; doubt is ended by `cancel`, whose answer is the truth.

/// Money that was reported to us, in a ledger of our own.
mod receipts;
/// Our own provider, by HTTP.
mod sandbox;
/// Stripe's PaymentIntents.
mod stripe;

use std::collections::BTreeMap;

use service_kit::{Client, NoAnswer, Outcome, client::ClientError, db::Db};
use shared_types::{
    Code, Money, PaymentId, Problem, Secret,
    payments::{Card, CardToken, ChargeMethod, PaymentView, TokenView},
};

use crate::domain::{Attempt, ProviderName};
use receipts::Receipts;
use sandbox::Sandbox;
use stripe::Stripe;

/// A payment, as far as the provider needs to be told about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    pub id: PaymentId,
    pub amount: Money,
    /// What the provider calls it, where it insists on names of its own and has given one.
    pub provider_ref: Option<String>,
}

/// What a payment is made with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Means {
    Card(CardToken),
    /// The buyer pays on his own, later: the payment is opened, and stays `processing` until he does.
    Invoice,
}

/// How far a charge has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Charged {
    /// The provider has given the payment a name of its own, and nothing is charged yet. Record the name, then charge
    /// again with it: a name that was lost can never be charged.
    Named(String),
    /// The provider's word on the payment.
    Payment(PaymentView),
}

/// Who is asked for the money of a payment.
#[derive(Debug, Clone)]
pub enum Provider {
    Sandbox(Sandbox),
    Stripe(Stripe),
    Receipts(Receipts),
}

/// Who is asked for what: those who take payments now, and those who may have taken some before.
#[derive(Debug, Clone)]
pub struct Providers {
    /// Who takes cards now.
    pub cards_by: ProviderName,
    /// Who takes invoices now.
    pub invoices_by: ProviderName,
    /// Everybody who is configured.
    pub known: BTreeMap<ProviderName, Provider>,
}

impl Providers {
    /// Who is asked about a payment: whoever was asked first, whatever has been configured since. The name, should nobody
    /// of that name be configured any more.
    pub fn of(&self, attempt: &Attempt) -> Result<&Provider, ProviderName> {
        let now = match attempt.method {
            ChargeMethod::Card => self.cards_by,
            ChargeMethod::Invoice => self.invoices_by,
        };
        self.named(attempt.provider.unwrap_or(now))
    }

    /// Who takes cards now.
    pub fn cards(&self) -> &Provider {
        self.named(self.cards_by).expect("BUG: who takes payments now is configured")
    }

    /// Who asks those that are somewhere else.
    pub fn clients(&self) -> impl Iterator<Item = &Client> {
        self.known.values().filter_map(|provider| match provider {
            Provider::Sandbox(sandbox) => Some(sandbox.client()),
            Provider::Stripe(stripe) => Some(stripe.client()),
            Provider::Receipts(_) => None,
        })
    }

    fn named(&self, name: ProviderName) -> Result<&Provider, ProviderName> {
        self.known.get(&name).ok_or(name)
    }
}

impl Provider {
    /// The provider of our own, at this address.
    pub fn sandbox(base: &str, call_ms: u64) -> Result<Provider, ClientError> {
        Sandbox::new(base, call_ms).map(Provider::Sandbox)
    }

    /// Stripe, or something that speaks like it, at this address.
    pub fn stripe(base: &str, key: &Secret, call_ms: u64) -> Result<Provider, ClientError> {
        Stripe::new(base, key, call_ms).map(Provider::Stripe)
    }

    /// The ledger of receipts in our own database.
    pub fn receipts(db: Db) -> Provider {
        Provider::Receipts(Receipts::new(db))
    }

    /// Exchanges a card for a token. Nothing is charged and nothing needs to be remembered: an exchange without an answer
    /// may be tried again or forgotten.
    pub async fn tokenize(&self, card: &Card) -> Outcome<TokenView> {
        match self {
            Provider::Sandbox(sandbox) => sandbox.tokenize(card).await,
            Provider::Stripe(stripe) => stripe.tokenize(card).await,
            Provider::Receipts(_) => Receipts::no_cards(),
        }
    }

    /// Takes the money, or opens the payment that its buyer will make.
    pub async fn charge(&self, payment: &Payment, means: &Means) -> Outcome<Charged> {
        match self {
            Provider::Sandbox(sandbox) => about(payment.id, sandbox.charge(payment, means).await).map(Charged::Payment),
            Provider::Stripe(stripe) => unless_it_is_about_us(stripe.charge(payment, means).await),
            Provider::Receipts(receipts) => receipts.find(payment).await.map(Charged::Payment),
        }
    }

    /// Makes sure that nothing more is captured. The answer is the truth: `canceled`, or `succeeded` where the money had
    /// been captured before. Of a payment that never arrived it leaves a tombstone.
    pub async fn cancel(&self, payment: &Payment) -> Outcome<PaymentView> {
        let answer = match self {
            Provider::Sandbox(sandbox) => sandbox.cancel(payment.id).await,
            Provider::Stripe(stripe) => stripe.cancel(payment).await,
            Provider::Receipts(receipts) => receipts.cancel(payment).await,
        };
        about(payment.id, answer)
    }

    /// Gives the whole payment back, once.
    pub async fn refund(&self, payment: &Payment) -> Outcome<PaymentView> {
        let answer = match self {
            Provider::Sandbox(sandbox) => sandbox.refund(payment.id).await,
            Provider::Stripe(stripe) => stripe.refund(payment).await,
            Provider::Receipts(receipts) => receipts.refund(payment).await,
        };
        about(payment.id, answer)
    }

    /// What became of the payment. `Refused`: the provider has never heard of it, which is no proof that it never will.
    pub async fn find(&self, payment: &Payment) -> Outcome<PaymentView> {
        let answer = match self {
            Provider::Sandbox(sandbox) => sandbox.find(payment.id).await,
            Provider::Stripe(stripe) => stripe.find(payment).await,
            Provider::Receipts(receipts) => receipts.find(payment).await,
        };
        about(payment.id, answer)
    }

    /// Whether it answers.
    pub async fn alive(&self) -> Result<(), String> {
        match self {
            Provider::Sandbox(sandbox) => sandbox.alive().await,
            Provider::Stripe(stripe) => stripe.alive().await,
            // Our own database is checked by itself.
            Provider::Receipts(_) => Ok(()),
        }
    }
}

/// An answer about another payment is no answer.
fn about(id: PaymentId, answer: Outcome<PaymentView>) -> Outcome<PaymentView> {
    match answer {
        Outcome::Done(view) if view.payment_id != id => {
            Outcome::Unknown(NoAnswer(format!("an answer about payment {}", view.payment_id)))
        }
        answer @ (Outcome::Done(_) | Outcome::Refused(_) | Outcome::Unknown(_)) => unless_it_is_about_us(answer),
    }
}

/// A refusal of *us*, or of an id that we used for something else, says nothing about the buyer's money: no decline, and
/// no reason to give copies back.
fn unless_it_is_about_us<T>(answer: Outcome<T>) -> Outcome<T> {
    match answer {
        Outcome::Refused(problem) if is_about_us(&problem) => {
            tracing::error!(%problem, "the payment provider does not understand us");
            Outcome::Unknown(NoAnswer(problem.to_string()))
        }
        answer @ (Outcome::Done(_) | Outcome::Refused(_) | Outcome::Unknown(_)) => answer,
    }
}

fn is_about_us(problem: &Problem) -> bool {
    matches!(problem.status, 401 | 403) || problem.code == Code::IdReused
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn refused(code: Code) -> Outcome<PaymentView> {
        Outcome::Refused(Box::new(Problem::new(code, "")))
    }

    #[test]
    fn only_a_refusal_of_the_payment_is_a_decline() {
        let id: PaymentId = "01936f2e-7b1c-7cc3-98c4-dc0c0c07398f:1".parse().unwrap();
        for decline in [Code::Invalid, Code::PaymentFailed, Code::InvalidTransition] {
            assert!(matches!(about(id, refused(decline)), Outcome::Refused(_)), "{decline}");
        }
        // Another payment under our id may well have charged: only a cancel tells.
        for about_us in [Code::Unauthorized, Code::Forbidden, Code::IdReused] {
            assert!(matches!(about(id, refused(about_us)), Outcome::Unknown(_)), "{about_us}");
        }
    }
}
