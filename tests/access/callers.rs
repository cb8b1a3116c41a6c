use std::collections::BTreeMap;

use serde_json::{Value, json};
use service_kit::{
    auth::{Caller, Scope, Scopes, Service, Who},
    testing::ReplicaIssuer,
};
use shared_types::AccountId;

use crate::{
    browser::{Browser, encode, form},
    shop::{Body, Call, Credential, Gateway, PASSWORD, Part, Shop, account},
};

/// Every kind of caller, in the order of the matrix's columns. API keys come last, in a column of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Says nothing about himself.
    Nobody,
    /// Sends what is no credential: as a token, as a key, as a guest's token.
    Garbage,
    /// Sends a token whose time is over.
    Expired,
    /// Sends a token of a sign-in that he has ended. Only the gateway can know.
    Revoked,
    /// Sends good tokens that were made for another service: the owner's, and those of our services.
    Replayed,
    /// One of our services but the gateway, who says that he is an administrator.
    Impostor,
    /// A visitor without a credential, for whom the gateway asks. Only behind the gateway.
    Visitor,
    /// A guest who has bought something else.
    Guest,
    /// The customer whose thing it is.
    Owner,
    /// Another customer.
    Other,
    /// An employee: the one whose thing it is, where things belong to employees.
    Employee,
    /// Another employee.
    Colleague,
    Admin,
    /// An application that the owner lets do whatever he may.
    App,
    /// An application for itself, with all that it can be given.
    Program,
    /// Our own services for themselves, with tokens made for the service that they call.
    FromGateway,
    FromOrder,
    FromDelivery,
    FromCatalog,
    /// An API key with one of the sets of [`keys`].
    Key(usize),
}

impl Kind {
    /// The columns, with their names.
    pub const COLUMNS: [(Kind, &str); 19] = [
        (Kind::Nobody, "nobody"),
        (Kind::Garbage, "garbage"),
        (Kind::Expired, "expired"),
        (Kind::Revoked, "revoked"),
        (Kind::Replayed, "replayed"),
        (Kind::Impostor, "impostor"),
        (Kind::Visitor, "visitor"),
        (Kind::Guest, "guest"),
        (Kind::Owner, "owner"),
        (Kind::Other, "other"),
        (Kind::Employee, "employee"),
        (Kind::Colleague, "colleague"),
        (Kind::Admin, "admin"),
        (Kind::App, "app"),
        (Kind::Program, "program"),
        (Kind::FromGateway, "gateway"),
        (Kind::FromOrder, "order"),
        (Kind::FromDelivery, "delivery"),
        (Kind::FromCatalog, "catalog"),
    ];
}

/// Who has an account. The administrator is there before everybody.
const PEOPLE: [(Kind, &str, &str); 6] = [
    (Kind::Admin, "root", "administrator"),
    (Kind::Owner, "ana", "customer"),
    (Kind::Other, "ben", "customer"),
    (Kind::Revoked, "rita", "customer"),
    (Kind::Employee, "emil", "employee"),
    (Kind::Colleague, "carla", "employee"),
];

/// The sets of scopes that keys are tried with: each scope alone, and those that open something together.
pub fn keys() -> Vec<Scopes> {
    let together: [&[Scope]; 6] = [
        &[Scope::ItemsWrite, Scope::StockWrite],
        &[Scope::OrdersRead, Scope::OrdersReview],
        &[Scope::OrdersWrite, Scope::OrdersReview],
        &[Scope::DeliveriesRead, Scope::OrdersReview],
        &[Scope::DeliveriesRead, Scope::DeliveriesWrite],
        Scope::ALL,
    ];
    Scope::ALL.iter().map(|scope| Scopes::of(&[*scope])).chain(together.iter().map(|set| Scopes::of(set))).collect()
}

/// The set as the matrix writes it.
pub fn key_name(scopes: Scopes) -> String {
    if scopes == Scopes::of(Scope::ALL) {
        return "every".to_owned();
    }
    scopes.to_string().replace(' ', "+")
}

/// Everybody, with what each needs to say who he is.
pub struct Callers {
    /// What is sent to the gateway.
    credentials: BTreeMap<Kind, Vec<Credential>>,
    /// Who each is behind the gateway.
    who: BTreeMap<Kind, Caller>,
    /// Our services, and what they said an hour ago.
    issuers: BTreeMap<Service, ReplicaIssuer>,
    past: ReplicaIssuer,
    /// The client id and secret of the program.
    pub program: (String, String),
    /// The client id of the application.
    pub app: String,
}

const CALLBACK: &str = "https://club.example/callback";
/// The pair of RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
/// The header of a guest's token.
pub const GUEST_TOKEN: &str = "x-guest-token";
const AN_HOUR_MS: i64 = 3_600_000;

fn bearer(token: &str) -> Credential {
    vec![("authorization", format!("Bearer {token}"))]
}

/// An access token for the password that everybody has.
async fn sign_in(shop: &Shop, name: &str) -> Credential {
    let call = Call::post("/api/v1/auth/token", json!({"username": name, "password": PASSWORD}));
    bearer(shop.ask(&call, &[]).await["access_token"].as_str().unwrap())
}

async fn service_issuers(shop: &Shop) -> BTreeMap<Service, ReplicaIssuer> {
    let mut issuers = BTreeMap::new();
    for part in [Gateway, Part::Catalog, Part::Order, Part::Delivery] {
        issuers.insert(service(part), ReplicaIssuer::of(service(part), shop.databases()[&part].url()).await);
    }
    issuers
}

impl Callers {
    /// Registers everybody in a shop that has none but `root`.
    pub async fn come_to(shop: &Shop) -> Callers {
        let issuers = service_issuers(shop).await;
        let past = ReplicaIssuer::of_the_past(Service::Gateway, shop.databases()[&Gateway].url(), AN_HOUR_MS).await;
        let mut callers = Callers {
            credentials: BTreeMap::new(),
            who: BTreeMap::new(),
            issuers,
            past,
            program: Default::default(),
            app: String::new(),
        };
        callers.people_come(shop).await;
        callers.programs_come(shop).await;
        callers.strangers_come();
        callers
    }

    async fn people_come(&mut self, shop: &Shop) {
        let root = sign_in(shop, "root").await;
        for (kind, name, role) in PEOPLE {
            if kind != Kind::Admin {
                shop.ask(&Call::post("/api/v1/accounts", account(name, Some(role))), &root).await;
            }
            self.introduce(shop, kind, sign_in(shop, name).await).await;
        }
        let rita = self.credentials[&Kind::Revoked][0].clone();
        let signed_out = shop.send(Gateway, &Call::new(reqwest::Method::POST, "/api/v1/auth/sign-out"), &rita).await;
        assert_eq!(signed_out.status, 204, "{signed_out:?}");
    }

    /// Notes who somebody with an account is.
    async fn introduce(&mut self, shop: &Shop, kind: Kind, credential: Credential) {
        let me = shop.ask(&Call::get("/api/v1/auth/me"), &credential).await;
        let account: AccountId = me["id"].as_str().unwrap().parse().unwrap();
        let who = match me["role"].as_str().unwrap() {
            "customer" => Who::Customer(account),
            "employee" => Who::Employee(account),
            _ => Who::Administrator(account),
        };
        self.who.insert(kind, Caller::first_hand(who));
        self.credentials.insert(kind, vec![credential]);
    }

    async fn programs_come(&mut self, shop: &Shop) {
        self.let_the_app_in(shop).await;
        let root = self.credentials[&Kind::Admin][0].clone();
        let every = Scopes::all().to_string();
        let wish = json!({"client_name": "till", "grant_types": ["client_credentials"], "scope": every});
        let made = shop.ask(&Call::post("/o/applications/", wish), &root).await;
        let text = |name: &str| made[name].as_str().unwrap().to_owned();
        self.program = (text("client_id"), text("client_secret"));
        let tokens = shop.ask(&self.as_program("/o/token/", &[("grant_type", "client_credentials")]), &[]).await;
        self.credentials.insert(Kind::Program, vec![bearer(tokens["access_token"].as_str().unwrap())]);
        let scopes = Scopes::known_in(tokens["scope"].as_str().unwrap());
        let who = Who::Client(self.program.0.clone());
        self.who.insert(Kind::Program, Caller { scopes, ..Caller::first_hand(who) });
        for (number, scopes) in keys().into_iter().enumerate() {
            let list: Vec<String> = scopes.iter().map(|scope| scope.to_string()).collect();
            let wish = json!({"name": key_name(scopes), "scopes": list});
            let made = shop.ask(&Call::post("/api/v1/api-keys", wish), &root).await;
            let key = made["key"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned();
            self.credentials.insert(Kind::Key(number), vec![vec![("x-api-key", key)]]);
            let who = Who::ApiKey(made["api_key"]["id"].as_str().unwrap().to_owned());
            self.who.insert(Kind::Key(number), Caller { scopes, ..Caller::first_hand(who) });
        }
    }

    /// A form that the program sends with its secret.
    pub fn as_program(&self, path: &str, fields: &[(&str, &str)]) -> Call {
        let credentials = [("client_id", self.program.0.as_str()), ("client_secret", self.program.1.as_str())];
        let call = Call::new(reqwest::Method::POST, path);
        Call { body: Body::Form(encode(&[fields, &credentials].concat())), ..call }
    }

    /// The request with which the application asks to be let in.
    pub fn authorization(&self) -> String {
        let scope = service_kit::auth::Role::Customer.scopes().to_string();
        let fields = [
            ("response_type", "code"),
            ("client_id", &self.app),
            ("redirect_uri", CALLBACK),
            ("scope", &scope),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ];
        format!("/o/authorize/?{}", encode(&fields))
    }

    /// The owner lets an application do whatever he may.
    async fn let_the_app_in(&mut self, shop: &Shop) {
        let owner = self.credentials[&Kind::Owner][0].clone();
        let scopes = service_kit::auth::Role::Customer.scopes();
        let wish = json!({"client_name": "Book club", "redirect_uris": [CALLBACK], "scope": scopes.to_string(),
                          "token_endpoint_auth_method": "none"});
        let made = shop.ask(&Call::post("/o/applications/", wish), &owner).await;
        self.app = made["client_id"].as_str().unwrap().to_owned();
        let mut browser = Browser::new(shop);
        let page = browser.up_to_consent(&self.authorization(), "ana").await;
        let mut consent = form(&page.text);
        consent.set("decision", "allow");
        let agreed = browser.submit(&consent).await;
        let back = url::Url::parse(agreed.header("location")).unwrap();
        let code = back.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
            ("client_id", &self.app),
        ];
        let call = Call { body: Body::Form(encode(&fields)), ..Call::new(reqwest::Method::POST, "/o/token/") };
        let tokens = shop.ask(&call, &[]).await;
        self.credentials.insert(Kind::App, vec![bearer(tokens["access_token"].as_str().unwrap())]);
        let client_id = Some(self.app.clone());
        self.who.insert(Kind::App, Caller { client_id, ..self.who[&Kind::Owner].clone() });
    }

    fn strangers_come(&mut self) {
        self.credentials.insert(Kind::Nobody, vec![Vec::new()]);
        let junk = [("authorization", "Bearer junk"), ("x-api-key", "lck_junk"), (GUEST_TOKEN, "lcg_junk")];
        let junk = junk.map(|(name, value)| vec![(name, value.to_owned())]);
        self.credentials.insert(Kind::Garbage, junk.to_vec());
        self.who.insert(Kind::Visitor, Caller::anonymous());
        for (kind, service) in SERVICES {
            let caller = Caller { scopes: Scopes::NONE, ..Caller::first_hand(Who::Service(service)) };
            self.who.insert(kind, caller);
        }
    }

    /// A guest who has just bought something, by the answer to his purchase.
    pub fn meet_guest(&mut self, token: &str) {
        let id = token.split('_').nth(1).unwrap().to_owned();
        self.credentials.insert(Kind::Guest, vec![vec![(GUEST_TOKEN, token.to_owned())]]);
        self.who.insert(Kind::Guest, Caller::first_hand(Who::Guest(id)));
    }

    /// All ways in which this kind of caller says who he is to this service; none where there is no such caller.
    pub fn credentials(&self, part: Part, kind: Kind) -> Vec<Credential> {
        let service = service(part);
        match kind {
            Kind::Expired => vec![bearer_of(&self.past, &self.who[&Kind::Owner], service)],
            Kind::Replayed => self.replayed(service),
            Kind::Impostor => self.impostors(service),
            Kind::FromGateway | Kind::FromOrder | Kind::FromDelivery | Kind::FromCatalog => {
                let issuer = SERVICES.iter().find(|(known, _)| *known == kind).unwrap().1;
                vec![bearer_of(&self.issuers[&issuer], &self.who[&kind], service)]
            }
            Kind::Visitor if part == Gateway => Vec::new(),
            Kind::Revoked if part != Gateway => Vec::new(),
            Kind::Garbage if part != Gateway => vec![self.credentials[&kind][0].clone()],
            Kind::Nobody | Kind::Garbage | Kind::Revoked => self.credentials[&kind].clone(),
            Kind::Visitor
            | Kind::Guest
            | Kind::Owner
            | Kind::Other
            | Kind::Employee
            | Kind::Colleague
            | Kind::Admin
            | Kind::App
            | Kind::Program
            | Kind::Key(_) => match part {
                Gateway => self.credentials[&kind].clone(),
                Part::Catalog | Part::Order | Part::Delivery | Part::Payments => {
                    vec![bearer_of(&self.issuers[&Service::Gateway], &self.who[&kind], service)]
                }
            },
        }
    }

    /// Every token that is good at some other service.
    fn replayed(&self, here: Service) -> Vec<Credential> {
        let others = || Service::ALL.iter().copied().filter(|service| *service != here);
        let owners = others().map(|there| bearer_of(&self.issuers[&Service::Gateway], &self.who[&Kind::Owner], there));
        let theirs = SERVICES.iter().flat_map(|(kind, service)| {
            others().map(|there| bearer_of(&self.issuers[service], &self.who[kind], there))
        });
        owners.chain(theirs).collect()
    }

    fn impostors(&self, here: Service) -> Vec<Credential> {
        let issuers = self.issuers.iter().filter(|(service, _)| **service != Service::Gateway);
        issuers.map(|(_, issuer)| bearer_of(issuer, &self.who[&Kind::Admin], here)).collect()
    }

    /// Signs everybody in again whose sign-in has ended by what he did.
    pub async fn renew(&mut self, shop: &Shop, kind: Kind) {
        let Some((_, name, _)) = PEOPLE.iter().find(|(known, ..)| *known == kind) else { return };
        self.credentials.insert(kind, vec![sign_in(shop, name).await]);
        if kind == Kind::Owner {
            self.let_the_app_in(shop).await;
        }
    }

    /// A token of the order service for this one.
    pub fn as_order(&self, part: Part) -> Credential {
        self.credentials(part, Kind::FromOrder).remove(0)
    }

    /// How he says who he is to the gateway.
    pub fn at_gateway(&self, kind: Kind) -> Credential {
        self.credentials(Gateway, kind).remove(0)
    }
}

const SERVICES: [(Kind, Service); 4] = [
    (Kind::FromGateway, Service::Gateway),
    (Kind::FromOrder, Service::Order),
    (Kind::FromDelivery, Service::Delivery),
    (Kind::FromCatalog, Service::Catalog),
];

/// For whom tokens are that are sent there. The provider has no name among our services: it is sent what the order service is.
fn service(part: Part) -> Service {
    match part {
        Gateway => Service::Gateway,
        Part::Catalog => Service::Catalog,
        Part::Order | Part::Payments => Service::Order,
        Part::Delivery => Service::Delivery,
    }
}

/// What the service of this issuer says of this caller. The gateway says that it speaks for others.
fn bearer_of(issuer: &ReplicaIssuer, caller: &Caller, aud: Service) -> Credential {
    let speaks_for_others =
        issuer.issuer().service() == Service::Gateway && caller.role() != service_kit::auth::Role::Service;
    let act = speaks_for_others.then_some(Service::Gateway);
    vec![("authorization", issuer.bearer(&Caller { act, ..caller.clone() }, aud))]
}

/// A member of an answer.
pub fn text<'a>(answer: &'a Value, name: &str) -> &'a str {
    answer[name].as_str().unwrap_or_else(|| panic!("no {name} in {answer}"))
}
