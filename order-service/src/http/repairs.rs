use std::str::FromStr;

use paperclip::actix::{api_v2_operation, web};
use service_kit::{
    auth::{OrdersReview, Scoped},
    http::{Fail, Reply, S404, S409, S422},
};
use shared_types::{
    Code, Problem,
    deliveries::DeliveryStatus,
    repairs::{Repair, RepairView},
    takings::TakingState,
};

use super::{Shop, trouble};
use crate::{driver::repair::NotRepaired, store::Actor};

/// Sets right what an audit found: drives an order on, or undoes what no order stands behind.
///
/// Done again it changes nothing more. 409 where an order stands behind it, or where it is too late: a parcel has left.
#[api_v2_operation(tags(repairs))]
pub(super) async fn repair(
    who: Scoped<OrdersReview>,
    shop: web::Data<Shop>,
    wanted: web::Path<(Repair, String)>,
) -> Result<Reply<RepairView>, Fail<(S404, S409, S422)>> {
    let (repair, subject) = wanted.into_inner();
    let principal = who.caller.principal();
    let outcome = outcome(&shop, repair, &subject, Actor::Caller(principal.as_str().into())).await?;
    tracing::warn!(repair = repair.name(), subject, principal, outcome, "repaired");
    Ok(Reply::ok(RepairView { repair, subject, outcome }))
}

async fn outcome(shop: &Shop, repair: Repair, subject: &str, actor: Actor) -> Result<String, Problem> {
    let driver = &shop.driver;
    let outcome = match repair {
        Repair::DriveOn => driver.drive_on(read(subject)?).await.map(|()| "due"),
        Repair::HearOfDelivery => driver.hear_of_delivery(read(subject)?, actor).await,
        Repair::GiveBack => driver.give_back_orphan(read(subject)?).await.map(|taking| match taking.state {
            TakingState::Taken => "taken",
            TakingState::Refused => "refused",
            TakingState::GivenBack => "given_back",
        }),
        Repair::Refund => driver.refund_orphan(read(subject)?).await.map(|payment| payment.status.name()),
        Repair::CancelDelivery => {
            let delivery = driver.cancel_orphan(read(subject)?).await.map_err(not_repaired)?;
            if delivery.status != DeliveryStatus::Canceled {
                return Err(Problem::new(
                    Code::InvalidTransition,
                    "the parcel has left: it cannot be canceled any more",
                ));
            }
            Ok("canceled")
        }
    };
    outcome.map(str::to_owned).map_err(not_repaired)
}

fn read<T: FromStr<Err: std::fmt::Display>>(subject: &str) -> Result<T, Problem> {
    subject.parse().map_err(|error: T::Err| Problem::invalid("subject", error.to_string()))
}

fn not_repaired(error: NotRepaired) -> Problem {
    match error {
        NotRepaired::NoSuchOrder(id) => trouble::not_found(id),
        error @ (NotRepaired::NoOrphan | NotRepaired::NothingBooked | NotRepaired::NoSandbox) => {
            Problem::new(Code::InvalidTransition, error.to_string())
        }
        // Whoever was asked knows nothing of it, or it is too late.
        NotRepaired::Refused(problem) => Problem::new(Code::InvalidTransition, problem.detail),
        error @ NotRepaired::NoAnswer(_) => Problem::new(Code::Unavailable, error.to_string()),
        NotRepaired::Move(error) => trouble::not_moved(error),
        NotRepaired::Db(error) => error.into(),
    }
}
