use std::{future::Future, pin::Pin, sync::Arc};

use actix_web::{FromRequest, HttpMessage, HttpRequest, dev::Payload};
use paperclip::{actix::OperationModifier, v2::schema::Apiv2Schema};
use service_kit::auth::{Gate, Refusal};

use crate::identity::store::families::Family;

/// The sign-in to which the token of this request belongs.
#[derive(Clone)]
pub struct ThisSignIn(pub Arc<Family>);

impl FromRequest for ThisSignIn {
    type Error = Refusal;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Refusal>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            Gate::caller(&request).await?;
            request.extensions().get::<ThisSignIn>().cloned().ok_or(Refusal::NoCredential)
        })
    }
}

impl Apiv2Schema for ThisSignIn {}
impl OperationModifier for ThisSignIn {}
