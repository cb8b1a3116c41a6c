use service_kit::outside::{Block, Reach};

use super::Pace;
use crate::clients::Subscribers;

/// Where webhooks may lead.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct WebhookConfig {
    /// Blocks of addresses that subscribers may have beside public ones, such as `10.0.0.0/8`, separated by commas.
    #[arg(long, env = "LASTCOPY_WEBHOOK_ALLOWED_NETWORKS", value_delimiter = ',')]
    pub webhook_allowed_networks: Vec<Block>,
    /// How the sender paces itself. Not a flag: tests shorten it.
    #[arg(skip)]
    pub pace: Pace,
}

impl WebhookConfig {
    pub(super) fn subscribers(&self) -> Subscribers {
        Subscribers::new(Reach::Public(self.webhook_allowed_networks.clone()), self.pace.call_ms)
    }
}
