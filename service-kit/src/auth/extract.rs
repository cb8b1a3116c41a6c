//! Permissions as types: a handler's signature says who may call it, and the API document says the same.
//!
//! Extractors are asked in the order of the signature, so the permission stands first: who may not call learns nothing of
//! what else was wrong.

use std::{collections::BTreeMap, future::Future, marker::PhantomData, pin::Pin};

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use paperclip::{
    actix::OperationModifier,
    v2::{
        models::{DefaultOperationRaw, DefaultSchemaRaw},
        schema::Apiv2Schema,
    },
};
use shared_types::{AccountId, Problem};

use super::{
    caller::{Caller, Role, Service, Who},
    document,
    gate::Gate,
    permission::Permission,
    refusal::Refusal,
    scope::ScopeName,
};
use crate::http::document::define;

/// A permission as an extractor.
pub trait Permit: Sized + 'static {
    const PERMISSION: Permission;

    /// Lets this caller in who said who he is; nothing where he lacks the permission.
    fn admit(caller: Caller) -> Option<Self>;
}

/// A caller whose token has this scope, whoever he is. What is his to see or change is for the handler to decide.
#[derive(Debug, Clone)]
pub struct Scoped<S> {
    pub caller: Caller,
    scope: PhantomData<S>,
}

/// As [`Scoped`]; somebody without a credential becomes a guest where guests are welcome. For the public door.
#[derive(Debug, Clone)]
pub struct ScopedOrGuest<S> {
    pub caller: Caller,
    scope: PhantomData<S>,
}

/// Whoever has an account himself, not a client that acts for him.
#[derive(Debug, Clone)]
pub struct AccountHolder {
    pub account: AccountId,
    pub caller: Caller,
}

/// A customer himself, not a client that acts for him.
#[derive(Debug, Clone)]
pub struct Customer {
    pub account: AccountId,
    pub caller: Caller,
}

/// An employee or administrator himself, not a client that acts for him.
#[derive(Debug, Clone)]
pub struct Employee {
    pub account: AccountId,
    pub caller: Caller,
}

/// An administrator himself, not a client that acts for him.
#[derive(Debug, Clone)]
pub struct Administrator {
    pub account: AccountId,
    pub caller: Caller,
}

/// One of our services, for itself: `ServiceCaller<peer::Order>`.
#[derive(Debug, Clone)]
pub struct ServiceCaller<P> {
    pub caller: Caller,
    peer: PhantomData<P>,
}

/// Anyone, with or without a credential; a wrong one is refused all the same. For the public door.
#[derive(Debug, Clone)]
pub struct Anyone(pub Caller);

/// Anyone who has a token. For services behind the gateway, whose tokens say on whose behalf it asks: a call without
/// one is refused, even from this very machine.
#[derive(Debug, Clone)]
pub struct AnyCaller(pub Caller);

/// Nothing is asked and nobody looks: sign-in, published keys.
#[derive(Debug, Clone, Copy)]
pub struct Public;

/// A service as a type.
pub trait Peer: 'static {
    const SERVICE: Service;
}

/// The services as types, for [`ServiceCaller`].
pub mod peer {
    use super::{Peer, Service};

    macro_rules! peers {
        ($($name:ident)+) => {$(
            #[doc = concat!("The service `", stringify!($name), "`.")]
            #[derive(Debug, Clone, Copy)]
            pub enum $name {}

            impl Peer for $name {
                const SERVICE: Service = Service::$name;
            }
        )+};
    }

    peers!(Gateway Catalog Order Delivery);
}

impl<S: ScopeName> Permit for Scoped<S> {
    const PERMISSION: Permission = Permission::Scope(S::SCOPE);

    fn admit(caller: Caller) -> Option<Self> {
        caller.may(S::SCOPE).then_some(Scoped { caller, scope: PhantomData })
    }
}

impl<S: ScopeName> Permit for ScopedOrGuest<S> {
    const PERMISSION: Permission = Permission::ScopeOrGuest(S::SCOPE);

    fn admit(caller: Caller) -> Option<Self> {
        caller.may(S::SCOPE).then_some(ScopedOrGuest { caller, scope: PhantomData })
    }
}

impl Permit for AccountHolder {
    const PERMISSION: Permission = Permission::Account;

    fn admit(caller: Caller) -> Option<Self> {
        let account = himself(&caller, &[Role::Customer, Role::Employee, Role::Administrator])?;
        Some(AccountHolder { account, caller })
    }
}

impl Permit for Customer {
    const PERMISSION: Permission = Permission::Customer;

    fn admit(caller: Caller) -> Option<Self> {
        let account = himself(&caller, &[Role::Customer])?;
        Some(Customer { account, caller })
    }
}

impl Permit for Employee {
    const PERMISSION: Permission = Permission::Employee;

    fn admit(caller: Caller) -> Option<Self> {
        let account = himself(&caller, &[Role::Employee, Role::Administrator])?;
        Some(Employee { account, caller })
    }
}

impl Permit for Administrator {
    const PERMISSION: Permission = Permission::Administrator;

    fn admit(caller: Caller) -> Option<Self> {
        let account = himself(&caller, &[Role::Administrator])?;
        Some(Administrator { account, caller })
    }
}

impl<P: Peer> Permit for ServiceCaller<P> {
    const PERMISSION: Permission = Permission::Service(P::SERVICE);

    fn admit(caller: Caller) -> Option<Self> {
        (caller.who == Who::Service(P::SERVICE)).then_some(ServiceCaller { caller, peer: PhantomData })
    }
}

impl Permit for Anyone {
    const PERMISSION: Permission = Permission::Anyone;

    fn admit(caller: Caller) -> Option<Self> {
        Some(Anyone(caller))
    }
}

impl Permit for AnyCaller {
    const PERMISSION: Permission = Permission::AnyCaller;

    fn admit(caller: Caller) -> Option<Self> {
        Some(AnyCaller(caller))
    }
}

/// The account of a caller of one of these roles who acts himself. A client to which somebody granted a scope or two has
/// those scopes; it does not become him.
fn himself(caller: &Caller, roles: &[Role]) -> Option<AccountId> {
    caller.who.account().filter(|_| caller.client_id.is_none() && roles.contains(&caller.role()))
}

/// Lets the caller in, or refuses him: 401 for who said nothing, 403 for who lacks the permission. A token in which the
/// gateway says "nobody" is a good token, so it gets 403.
async fn permit<T: Permit>(request: HttpRequest) -> Result<T, Refusal> {
    let caller = match T::PERMISSION {
        Permission::ScopeOrGuest(_) => Gate::caller_or_guest(&request).await?,
        Permission::Public
        | Permission::Anyone
        | Permission::AnyCaller
        | Permission::Scope(_)
        | Permission::Account
        | Permission::Customer
        | Permission::Employee
        | Permission::Administrator
        | Permission::Service(_) => Gate::caller(&request).await?,
    };
    if caller == Caller::anonymous() && T::PERMISSION != Permission::Anyone {
        return Err(Refusal::NoCredential);
    }
    T::admit(caller).ok_or(Refusal::Forbidden(T::PERMISSION))
}

macro_rules! extractors {
    ($([$($generics:tt)*] $name:ty;)+) => {$(
        impl<$($generics)*> FromRequest for $name {
            type Error = Refusal;
            type Future = Pin<Box<dyn Future<Output = Result<Self, Refusal>>>>;

            fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
                Box::pin(permit(request.clone()))
            }
        }

        impl<$($generics)*> Apiv2Schema for $name {}

        impl<$($generics)*> OperationModifier for $name {
            fn update_definitions(map: &mut BTreeMap<String, DefaultSchemaRaw>) {
                define::<Problem>(map);
            }

            fn update_security(operation: &mut DefaultOperationRaw) {
                document::requires(operation, Self::PERMISSION);
                document::answers(operation, Self::PERMISSION);
            }
        }
    )+};
}

extractors! {
    [S: ScopeName] Scoped<S>;
    [S: ScopeName] ScopedOrGuest<S>;
    [] AccountHolder;
    [] Customer;
    [] Employee;
    [] Administrator;
    [P: Peer] ServiceCaller<P>;
    [] Anyone;
    [] AnyCaller;
}

impl FromRequest for Public {
    type Error = Refusal;
    type Future = std::future::Ready<Result<Self, Refusal>>;

    fn from_request(_: &HttpRequest, _: &mut Payload) -> Self::Future {
        std::future::ready(Ok(Public))
    }
}

impl Apiv2Schema for Public {}

impl OperationModifier for Public {
    fn update_security(operation: &mut DefaultOperationRaw) {
        document::requires(operation, Permission::Public);
    }
}
