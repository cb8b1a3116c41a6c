use std::{future::Future, pin::Pin, time::Duration};

use actix_web::{FromRequest, HttpRequest, dev::Payload, http::header::AUTHORIZATION, web::BytesMut};
use futures_util::StreamExt;
use paperclip::{
    actix::OperationModifier,
    v2::{
        models::{DataType, DefaultOperationRaw, Either, Parameter, ParameterIn},
        schema::Apiv2Schema,
    },
};
use service_kit::http::limits::BODY_DEADLINE_MS;

use super::oauth_reply::OAuthFail;
use crate::identity::{domain::Parameters, oauth::OAuthError};

/// Bytes in a form at most.
const MAX_FORM_BYTES: usize = 16 * 1024;

/// A form (`application/x-www-form-urlencoded`), each of its fields once, and the `Authorization` header beside it.
#[derive(Debug, Clone)]
pub struct Form {
    pub fields: Parameters,
    pub authorization: Option<String>,
}

impl FromRequest for Form {
    type Error = OAuthFail;
    type Future = Pin<Box<dyn Future<Output = Result<Self, OAuthFail>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let header = |name| request.headers().get(name).map(|value| value.to_str().unwrap_or("").to_owned());
        let (media_type, authorization) = (header(actix_web::http::header::CONTENT_TYPE), header(AUTHORIZATION));
        let payload = payload.take();
        Box::pin(async move {
            let essence = media_type.as_deref().unwrap_or("").split(';').next().unwrap_or("").trim();
            if !essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
                return Err(OAuthError::request("the body is not application/x-www-form-urlencoded").into());
            }
            let reading = tokio::time::timeout(Duration::from_millis(BODY_DEADLINE_MS), read(payload)).await;
            let body = reading.unwrap_or(Err(OAuthError::request("the body took too long to arrive")))?;
            let twice = |_| OAuthError::request("a parameter is there twice");
            Ok(Form { fields: Parameters::read(&body).map_err(twice)?, authorization })
        })
    }
}

async fn read(mut payload: Payload) -> Result<BytesMut, OAuthError> {
    let mut body = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| OAuthError::request("the body ended before its end"))?;
        if body.len() + chunk.len() > MAX_FORM_BYTES {
            return Err(OAuthError::request("the body is too large"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

impl Apiv2Schema for Form {}

impl OperationModifier for Form {
    fn update_parameter(operation: &mut DefaultOperationRaw) {
        operation.parameters.push(Either::Right(Parameter {
            in_: ParameterIn::Header,
            name: "Authorization".to_owned(),
            description: Some("`Basic` with the client's id and secret, where they are not in the form.".to_owned()),
            data_type: Some(DataType::String),
            required: false,
            ..Default::default()
        }));
    }
}
