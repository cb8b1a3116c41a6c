//! The pages on which a person lets an application act for him.

use actix_web::{HttpRequest, HttpResponse, Responder, body::BoxBody, http::StatusCode};
use askama::Template;
use paperclip::{
    actix::{
        OperationModifier, api_v2_operation,
        web::{self, ServiceConfig},
    },
    v2::{models::DefaultOperationRaw, schema::Apiv2Schema},
};
use service_kit::{
    auth::{Public, Scope},
    http::document::answers_with,
};
use shared_types::{Code, Problem, Secret};

use super::{
    browser::{Cookie, Visit},
    form::Form,
};
use crate::identity::{
    Identity,
    domain::{Origin, Parameters},
    oauth::{Asked, Misasked, OAuthCode, OAuthError},
    store::families::Family,
};

pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(web::resource("/o/authorize/").route(web::get().to(ask)).route(web::post().to(decide)))
        .service(web::resource("/o/sign-in/").route(web::post().to(sign_in)))
        .service(web::resource("/o/sign-out/").route(web::post().to(sign_out)))
        .service(web::resource("/o/style.css").route(web::get().to(style)));
}

/// A page, or the way to the next one.
pub struct Page(HttpResponse);

impl Responder for Page {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        self.0
    }
}

impl Apiv2Schema for Page {}
impl OperationModifier for Page {
    fn update_response(operation: &mut DefaultOperationRaw) {
        let html = "text/html";
        answers_with(operation, 200, "A page.", html);
        answers_with(operation, 303, "The way to the next page, or back to the application.", html);
        answers_with(operation, 400, "A page that says what cannot be read.", html);
        answers_with(operation, 401, "A page that says who is not known.", html);
        answers_with(operation, 403, "A page that says what is refused.", html);
        answers_with(operation, 429, "A page that says when to try again.", html);
    }
}

/// What the pages look like.
struct Style(HttpResponse);

impl Responder for Style {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        self.0
    }
}

impl Apiv2Schema for Style {}
impl OperationModifier for Style {
    fn update_response(operation: &mut DefaultOperationRaw) {
        answers_with(operation, 200, "What the pages look like.", "text/css");
    }
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage<'a> {
    application: &'a str,
    refusal: Option<&'a str>,
    csrf: &'a str,
    request: &'a str,
}

#[derive(Template)]
#[template(path = "consent.html")]
struct ConsentPage<'a> {
    application: &'a str,
    username: &'a str,
    wishes: Vec<&'static str>,
    destination: &'a str,
    csrf: &'a str,
    request: &'a str,
}

#[derive(Template)]
#[template(path = "refusal.html")]
struct RefusalPage<'a> {
    title: &'a str,
    text: &'a str,
}

/// Asks a person whether an application may act for him; first who he is, where that is not known (RFC 6749 §3.1).
#[api_v2_operation(tags(oauth))]
async fn ask(_: Public, identity: web::Data<Identity>, mut visit: Visit, request: HttpRequest) -> Page {
    let query = request.query_string();
    let asked = match identity.read_authorization(query).await {
        Ok(asked) => asked,
        Err(misasked) => return turn_away(&visit, misasked),
    };
    match identity.person(&visit).await {
        Ok(Some(person)) => consent(&identity, &mut visit, &asked, &person, query).await,
        Ok(None) => sign_in_page(&mut visit, &asked, query, 200, None),
        Err(problem) => refusal(&visit, &problem),
    }
}

/// Takes the person's decision and sends the browser back to the application, with a code or a refusal.
#[api_v2_operation(tags(oauth))]
async fn decide(_: Public, identity: web::Data<Identity>, visit: Visit, origin: Origin, form: Form) -> Page {
    let asked = match opened(&identity, &visit, &form.fields).await {
        Ok((asked, _)) => asked,
        Err(page) => return page,
    };
    let person = match identity.person(&visit).await {
        Ok(person) => person.and_then(|person| Some((person.account?.0, person))),
        Err(problem) => return refusal(&visit, &problem),
    };
    let Some((account, person)) = person else {
        return refusal(
            &visit,
            &Problem::new(Code::Unauthorized, "You were signed out meanwhile. Go back and try again."),
        );
    };
    if form.fields.get("decision") != Some("allow") {
        let noted = identity.decline(&asked, account, origin).await;
        let denied = OAuthError::new(OAuthCode::AccessDenied, "the person said no");
        let back =
            || Misasked::Back { redirect_uri: asked.redirect_uri.clone(), state: asked.state.clone(), error: denied };
        return noted.map_or_else(|problem| refusal(&visit, &problem), |()| turn_away(&visit, back()));
    }
    match identity.agree(&asked, &person, origin).await {
        Ok(code) => send_back(&visit, &asked, &code),
        Err(problem) => refusal(&visit, &problem),
    }
}

/// Signs a person in at this browser and goes on with what the application asked.
#[api_v2_operation(tags(oauth))]
async fn sign_in(_: Public, identity: web::Data<Identity>, mut visit: Visit, origin: Origin, form: Form) -> Page {
    let (asked, query) = match opened(&identity, &visit, &form.fields).await {
        Ok(opened) => opened,
        Err(page) => return page,
    };
    let name = form.fields.get("username").unwrap_or("");
    let password = Secret::new(form.fields.get("password").unwrap_or(""));
    match identity.sign_in_browser(name, password, &visit, origin).await {
        Ok(cookie) => go_on(&visit, &query, visit.set_cookie(Cookie::SignIn, &cookie)),
        Err(problem) if matches!(problem.status, 401 | 429 | 503) => {
            // 401 would ask for a credential in a header, which a browser's form does not send.
            let status = if problem.status == 401 { 403 } else { problem.status };
            sign_in_page(&mut visit, &asked, &query, status, Some(&problem))
        }
        Err(problem) => refusal(&visit, &problem),
    }
}

/// Signs the person at this browser out: it is somebody else.
#[api_v2_operation(tags(oauth))]
async fn sign_out(_: Public, identity: web::Data<Identity>, visit: Visit, origin: Origin, form: Form) -> Page {
    let query = match opened(&identity, &visit, &form.fields).await {
        Ok((_, query)) => query,
        Err(page) => return page,
    };
    match identity.sign_out_browser(&visit, origin).await {
        Ok(()) => go_on(&visit, &query, visit.forget_cookie(Cookie::SignIn)),
        Err(problem) => refusal(&visit, &problem),
    }
}

/// The look of the pages.
#[api_v2_operation(tags(oauth))]
async fn style(_: Public) -> Style {
    let mut response = HttpResponse::Ok();
    response.insert_header(("content-type", "text/css; charset=utf-8"));
    response.insert_header(("cache-control", "public, max-age=3600"));
    Style(response.body(include_str!("../../../templates/style.css")))
}

/// What the application asked, as our own form carried it along; it is judged anew.
async fn opened(identity: &Identity, visit: &Visit, form: &Parameters) -> Result<(Asked, String), Page> {
    if !visit.sent(form) {
        let problem = Problem::new(Code::Forbidden, "This form did not come from our page. Go back and try again.");
        return Err(refusal(visit, &problem));
    }
    let query = form.get("request").unwrap_or("").to_owned();
    if !query.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#') {
        return Err(refusal(
            visit,
            &Problem::new(Code::MalformedBody, "The form cannot be read. Go back and try again."),
        ));
    }
    match identity.read_authorization(&query).await {
        Ok(asked) => Ok((asked, query)),
        Err(misasked) => Err(turn_away(visit, misasked)),
    }
}

async fn consent(identity: &Identity, visit: &mut Visit, asked: &Asked, person: &Family, query: &str) -> Page {
    let Some((account, role)) = person.account else { return sign_in_page(visit, asked, query, 200, None) };
    let granted = asked.granted_by(role);
    if granted.is_empty() {
        let error = OAuthError::new(OAuthCode::InvalidScope, "the person has none of the scopes");
        let (redirect_uri, state) = (asked.redirect_uri.clone(), asked.state.clone());
        return turn_away(visit, Misasked::Back { redirect_uri, state, error });
    }
    let username = match identity.account(account).await {
        Ok(account) => account.username,
        Err(problem) => return refusal(visit, &problem),
    };
    let (csrf, cookie) = visit.form_token();
    let page = ConsentPage {
        application: asked.client.application.name.as_str(),
        username: username.as_str(),
        wishes: granted.iter().map(wish).collect(),
        destination: &asked.redirect_uri.source(),
        csrf: &csrf,
        request: query,
    };
    shown(visit, 200, &page, &asked.redirect_uri.source(), cookie, None)
}

/// What a scope means to the person who is asked.
const fn wish(scope: Scope) -> &'static str {
    match scope {
        Scope::ItemsRead => "see books and topics",
        Scope::ItemsWrite => "create, change and withdraw books",
        Scope::StockRead => "see the stock and its ledger",
        Scope::StockWrite => "change the stock",
        Scope::OrdersRead => "see your orders",
        Scope::OrdersWrite => "place, change and cancel orders for you",
        Scope::OrdersReview => "approve, reject and refund orders",
        Scope::DeliveriesRead => "see your deliveries",
        Scope::DeliveriesWrite => "book, move and cancel deliveries",
        Scope::AccountsAdmin => "manage accounts",
    }
}

fn sign_in_page(visit: &mut Visit, asked: &Asked, query: &str, status: u16, refused: Option<&Problem>) -> Page {
    let (csrf, cookie) = visit.form_token();
    let page = SignInPage {
        application: asked.client.application.name.as_str(),
        refusal: refused.map(|problem| problem.detail.as_str()),
        csrf: &csrf,
        request: query,
    };
    let retry_after_s = refused.and_then(|problem| problem.retry_after_s);
    shown(visit, status, &page, "", cookie, retry_after_s)
}

fn refusal(visit: &Visit, problem: &Problem) -> Page {
    shown(visit, problem.status, &RefusalPage { title: &problem.title, text: &problem.detail }, "", None, None)
}

fn shown(
    visit: &Visit,
    status: u16,
    page: &impl Template,
    form_target: &str,
    cookie: Option<String>,
    retry_after_s: Option<i64>,
) -> Page {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::build(status);
    visit.page_headers(&mut response, form_target);
    if let Some(cookie) = cookie {
        response.insert_header(("set-cookie", cookie));
    }
    if let Some(seconds) = retry_after_s {
        response.insert_header(("retry-after", seconds.to_string()));
    }
    Page(response.body(page.render().expect("BUG: our templates render")))
}

/// Tells the application, by way of the browser; or only the person, where it is not known who asks.
fn turn_away(visit: &Visit, misasked: Misasked) -> Page {
    match misasked {
        Misasked::Nowhere(error) => {
            let text = format!(
                "The application that sent you here asked in a way that cannot be answered: {}.",
                error.description
            );
            let page = RefusalPage { title: "This does not work", text: &text };
            let status = if error.code.status() == 401 { 400 } else { error.code.status() };
            shown(visit, status, &page, "", None, None)
        }
        Misasked::Back { redirect_uri, state, error } => {
            let mut answer = vec![("error", error.code.as_str()), ("error_description", error.description)];
            answer.extend(state.as_deref().map(|state| ("state", state)));
            answer.push(("iss", &visit.base));
            see_other(visit, &redirect_uri.with(&answer), None)
        }
    }
}

/// Back to the application with a code (RFC 6749 §4.1.2), and with who gives it (RFC 9207).
fn send_back(visit: &Visit, asked: &Asked, code: &Secret) -> Page {
    let mut answer = vec![("code", code.expose())];
    answer.extend(asked.state.as_deref().map(|state| ("state", state)));
    answer.push(("iss", &visit.base));
    see_other(visit, &asked.redirect_uri.with(&answer), None)
}

fn go_on(visit: &Visit, query: &str, cookie: String) -> Page {
    see_other(visit, &format!("/o/authorize/?{query}"), Some(cookie))
}

/// 303: whatever was posted to us is not posted there (RFC 9700 §4.12).
fn see_other(visit: &Visit, location: &str, cookie: Option<String>) -> Page {
    let mut response = HttpResponse::SeeOther();
    visit.answer_headers(&mut response);
    response.insert_header(("location", location)).insert_header(("referrer-policy", "no-referrer"));
    if let Some(cookie) = cookie {
        response.insert_header(("set-cookie", cookie));
    }
    Page(response.finish())
}
