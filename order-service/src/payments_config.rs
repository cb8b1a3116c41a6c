use std::collections::BTreeMap;

use shared_types::Secret;

use crate::{
    clients::payments::{Provider, Providers},
    domain::ProviderName,
    webhooks::{Secrets, Senders},
};
use service_kit::{db::Db, http::StartError};

/// Who takes the money, and who is believed when he says that it has arrived.
#[derive(Debug, Clone, clap::Args)]
pub struct PaymentsConfig {
    /// Where the sandbox provider answers.
    #[arg(long, env = "LASTCOPY_PAYMENTS_URL", default_value = "http://127.0.0.1:8084")]
    pub payments_url: String,
    /// Who charges cards.
    #[arg(long, env = "LASTCOPY_CARD_PROVIDER", default_value = "sandbox")]
    pub card_provider: CardProvider,
    /// Who says whether invoices are paid: `receipts` is our own ledger of signed reports.
    #[arg(long, env = "LASTCOPY_INVOICE_PROVIDER", default_value = "receipts")]
    pub invoice_provider: InvoiceProvider,
    /// Where Stripe's API answers: a proxy that speaks TLS to it, or a stand-in.
    #[arg(long, env = "STRIPE_API_BASE")]
    pub stripe_api_base: Option<String>,
    /// Stripe's secret key.
    #[arg(long, env = "STRIPE_SECRET_KEY", value_parser = secret, hide_env_values = true)]
    pub stripe_secret_key: Option<Secret>,
    /// The secret of those who report money that arrived: `new`, or `new,old` while it is replaced. Without it nobody is
    /// believed.
    #[arg(long, env = "WEBHOOK_SECRET", value_parser = secret, hide_env_values = true)]
    pub webhook_secret: Option<Secret>,
    /// The secret that the sandbox signs its webhooks with.
    #[arg(long, env = "LASTCOPY_SANDBOX_WEBHOOK_SECRET", value_parser = secret, hide_env_values = true)]
    pub sandbox_webhook_secret: Option<Secret>,
    /// The secret that Stripe signs its webhooks with.
    #[arg(long, env = "STRIPE_WEBHOOK_SECRET", value_parser = secret, hide_env_values = true)]
    pub stripe_webhook_secret: Option<Secret>,
}

/// Who charges cards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum CardProvider {
    Sandbox,
    Stripe,
}

/// Who says whether invoices are paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum InvoiceProvider {
    Receipts,
    Sandbox,
    Stripe,
}

/// Whatever it is: a refusal of the command line would repeat it. It is looked at when the service starts.
fn secret(text: &str) -> Result<Secret, std::convert::Infallible> {
    Ok(Secret::new(text))
}

impl Default for PaymentsConfig {
    /// The sandbox and our own ledger, and nobody who is believed.
    fn default() -> Self {
        PaymentsConfig {
            payments_url: "http://127.0.0.1:8084".to_owned(),
            card_provider: CardProvider::Sandbox,
            invoice_provider: InvoiceProvider::Receipts,
            stripe_api_base: None,
            stripe_secret_key: None,
            webhook_secret: None,
            sandbox_webhook_secret: None,
            stripe_webhook_secret: None,
        }
    }
}

impl PaymentsConfig {
    /// Those who are asked for money: also those who take no payments any more and may have taken some before.
    pub(crate) fn providers(&self, db: &Db, call_ms: u64) -> Result<Providers, StartError> {
        let part = |error: &dyn std::fmt::Display| StartError::Part(error.to_string());
        let cards_by = match self.card_provider {
            CardProvider::Sandbox => ProviderName::Sandbox,
            CardProvider::Stripe => ProviderName::Stripe,
        };
        let invoices_by = match self.invoice_provider {
            InvoiceProvider::Receipts => ProviderName::Receipts,
            InvoiceProvider::Sandbox => ProviderName::Sandbox,
            InvoiceProvider::Stripe => ProviderName::Stripe,
        };
        let sandbox = Provider::sandbox(&self.payments_url, call_ms).map_err(|error| part(&error))?;
        let mut known = BTreeMap::from([
            (ProviderName::Sandbox, sandbox),
            (ProviderName::Receipts, Provider::receipts(db.clone())),
        ]);
        if let (Some(base), Some(key)) = (&self.stripe_api_base, &self.stripe_secret_key) {
            let stripe = Provider::stripe(base, key, call_ms).map_err(|error| part(&error))?;
            known.insert(ProviderName::Stripe, stripe);
        }
        if [cards_by, invoices_by].iter().any(|name| !known.contains_key(name)) {
            return Err(part(&"Stripe needs --stripe-api-base and --stripe-secret-key"));
        }
        Ok(Providers { cards_by, invoices_by, known })
    }

    /// Those who are believed. An empty secret refuses to start: with it everybody could sign.
    pub(crate) fn senders(&self) -> Result<Senders, StartError> {
        let read = |flag: &str, secret: &Option<Secret>| {
            let read = secret.as_ref().map(|secret| secret.expose().parse::<Secrets>()).transpose();
            read.map_err(|error| StartError::Part(format!("{flag}: {error}")))
        };
        let senders = Senders {
            receipts: read("--webhook-secret (WEBHOOK_SECRET)", &self.webhook_secret)?,
            sandbox: read("--sandbox-webhook-secret", &self.sandbox_webhook_secret)?,
            stripe: read("--stripe-webhook-secret", &self.stripe_webhook_secret)?,
        };
        match (&senders.receipts, &senders.sandbox) {
            // His word would be money.
            (Some(receipts), Some(sandbox)) if receipts.overlap(sandbox) => Err(StartError::Part(
                "the sandbox needs a secret of its own, not that of those who report money".to_owned(),
            )),
            _ => Ok(senders),
        }
    }
}
