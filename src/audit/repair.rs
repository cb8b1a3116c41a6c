//! What was found, set right: one finding after the other, after a question, and only by the services' own commands. Each
//! may be repeated, each is refused where an order stands behind what it would undo, and each has its line in the shop's
//! audit log.

use std::io::{self, BufRead, IsTerminal, Write};

use reqwest::Method;
use serde::Serialize;
use shared_types::{
    DeliveryId, PaymentId, TakingId,
    events::{ParkedEvents, ReplayRequest},
    repairs::{Repair, RepairView},
};

use super::{
    AuditArgs,
    outbox::Parked,
    report::{Kind, Report},
};
use crate::{
    CommandError,
    door::{Door, DoorArgs},
};

/// What sets a finding right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(super) enum Remedy {
    Repair { repair: Repair, subject: String },
    Replay { service: &'static str, subscriber: String, event_id: String },
}

impl Remedy {
    pub(super) fn of_order(kind: Kind, order_id: &str) -> Option<Remedy> {
        let repair = match kind {
            Kind::Stuck => Repair::DriveOn,
            Kind::ParcelUnheard => Repair::HearOfDelivery,
            Kind::Unbalanced
            | Kind::NegativeStock
            | Kind::LedgerDiffers
            | Kind::TakingsDiffer
            | Kind::ApprovedWithoutCopies
            | Kind::CopiesHeldForNothing
            | Kind::EndedWithCopies
            | Kind::OtherCopies
            | Kind::CopiesMissing
            | Kind::TakenTwice
            | Kind::StrayTaking
            | Kind::MoneyDiffers
            | Kind::StrayMoney
            | Kind::HistoryHasGap
            | Kind::HistoryDiffers
            | Kind::EventParked
            | Kind::KeyOfNoOrder
            | Kind::KeyShared
            | Kind::KeyOfAnother
            | Kind::KeyUnanswered
            | Kind::AnswerUnreadable
            | Kind::AnswerOfAnother
            | Kind::ToldOtherwise
            | Kind::RequestUnreadable
            | Kind::ParcelMissing
            | Kind::TooManyParcels
            | Kind::StrayParcel => return None,
        };
        Some(Remedy::Repair { repair, subject: order_id.to_owned() })
    }

    /// None where the id is nobody's: no command can name it.
    pub(super) fn of_stray(repair: Repair, id: &str) -> Option<Remedy> {
        let is_id = match repair {
            Repair::GiveBack => id.parse::<TakingId>().is_ok(),
            Repair::Refund => id.parse::<PaymentId>().is_ok(),
            Repair::CancelDelivery => id.parse::<DeliveryId>().is_ok(),
            Repair::DriveOn | Repair::HearOfDelivery => false,
        };
        is_id.then(|| Remedy::Repair { repair, subject: id.to_owned() })
    }

    pub(super) fn replay(service: &'static str, event: &Parked) -> Remedy {
        Remedy::Replay { service, subscriber: event.subscriber.clone(), event_id: event.event_id.clone() }
    }

    fn question(&self) -> &'static str {
        match self {
            Remedy::Replay { .. } => "send the event again",
            Remedy::Repair { repair: Repair::DriveOn, .. } => "drive the order on",
            Remedy::Repair { repair: Repair::HearOfDelivery, .. } => "ask where its parcel is",
            Remedy::Repair { repair: Repair::GiveBack, .. } => "give its copies back",
            Remedy::Repair { repair: Repair::Refund, .. } => "give its money back",
            Remedy::Repair { repair: Repair::CancelDelivery, .. } => "cancel the delivery",
        }
    }

    async fn apply(&self, door: &Door) -> Result<String, CommandError> {
        match self {
            Remedy::Repair { repair, subject } => {
                let path = format!("/api/v1/repairs/{}/{subject}", repair.name());
                let done: RepairView = door.ask(Method::POST, &path, None::<&()>).await?;
                Ok(done.outcome)
            }
            Remedy::Replay { service, subscriber, event_id } => {
                let replay = ReplayRequest { subscriber: subscriber.clone(), event_id: event_id.clone() };
                let path = format!("/api/v1/parked-events/{service}/replay");
                let _left: ParkedEvents = door.ask(Method::POST, &path, Some(&replay)).await?;
                Ok("sent".to_owned())
            }
        }
    }
}

/// Offers every repair that there is, and makes those that are wanted. What is refused is said, and the next one is offered.
pub(super) async fn offer(report: &Report, args: &AuditArgs) -> Result<(), CommandError> {
    let remedies = report.remedies();
    if remedies.is_empty() {
        return say("nothing of this can be repaired from here");
    }
    if !args.yes && !io::stdin().is_terminal() {
        return Err(CommandError::Usage("nobody is there to be asked: --yes makes every repair".to_owned()));
    }
    let (url, api_key, data_dir) = (args.url.clone(), args.api_key.clone(), args.databases.data_dir.clone());
    if url.is_none() && args.databases.are_named() {
        return Err(CommandError::Usage(
            "a shop whose databases are named is repaired at its gateway: --url".to_owned(),
        ));
    }
    let door = Door::open(&DoorArgs { url, api_key, data_dir }).await?;
    let mut offered = Ok(());
    for (finding, remedy) in remedies {
        let what = format!("{}: {}", finding.subject, finding.detail);
        match if args.yes { Wish::Yes } else { asked(&what, remedy)? } {
            Wish::Yes => {}
            Wish::No => continue,
            Wish::Gone => break,
        }
        offered = match remedy.apply(&door).await {
            Ok(outcome) => say(&format!("repaired: {}: {}: {outcome}", finding.subject, remedy.question())),
            Err(error) => say(&format!("not repaired: {}: {}: {error}", finding.subject, remedy.question())),
        };
        if offered.is_err() {
            break;
        }
    }
    door.close().await;
    offered
}

/// What somebody at the terminal wants.
enum Wish {
    Yes,
    No,
    /// He has left, and nothing more is asked.
    Gone,
}

fn asked(what: &str, remedy: &Remedy) -> Result<Wish, CommandError> {
    write!(io::stderr(), "{what}\n  {}? [y/N] ", remedy.question()).map_err(CommandError::Output)?;
    let mut answer = String::new();
    let bytes = io::stdin().lock().read_line(&mut answer).map_err(CommandError::Output)?;
    Ok(match answer.trim() {
        "y" | "yes" => Wish::Yes,
        _ if bytes == 0 => Wish::Gone,
        _ => Wish::No,
    })
}

fn say(line: &str) -> Result<(), CommandError> {
    writeln!(io::stdout(), "{line}").map_err(CommandError::Output)
}
