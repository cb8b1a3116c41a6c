use paperclip::actix::{api_v2_operation, web};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use service_kit::{
    auth::{OrdersReview, Scoped},
    http::{Fail, S200, S404, S409, S422},
};
use shared_types::repairs::{Repair, RepairView};

use super::relay::Relayed;
use crate::clients::{Ask, Upstreams};

/// Sets right what an audit found: drives an order on, or undoes what no order stands behind.
///
/// `drive_on` and `hear_of_delivery` are of an order, `give_back` of a taking, `refund` of a payment, `cancel_delivery` of a
/// delivery. Done again it changes nothing more. 409 where an order stands behind it, or where it is too late.
#[api_v2_operation(tags(repairs))]
pub(super) async fn repair(
    Scoped { caller, .. }: Scoped<OrdersReview>,
    upstreams: web::Data<Upstreams>,
    wanted: web::Path<(Repair, String)>,
) -> Result<Relayed<RepairView, (S200,)>, Fail<(S404, S409, S422)>> {
    let (repair, subject) = wanted.into_inner();
    let subject = utf8_percent_encode(&subject, NON_ALPHANUMERIC);
    let ask = Ask::repeatable(Method::POST, format!("/repairs/{}/{subject}", repair.name()));
    Ok(Relayed::new(upstreams.order.ask(&caller, ask).await?)?)
}
