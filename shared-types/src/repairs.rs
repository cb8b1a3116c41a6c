use paperclip::actix::Apiv2Schema;
use serde::{Deserialize, Serialize};

/// What an audit's finding needs. Each may be done again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Apiv2Schema)]
#[serde(rename_all = "snake_case")]
pub enum Repair {
    /// Of an order: it is due now, whatever it waited for.
    DriveOn,
    /// Of an order: the delivery service is asked where its parcel is, as if its event had been lost.
    HearOfDelivery,
    /// Of a taking that no order stands behind: its copies go back on the shelf.
    GiveBack,
    /// Of a payment that no order stands behind: its money goes back.
    Refund,
    /// Of a delivery that no order stands behind: the parcel stays here.
    CancelDelivery,
}

impl Repair {
    /// As it is written in a path.
    pub const fn name(self) -> &'static str {
        match self {
            Repair::DriveOn => "drive_on",
            Repair::HearOfDelivery => "hear_of_delivery",
            Repair::GiveBack => "give_back",
            Repair::Refund => "refund",
            Repair::CancelDelivery => "cancel_delivery",
        }
    }
}

/// What came of a repair.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
#[openapi(
    example = r#"{"repair": "give_back", "subject": "01936f2e-7b1c-7cc3-98c4-dc0c0c07398f:1", "outcome": "given_back"}"#
)]
pub struct RepairView {
    pub repair: Repair,
    /// The order, taking, payment or delivery.
    pub subject: String,
    /// What it is now: `due` of an order, otherwise its state.
    pub outcome: String,
}
