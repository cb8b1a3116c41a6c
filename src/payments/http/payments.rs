use actix_web::HttpRequest;
use paperclip::actix::{api_v2_operation, web};
use service_kit::{
    auth::Public,
    http::{Body, Cursor, Fail, PageQuery, Reply, S200, S201, S404, S409, S422},
};
use shared_types::{
    Money, PaymentId, Problem,
    payments::{ChargeMethod, OpenPaymentRequest, PaymentPage, PaymentView},
};

use super::{Bank, manners};
use crate::payments::{
    domain::Command,
    store::{Done, Wish},
};

/// Opens a payment under the id that the shop chose: a card is charged now, an invoice waits for its buyer.
///
/// 201: it is new. 200: this very payment was there. The `status` decides. 422: the id was used for another payment.
#[api_v2_operation(tags(payments))]
pub(super) async fn open(
    _: Public,
    bank: web::Data<Bank>,
    id: web::Path<PaymentId>,
    body: Body<OpenPaymentRequest>,
) -> Result<Reply<PaymentView, (S200, S201)>, Fail<(S422,)>> {
    let id = id.into_inner();
    let wish = wish(body.0)?;
    let done = bank.store.carry_out(id, wish).await.map_err(Problem::from)?;
    manners::before_the_answer(&bank, id, &done).await?;
    Ok(reply(id, done))
}

/// Cancels what is not captured yet. What is captured stays, and the answer says so.
///
/// A payment that never arrived is canceled, too, and can never be opened (201).
#[api_v2_operation(tags(payments))]
pub(super) async fn cancel(
    _: Public,
    bank: web::Data<Bank>,
    id: web::Path<PaymentId>,
) -> Result<Reply<PaymentView, (S200, S201)>, Fail> {
    let id = id.into_inner();
    let done = bank.store.carry_out(id, Wish::Command(Command::Cancel)).await.map_err(Problem::from)?;
    Ok(reply(id, done))
}

/// Gives the whole payment back. Repeated, it is given back once.
#[api_v2_operation(tags(payments))]
pub(super) async fn refund(
    _: Public,
    bank: web::Data<Bank>,
    id: web::Path<PaymentId>,
) -> Result<Reply<PaymentView>, Fail<(S404, S409)>> {
    command(&bank, id.into_inner(), Command::Refund).await
}

/// Pays an invoice, as its buyer would. The shop hears of it by webhook.
#[api_v2_operation(tags(payments))]
pub(super) async fn pay(
    _: Public,
    bank: web::Data<Bank>,
    id: web::Path<PaymentId>,
) -> Result<Reply<PaymentView>, Fail<(S404, S409)>> {
    command(&bank, id.into_inner(), Command::Confirm).await
}

/// Shows a payment.
#[api_v2_operation(tags(payments))]
pub(super) async fn show(
    _: Public,
    bank: web::Data<Bank>,
    id: web::Path<PaymentId>,
) -> Result<Reply<PaymentView>, Fail<(S404,)>> {
    Ok(Reply::ok(bank.store.payment(id.into_inner()).await.map_err(Problem::from)?))
}

/// Lists the ledger in the order of the payments' ids.
#[api_v2_operation(tags(payments))]
pub(super) async fn list(
    _: Public,
    request: HttpRequest,
    bank: web::Data<Bank>,
    query: web::Query<PageQuery>,
) -> Result<Reply<PaymentPage>, Fail> {
    let after = query.cursor.as_deref().map(position).transpose()?;
    let rows = query.rows()?;
    let mut items = bank.store.payments(after, rows + 1).await.map_err(Problem::from)?;
    let shown = usize::try_from(rows).unwrap_or(usize::MAX);
    let more = items.len() > shown;
    items.truncate(shown);
    let last = items.last().filter(|_| more);
    let next_cursor = last.map(|last| Cursor(vec![last.payment_id.to_string()]).encode());
    let reply = Reply::ok(PaymentPage { items, next_cursor: next_cursor.clone() });
    Ok(reply.next_page(&request, next_cursor.as_deref()))
}

fn position(cursor: &str) -> Result<PaymentId, Problem> {
    let cursor = Cursor::decode(cursor, 1)?;
    cursor.0.first().and_then(|id| id.parse().ok()).ok_or_else(Cursor::malformed)
}

async fn command(bank: &Bank, id: PaymentId, command: Command) -> Result<Reply<PaymentView>, Fail<(S404, S409)>> {
    Ok(Reply::ok(bank.store.carry_out(id, Wish::Command(command)).await.map_err(Problem::from)?.view))
}

fn reply(id: PaymentId, done: Done) -> Reply<PaymentView, (S200, S201)> {
    if done.created { Reply::created(format!("/payments/{id}"), done.view) } else { Reply::ok(done.view) }
}

/// An amount of its currency, at least one minor unit; a token for a card, and none for an invoice.
fn wish(request: OpenPaymentRequest) -> Result<Wish, Problem> {
    let amount = Money::total(request.amount, request.currency)
        .map_err(|error| Problem::invalid("amount", error.to_string()))?;
    if amount.minor < 1 {
        return Err(Problem::invalid("amount", "must be more than nothing"));
    }
    match (request.method, &request.token) {
        (ChargeMethod::Card, None) => Err(Problem::invalid("token", "is needed for a card")),
        (ChargeMethod::Invoice, Some(_)) => Err(Problem::invalid("token", "is for cards only")),
        (ChargeMethod::Card, Some(_)) | (ChargeMethod::Invoice, None) => {
            Ok(Wish::Open { amount, token: request.token })
        }
    }
}
