use paperclip::actix::{Apiv2Schema, api_v2_operation, web};
use reqwest::Method;
use serde::{Deserialize, Serialize};
use service_kit::{
    Clock,
    auth::{Caller, OrdersRead, OrdersWrite, Scoped},
    http::{Body, Fail, IdempotencyKey, Reply, S200, S201, S202, S204, S403, S404, S409, S422, S429},
};
use shared_types::{
    BookId, Code, OrderId, Problem, Timestamp,
    orders::{CancelRequest, CheckoutRequest, FulfillmentState, OrderState, OrderView, PaymentMethod, PaymentState},
};

use super::said;
use crate::{
    clients::{Ask, Upstreams},
    dialects::phrases::{lines_of, saying},
    http::{books::key_or_ours, orders, relay},
    store::HiddenOrders,
};

/// An order of one product.
#[derive(Debug, Serialize, Deserialize, Apiv2Schema)]
#[openapi(
    example = r#"{"id": "01936f2e-7b1c-7cc3-98c4-dc0c0c07398f", "product_id": 8, "quantity": 1, "status": "PENDING", "created_at": "2026-11-18T11:06:40.123456Z"}"#
)]
pub(super) struct Order {
    id: OrderId,
    product_id: BookId,
    quantity: i64,
    status: Status,
    created_at: Timestamp,
}

/// Where an order is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum Status {
    Pending,
    Paid,
    Shipped,
    Canceled,
}

/// A new order.
#[derive(Debug, Deserialize, Apiv2Schema)]
#[serde(deny_unknown_fields)]
#[openapi(example = r#"{"product_id": 8, "quantity": 1}"#)]
pub(super) struct NewOrder {
    product_id: i64,
    quantity: i64,
}

/// The next status of an order.
#[derive(Debug, Deserialize, Apiv2Schema)]
#[serde(deny_unknown_fields)]
#[openapi(example = r#"{"status": "CANCELED"}"#)]
pub(super) struct StatusChange {
    status: Status,
}

impl Order {
    /// An order of one product. One of several, which another contract has made, is none of this contract's.
    fn of(order: &OrderView) -> Result<Order, Problem> {
        let product_id = order.lines.first().map(|line| line.book_id);
        let Some(product_id) = product_id.filter(|id| order.lines.iter().all(|line| line.book_id == *id)) else {
            return Err(no_order());
        };
        let quantity = order.lines.iter().map(|line| line.quantity).sum();
        Ok(Order { id: order.id, product_id, quantity, status: Status::of(order), created_at: order.created_at })
    }
}

impl Status {
    fn of(order: &OrderView) -> Status {
        let sent = order.fulfillment != FulfillmentState::None && order.fulfillment != FulfillmentState::Scheduled;
        let undone = matches!(order.payment, PaymentState::Refunding | PaymentState::Refunded);
        match order.state {
            OrderState::Canceled | OrderState::Rejected => Status::Canceled,
            OrderState::Approved if undone => Status::Canceled,
            OrderState::Approved if sent => Status::Shipped,
            OrderState::Approved => Status::Paid,
            OrderState::Created | OrderState::Pending => Status::Pending,
        }
    }
}

/// Orders copies of a product, which are taken at once and wait for the payment.
///
/// 409 where there are not so many. 429: too many orders of this customer hold copies and wait for their payment.
#[api_v2_operation(tags(inventory))]
pub(super) async fn order(
    Scoped { caller, .. }: Scoped<OrdersWrite>,
    upstreams: web::Data<Upstreams>,
    key: IdempotencyKey,
    body: Body<NewOrder>,
) -> Result<Reply<Order, (S201, S202)>, Fail<(S403, S404, S409, S422, S429)>> {
    let checkout = body.0.checkout().map_err(said)?;
    let answer = orders::place(&upstreams, &caller, key, &checkout).await.map_err(said)?;
    let order = Order::of(&relay::read(&answer).map_err(said)?)?;
    let at = format!("/orders/{}", order.id);
    Ok(if answer.status.as_u16() == 202 { Reply::accepted(at, order) } else { Reply::created(at, order) })
}

impl NewOrder {
    fn checkout(&self) -> Result<CheckoutRequest, Problem> {
        if self.quantity < 1 {
            return Err(Problem::invalid("quantity", "must be at least 1"));
        }
        let book_id = BookId::new(self.product_id);
        let book_id = book_id.ok_or_else(|| Problem::new(Code::BookNotFound, "there is no such product"))?;
        Ok(CheckoutRequest {
            lines: lines_of(book_id, self.quantity)?,
            payment_method: PaymentMethod::Invoice,
            card: None,
            address: None,
            customer_ref: None,
            on_behalf_of: None,
            phone: None,
        })
    }
}

/// Shows an order.
#[api_v2_operation(tags(inventory))]
pub(super) async fn show_order(
    Scoped { caller, .. }: Scoped<OrdersRead>,
    upstreams: web::Data<Upstreams>,
    hidden: web::Data<HiddenOrders>,
    order_id: web::Path<String>,
) -> Result<Reply<Order>, Fail<(S404,)>> {
    Ok(Reply::ok(find(&upstreams, &hidden, &caller, &order_id).await?))
}

async fn find(upstreams: &Upstreams, hidden: &HiddenOrders, caller: &Caller, order_id: &str) -> Result<Order, Problem> {
    let id: OrderId = order_id.parse().map_err(|_| no_order())?;
    let answer = upstreams.order.ask(caller, Ask::get(format!("/orders/{id}"))).await?;
    let order = Order::of(&relay::read(&answer).map_err(said)?)?;
    if hidden.contain(id).await? { Err(no_order()) } else { Ok(order) }
}

/// Cancels an order that waits for its payment, or hands a paid one over.
///
/// `PAID` only ever comes from the payment's webhook. 202: canceled, and its copies are on their way back.
#[api_v2_operation(tags(inventory))]
pub(super) async fn move_order(
    Scoped { caller, .. }: Scoped<OrdersWrite>,
    upstreams: web::Data<Upstreams>,
    hidden: web::Data<HiddenOrders>,
    order_id: web::Path<String>,
    body: Body<StatusChange>,
) -> Result<Reply<Order, (S200, S202)>, Fail<(S403, S404, S409, S422)>> {
    let order = find(&upstreams, &hidden, &caller, &order_id).await?;
    let command = match (order.status, body.0.status) {
        (Status::Pending, Status::Canceled) => "cancel",
        (Status::Paid, Status::Shipped) => "hand-over",
        _ => return Err(no_such_move().into()),
    };
    let (order, settled) = command_to(&upstreams, &caller, order.id, command).await?;
    Ok(if settled { Reply::ok(order) } else { Reply::accepted(format!("/orders/{}", order.id), order) })
}

/// Sends an order a command; answers what it is then, and whether that is all.
async fn command_to(
    upstreams: &Upstreams,
    caller: &Caller,
    id: OrderId,
    command: &str,
) -> Result<(Order, bool), Problem> {
    let key = key_or_ours(IdempotencyKey(None));
    let ask = Ask::repeatable(Method::POST, format!("/orders/{id}/{command}")).header("idempotency-key", Some(&key));
    let ask = if command == "cancel" { ask.json(&CancelRequest::default()) } else { ask };
    let answer = upstreams.order.ask(caller, ask).await?;
    let order = Order::of(&relay::read(&answer).map_err(said)?)?;
    Ok((order, answer.status.as_u16() != 202))
}

/// Deletes an order that waits for its payment, or that was canceled.
///
/// It is canceled, its copies go back, and this contract shows it no more. It is kept for the books.
#[api_v2_operation(tags(inventory))]
pub(super) async fn delete_order(
    Scoped { caller, .. }: Scoped<OrdersWrite>,
    upstreams: web::Data<Upstreams>,
    hidden: web::Data<HiddenOrders>,
    order_id: web::Path<String>,
) -> Result<Reply<(), (S204,)>, Fail<(S403, S404, S409)>> {
    let order = find(&upstreams, &hidden, &caller, &order_id).await?;
    match order.status {
        Status::Pending => {
            command_to(&upstreams, &caller, order.id, "cancel").await.map_err(not_deletable)?;
        }
        Status::Canceled => {}
        Status::Paid | Status::Shipped => return Err(not_deletable(no_such_move()).into()),
    }
    hidden.hide(order.id, Clock::system().now()).await?;
    Ok(Reply::empty(204))
}

fn no_order() -> Problem {
    Problem::new(Code::OrderNotFound, "Order not found")
}

fn no_such_move() -> Problem {
    Problem::new(Code::InvalidTransition, "Invalid status transition")
}

fn not_deletable(problem: Problem) -> Problem {
    if problem.code == Code::InvalidTransition {
        return saying(problem, Code::InvalidTransition, "Order cannot be deleted");
    }
    problem
}
