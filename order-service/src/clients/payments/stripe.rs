//! Stripe's PaymentIntents.
//!
//! Stripe insists on names of its own and has no tombstone for an id that it never heard of. So an intent is created
//! unconfirmed, its name is recorded with our order, and only then is it confirmed, which is what charges the card: an
//! intent whose name was lost is never charged by anybody. The intent's `status` is read before anything is asked of it
//! and decides what is; `Idempotency-Key` is sent with every call, and nothing rests on it.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use serde::{Deserialize, de::DeserializeOwned};
use service_kit::{Client, NoAnswer, Outcome, RawAnswer, client::ClientError};
use shared_types::{
    Code, Currency, Money, Problem, Secret, Timestamp,
    payments::{Card, PaymentStatus, PaymentView, TokenView},
};

use super::{Charged, Means, Payment};
use crate::clients::client;

/// Stripe, or something that speaks like it.
#[derive(Debug, Clone)]
pub struct Stripe {
    client: Client,
    authorization: Secret,
}

/// A PaymentIntent, as far as it matters here.
#[derive(Debug, Deserialize)]
struct Intent {
    id: String,
    status: String,
    amount: i64,
    currency: String,
    #[serde(default)]
    last_payment_error: Option<Fault>,
    /// Seconds since 1970 UTC.
    created: i64,
}

#[derive(Debug, Deserialize)]
struct Refunds {
    data: Vec<RefundEntry>,
}

#[derive(Debug, Deserialize)]
struct RefundEntry {
    amount: i64,
    #[serde(default)]
    status: Option<String>,
}

#[derive(Debug, Deserialize)]
struct PaymentMethod {
    id: String,
    card: Option<CardFacts>,
}

#[derive(Debug, Deserialize)]
struct CardFacts {
    brand: String,
    last4: String,
}

#[derive(Debug, Deserialize)]
struct Failure {
    error: Fault,
}

#[derive(Debug, Default, Deserialize)]
struct Fault {
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    decline_code: Option<String>,
    #[serde(default)]
    message: Option<String>,
}

impl Fault {
    fn reason(&self) -> String {
        let word = self.decline_code.clone().or_else(|| self.code.clone()).or_else(|| self.message.clone());
        word.unwrap_or_else(|| "declined".to_owned())
    }
}

/// One step of the way: a word on the payment, or another look at it.
enum Step {
    Ended(Outcome<PaymentView>),
    /// Somebody else has moved the intent in the meantime.
    LookAgain,
}

impl Stripe {
    pub(super) fn new(base: &str, key: &Secret, call_ms: u64) -> Result<Stripe, ClientError> {
        let authorization = Secret::new(format!("Bearer {}", key.expose()));
        Ok(Stripe { client: client("stripe", base, call_ms)?, authorization })
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    pub(super) async fn tokenize(&self, card: &Card) -> Outcome<TokenView> {
        let Some((month, year)) = expiry(card) else {
            return Outcome::Refused(Box::new(Problem::invalid("card.expiry", "is not a month and a year")));
        };
        let digits = card.digits();
        let mut form = vec![
            ("type", "card"),
            ("card[number]", digits.as_str()),
            ("card[exp_month]", month.as_str()),
            ("card[exp_year]", year.as_str()),
        ];
        form.extend(card.cvc.as_ref().map(|cvc| ("card[cvc]", cvc.expose())));
        let made: Outcome<PaymentMethod> = self.post("/v1/payment_methods", None, &form).await;
        match made {
            Outcome::Done(PaymentMethod { id, card: Some(card) }) => match id.parse() {
                Ok(token) => Outcome::Done(TokenView { token, brand: card.brand, last4: card.last4 }),
                Err(_) => Outcome::Unknown(NoAnswer("a payment method with an unusable name".to_owned())),
            },
            Outcome::Done(PaymentMethod { card: None, .. }) => {
                Outcome::Unknown(NoAnswer("a payment method that is no card".to_owned()))
            }
            Outcome::Refused(problem) => Outcome::Refused(problem),
            Outcome::Unknown(no_answer) => Outcome::Unknown(no_answer),
        }
    }

    pub(super) async fn charge(&self, payment: &Payment, means: &Means) -> Outcome<Charged> {
        let Some(name) = &payment.provider_ref else {
            return self.create(payment, means).await.map(|intent| Charged::Named(intent.id));
        };
        self.settle(payment, name, "requires_confirmation", "confirm").await.map(Charged::Payment)
    }

    /// An intent without a recorded name was never confirmed and never will be, for only we know how to ask for it.
    pub(super) async fn cancel(&self, payment: &Payment) -> Outcome<PaymentView> {
        match &payment.provider_ref {
            Some(name) => self.settle(payment, name, "", "cancel").await,
            None => Outcome::Done(view(payment, PaymentStatus::Canceled, 0, 0, Some("never_confirmed".to_owned()))),
        }
    }

    pub(super) async fn refund(&self, payment: &Payment) -> Outcome<PaymentView> {
        let found = self.find(payment).await;
        let (Outcome::Done(PaymentView { status: PaymentStatus::Succeeded, .. }), Some(name)) =
            (&found, &payment.provider_ref)
        else {
            return found;
        };
        let key = format!("{}:refund", payment.id);
        let asked: Outcome<RefundEntry> = self.post("/v1/refunds", Some(&key), &[("payment_intent", name)]).await;
        match asked {
            // What was given back is read from Stripe's own books.
            Outcome::Done(_) | Outcome::Refused(_) => self.find(payment).await,
            Outcome::Unknown(no_answer) => Outcome::Unknown(no_answer),
        }
    }

    pub(super) async fn find(&self, payment: &Payment) -> Outcome<PaymentView> {
        let Some(name) = &payment.provider_ref else {
            let problem = Problem::new(Code::PaymentNotFound, format!("payment {} has no name at Stripe", payment.id));
            return Outcome::Refused(Box::new(problem));
        };
        match self.intent(name).await {
            Outcome::Done(intent) => self.told(payment, &intent).await,
            Outcome::Refused(problem) => Outcome::Unknown(NoAnswer(problem.to_string())),
            Outcome::Unknown(no_answer) => Outcome::Unknown(no_answer),
        }
    }

    pub(super) async fn alive(&self) -> Result<(), String> {
        match self.get::<serde::de::IgnoredAny>("/v1/balance").await {
            Outcome::Done(_) => Ok(()),
            Outcome::Refused(problem) => Err(problem.to_string()),
            Outcome::Unknown(no_answer) => Err(no_answer.to_string()),
        }
    }

    async fn create(&self, payment: &Payment, means: &Means) -> Outcome<Intent> {
        let (minor, currency) = (payment.amount.minor.to_string(), code(payment.amount.currency));
        let id = payment.id.to_string();
        let mut form = vec![
            ("amount", minor.as_str()),
            ("currency", currency.as_str()),
            ("metadata[payment_id]", id.as_str()),
            ("payment_method_types[]", "card"),
        ];
        if let Means::Card(token) = means {
            form.push(("payment_method", token.expose()));
        }
        self.post("/v1/payment_intents", Some(&format!("{id}:create")), &form).await
    }

    /// Looks, asks for what is to be done where it is possible (`while_status`; empty: while nothing is final), and looks
    /// again where that was refused: then somebody was faster.
    async fn settle(&self, payment: &Payment, name: &str, while_status: &str, what: &str) -> Outcome<PaymentView> {
        for _ in 0..MAX_LOOKS {
            let intent = match self.intent(name).await {
                Outcome::Done(intent) => intent,
                Outcome::Refused(problem) => return Outcome::Unknown(NoAnswer(problem.to_string())),
                Outcome::Unknown(no_answer) => return Outcome::Unknown(no_answer),
            };
            let is_open = !matches!(intent.status.as_str(), "succeeded" | "canceled" | "processing");
            if intent.status != while_status && !(while_status.is_empty() && is_open) {
                return self.told(payment, &intent).await;
            }
            match self.move_on(payment, name, what).await {
                Step::Ended(outcome) => return outcome,
                Step::LookAgain => {}
            }
        }
        Outcome::Unknown(NoAnswer(format!("{what} was refused {MAX_LOOKS} times")))
    }

    async fn move_on(&self, payment: &Payment, name: &str, what: &str) -> Step {
        let path = format!("/v1/payment_intents/{}/{what}", escaped(name));
        let key = format!("{}:{what}", payment.id);
        match self.post::<Intent>(&path, Some(&key), &[]).await {
            Outcome::Done(intent) => Step::Ended(self.told(payment, &intent).await),
            Outcome::Refused(problem) if problem.code == Code::PaymentFailed => {
                let declined = view(payment, PaymentStatus::Declined, 0, 0, Some(problem.detail));
                Step::Ended(Outcome::Done(declined))
            }
            Outcome::Refused(_) => Step::LookAgain,
            Outcome::Unknown(no_answer) => Step::Ended(Outcome::Unknown(no_answer)),
        }
    }

    async fn intent(&self, name: &str) -> Outcome<Intent> {
        self.get(&format!("/v1/payment_intents/{}", escaped(name))).await
    }

    /// What the intent's status means for the payment.
    async fn told(&self, payment: &Payment, intent: &Intent) -> Outcome<PaymentView> {
        if intent.currency != code(payment.amount.currency) || intent.amount != payment.amount.minor {
            let why = format!("{} is about {} {}", intent.id, intent.amount, intent.currency);
            return Outcome::Unknown(NoAnswer(why));
        }
        let (status, reason) = match (intent.status.as_str(), &intent.last_payment_error) {
            ("succeeded", _) => return self.succeeded(payment, intent).await,
            ("canceled", _) => (PaymentStatus::Canceled, None),
            ("requires_payment_method", Some(fault)) => (PaymentStatus::Declined, Some(fault.reason())),
            // An invoice waits for its buyer's card, 3-D Secure for his bank.
            _ => (PaymentStatus::Processing, None),
        };
        Outcome::Done(view(payment, status, 0, 0, reason).at(intent))
    }

    async fn succeeded(&self, payment: &Payment, intent: &Intent) -> Outcome<PaymentView> {
        let path = format!("/v1/refunds?payment_intent={}&limit=100", escaped(&intent.id));
        match self.get::<Refunds>(&path).await {
            Outcome::Done(refunds) => {
                let lost = |entry: &&RefundEntry| !matches!(entry.status.as_deref(), Some("failed" | "canceled"));
                let refunded: i64 = refunds.data.iter().filter(lost).map(|entry| entry.amount).sum();
                let whole = refunded >= intent.amount;
                let status = if whole { PaymentStatus::Refunded } else { PaymentStatus::Succeeded };
                Outcome::Done(view(payment, status, intent.amount, refunded, None).at(intent))
            }
            Outcome::Refused(problem) => Outcome::Unknown(NoAnswer(problem.to_string())),
            Outcome::Unknown(no_answer) => Outcome::Unknown(no_answer),
        }
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Outcome<T> {
        self.call(Method::GET, path, None, None).await
    }

    async fn post<T: DeserializeOwned>(&self, path: &str, key: Option<&str>, form: &[(&str, &str)]) -> Outcome<T> {
        let pairs: Vec<String> =
            form.iter().map(|(name, value)| format!("{}={}", escaped(name), escaped(value))).collect();
        self.call(Method::POST, path, key, Some(pairs.join("&").into_bytes())).await
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        key: Option<&str>,
        form: Option<Vec<u8>>,
    ) -> Outcome<T> {
        let mut headers = vec![("authorization", self.authorization.expose())];
        headers.extend(key.map(|key| ("idempotency-key", key)));
        headers.extend(form.as_ref().map(|_| ("content-type", "application/x-www-form-urlencoded")));
        match self.client.send(method, path, &headers, form).await {
            Ok(answer) => judge(&answer),
            Err(no_answer) => Outcome::Unknown(no_answer),
        }
    }
}

/// Looks at one intent in one call at most.
const MAX_LOOKS: usize = 3;

/// Stripe's answers in our three kinds. 402 is a card that was refused, 400 a call that is not possible as it stands;
/// whatever else is not a success says nothing about the money.
fn judge<T: DeserializeOwned>(answer: &RawAnswer) -> Outcome<T> {
    let status = answer.status.as_u16();
    if answer.status.is_success()
        && let Ok(value) = serde_json::from_slice(&answer.body)
    {
        return Outcome::Done(value);
    }
    let failure: Option<Failure> = serde_json::from_slice(&answer.body).ok();
    match (status, failure) {
        (402, Some(failure)) => Outcome::Refused(Box::new(Problem::new(Code::PaymentFailed, failure.error.reason()))),
        (400, Some(failure)) => {
            Outcome::Refused(Box::new(Problem::new(Code::InvalidTransition, failure.error.reason())))
        }
        (_, failure) => {
            let reason = failure.map(|failure| failure.error.reason()).unwrap_or_default();
            Outcome::Unknown(NoAnswer(format!("Stripe answered {status} {reason}")))
        }
    }
}

fn view(payment: &Payment, status: PaymentStatus, captured: i64, refunded: i64, reason: Option<String>) -> PaymentView {
    let amount = |minor| Money { minor, currency: payment.amount.currency }.amount();
    PaymentView {
        payment_id: payment.id,
        status,
        amount: payment.amount.amount(),
        currency: payment.amount.currency,
        captured: amount(captured),
        refunded: amount(refunded),
        reason,
        // Stripe does not count changes. The driver asks and believes the answer; it does not compare answers.
        version: 1,
        created_at: Timestamp::from_micros(0),
        updated_at: Timestamp::from_micros(0),
    }
}

/// When the intent was made.
trait At {
    fn at(self, intent: &Intent) -> Self;
}

impl At for PaymentView {
    fn at(self, intent: &Intent) -> PaymentView {
        let created_at = Timestamp::from_micros(intent.created.saturating_mul(1_000_000));
        PaymentView { created_at, updated_at: created_at, ..self }
    }
}

/// Stripe writes currencies in small letters, and counts their minor units as ISO 4217 does.
fn code(currency: Currency) -> String {
    currency.code().to_ascii_lowercase()
}

fn escaped(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// `12/30`, `12-2030`: month and year as Stripe wants them.
fn expiry(card: &Card) -> Option<(String, String)> {
    let text = card.expiry.expose();
    let (month, year) = text.split_once(['/', '-'])?;
    let (month, year) = (month.trim().parse::<u32>().ok()?, year.trim().parse::<u32>().ok()?);
    (1..=12).contains(&month).then(|| (month.to_string(), year.to_string()))
}
