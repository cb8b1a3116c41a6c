use std::{collections::BTreeMap, future::Future, pin::Pin, time::Duration};

use actix_web::{FromRequest, HttpRequest, dev::Payload, web::Bytes};
use futures_util::StreamExt;
use paperclip::{
    actix::OperationModifier,
    v2::{
        models::{DataType, DefaultOperationRaw, DefaultSchemaRaw, Either, Parameter, ParameterIn},
        schema::Apiv2Schema,
    },
};
use serde::de::DeserializeOwned;
use shared_types::{Code, FieldError, Problem, limits::MAX_IDEMPOTENCY_KEY_CHARS};

use super::{
    document::define,
    limits::{BODY_DEADLINE_MS, MAX_BODY_BYTES},
    objects::ObjectsOnly,
    reply::Fail,
};

type Extracting<T> = Pin<Box<dyn Future<Output = Result<T, Fail>>>>;

/// A JSON body. Unreadable: 400. Of another media type: 415. Too large: 413. Too slow: 408. Readable but not a `T`
/// (unknown fields included): 422 with the path of the field.
///
/// `MAX_BYTES` is the route's own limit where the usual one does not fit.
#[derive(Debug)]
pub struct Body<T, const MAX_BYTES: usize = MAX_BODY_BYTES>(pub T);

/// As [`Body`], where an empty body stands for the default.
#[derive(Debug)]
pub struct OptionalBody<T>(pub T);

/// A JSON body as it came, to the byte, for whoever checks its signature before anybody reads it. The same limits as
/// [`Body`]'s.
#[derive(Debug)]
pub struct RawBody(pub Bytes);

impl FromRequest for RawBody {
    type Error = Fail;
    type Future = Extracting<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let read = read_json_bytes(request, payload, MAX_BODY_BYTES);
        Box::pin(async move { Ok(RawBody(read.await?)) })
    }
}

impl Apiv2Schema for RawBody {}
impl OperationModifier for RawBody {}

impl<T: DeserializeOwned + 'static, const MAX_BYTES: usize> FromRequest for Body<T, MAX_BYTES> {
    type Error = Fail;
    type Future = Extracting<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let read = read_json_bytes(request, payload, MAX_BYTES);
        Box::pin(async move { Ok(Body(parse(&read.await?)?)) })
    }
}

impl<T: DeserializeOwned + Default + 'static> FromRequest for OptionalBody<T> {
    type Error = Fail;
    type Future = Extracting<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let read = read_json_bytes(request, payload, MAX_BODY_BYTES);
        Box::pin(async move {
            let bytes = read.await?;
            Ok(OptionalBody(if bytes.is_empty() { T::default() } else { parse(&bytes)? }))
        })
    }
}

fn read_json_bytes(request: &HttpRequest, payload: &mut Payload, max_bytes: usize) -> Extracting<Bytes> {
    let declared = request.headers().get("content-type").map(|value| value.to_str().unwrap_or("").to_owned());
    let mut payload = payload.take();
    Box::pin(async move {
        if let Some(media_type) = declared
            && !is_json(&media_type)
        {
            return Err(
                Problem::new(Code::UnsupportedMediaType, format!("{media_type:?} is not application/json")).into()
            );
        }
        let reading = async {
            let mut body = actix_web::web::BytesMut::new();
            while let Some(chunk) = payload.next().await {
                let chunk = chunk.map_err(|error| {
                    Problem::new(Code::MalformedBody, format!("the body ended before its end: {error}"))
                })?;
                if body.len() + chunk.len() > max_bytes {
                    let detail = format!("a body has at most {max_bytes} bytes");
                    return Err(Problem::new(Code::BodyTooLarge, detail).into());
                }
                body.extend_from_slice(&chunk);
            }
            Ok(body.freeze())
        };
        tokio::time::timeout(Duration::from_millis(BODY_DEADLINE_MS), reading).await.unwrap_or_else(|_| {
            let detail = format!("the body did not arrive within {BODY_DEADLINE_MS} ms");
            Err(Problem::new(Code::RequestTimeout, detail).into())
        })
    })
}

fn is_json(media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Fail> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    match T::deserialize(ObjectsOnly(&mut reader)) {
        Ok(parsed) if reader.end().is_ok() => Ok(parsed),
        // Read again to find out where it goes wrong: the path to each place costs more than the reading.
        Ok(_) | Err(_) => parse_to_the_fault(bytes),
    }
}

fn parse_to_the_fault<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Fail> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let parsed = serde_path_to_error::deserialize(ObjectsOnly(&mut reader)).map_err(|error| {
        let field = error.path().to_string();
        let inner = error.into_inner();
        match inner.classify() {
            serde_json::error::Category::Data => {
                Problem::invalid_fields(vec![FieldError { field, detail: without_value(&inner.to_string()) }])
            }
            serde_json::error::Category::Syntax
            | serde_json::error::Category::Eof
            | serde_json::error::Category::Io => Problem::new(Code::MalformedBody, inner.to_string()),
        }
    })?;
    reader.end().map_err(|error| Problem::new(Code::MalformedBody, error.to_string()))?;
    Ok(parsed)
}

/// What serde says is wrong, without what was sent: people put passwords and card numbers into the wrong field.
fn without_value(text: &str) -> String {
    let (said, expected) = text.rfind(", expected ").map_or((text, ""), |at| text.split_at(at));
    let repeats =
        ["unknown variant ", "invalid type: ", "invalid value: "].iter().any(|said_first| said.starts_with(said_first));
    let value = said.find(['`', '"']).filter(|_| repeats);
    format!("{}{expected}", value.map_or(said, |at| said[..at].trim_end()))
}

macro_rules! documented_as_json {
    ([$($generics:tt)*], $name:ty, $required:literal) => {
        impl<T: Apiv2Schema, $($generics)*> Apiv2Schema for $name {
            fn name() -> Option<String> {
                T::name()
            }

            fn raw_schema() -> DefaultSchemaRaw {
                T::raw_schema()
            }
        }

        impl<T: Apiv2Schema, $($generics)*> OperationModifier for $name {
            fn update_definitions(map: &mut BTreeMap<String, DefaultSchemaRaw>) {
                define::<T>(map);
            }

            fn update_parameter(operation: &mut DefaultOperationRaw) {
                let mut schema = T::schema_with_ref();
                schema.retain_ref();
                operation.parameters.push(Either::Right(Parameter {
                    in_: ParameterIn::Body,
                    name: "body".to_owned(),
                    required: $required,
                    schema: Some(schema),
                    ..Default::default()
                }));
            }
        }
    };
}

documented_as_json!([const MAX_BYTES: usize], Body<T, MAX_BYTES>, true);
documented_as_json!([], OptionalBody<T>, false);

fn header_parameter(operation: &mut DefaultOperationRaw, name: &str, description: &str) {
    operation.parameters.push(Either::Right(Parameter {
        in_: ParameterIn::Header,
        name: name.to_owned(),
        description: Some(description.to_owned()),
        required: false,
        data_type: Some(DataType::String),
        ..Default::default()
    }));
}

/// The version in `If-Match`, where the caller sent one (RFC 9110 §13.1.1). `*` is no condition on a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IfMatch(pub Option<i64>);

impl FromRequest for IfMatch {
    type Error = Fail;
    type Future = std::future::Ready<Result<Self, Fail>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let read = || {
            let Some(value) = request.headers().get("if-match") else { return Ok(IfMatch(None)) };
            let text = value.to_str().unwrap_or("");
            if text.trim() == "*" {
                return Ok(IfMatch(None));
            }
            let version = text.trim().strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).map(str::parse);
            match version {
                Some(Ok(version)) => Ok(IfMatch(Some(version))),
                // A tag that we never gave out matches nothing.
                _ if text.trim().starts_with('"') || text.trim().starts_with("W/") => Ok(IfMatch(Some(i64::MIN))),
                _ => Err(Problem::new(Code::MalformedHeader, "If-Match is not an entity tag such as \"3\"").into()),
            }
        };
        std::future::ready(read())
    }
}

impl Apiv2Schema for IfMatch {}
impl OperationModifier for IfMatch {
    fn update_parameter(operation: &mut DefaultOperationRaw) {
        header_parameter(operation, "If-Match", "The `ETag` that the change is based on; 412 if there is a newer one.");
    }
}

/// The `Idempotency-Key`, where the caller sent one: 1 to 255 visible ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey(pub Option<String>);

impl FromRequest for IdempotencyKey {
    type Error = Fail;
    type Future = std::future::Ready<Result<Self, Fail>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let read = || {
            let Some(value) = request.headers().get("idempotency-key") else { return Ok(IdempotencyKey(None)) };
            let text = value.to_str().unwrap_or("");
            let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
            if text.is_empty() || text.len() > MAX_IDEMPOTENCY_KEY_CHARS || !visible {
                let detail =
                    format!("Idempotency-Key is not 1 to {MAX_IDEMPOTENCY_KEY_CHARS} visible ASCII characters");
                return Err(Problem::new(Code::MalformedHeader, detail).into());
            }
            Ok(IdempotencyKey(Some(text.to_owned())))
        };
        std::future::ready(read())
    }
}

impl Apiv2Schema for IdempotencyKey {}
impl OperationModifier for IdempotencyKey {
    fn update_parameter(operation: &mut DefaultOperationRaw) {
        let description = "Chosen by the caller, 1 to 255 visible ASCII characters: the same key and body is the same \
                           request, done once and answered alike.";
        header_parameter(operation, "Idempotency-Key", description);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields, rename_all = "snake_case")]
    enum Method {
        OnDelivery,
    }

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Purchase {
        #[expect(dead_code, reason = "read by serde")]
        quantity: u8,
        #[expect(dead_code, reason = "read by serde")]
        method: Method,
    }

    fn said(json: &str) -> String {
        let fail = parse::<Purchase>(json.as_bytes()).expect_err("refused");
        fail.to_string()
    }

    #[test]
    fn a_refusal_says_what_was_expected_and_never_repeats_what_was_sent() {
        for sent in [
            r#"{"quantity": "4000056655665556", "method": "on_delivery"}"#,
            r#"{"quantity": 4000056655665556, "method": "on_delivery"}"#,
            r#"{"quantity": -4000056655665556, "method": "on_delivery"}"#,
            r#"{"quantity": 40000566.55665556, "method": "on_delivery"}"#,
            r#"{"quantity": 1, "method": "4000056655665556"}"#,
            r#"{"quantity": 1, "method": "4000056655665556`, expected \"x\", expected y"}"#,
            r#"{"quantity": 1, "method": {"4000056655665556": 1}}"#,
            r#"["4000056655665556"]"#,
        ] {
            let said = said(sent);
            assert!(said.contains("expected"), "{said}");
            assert!(!said.contains("40000566"), "{said}");
        }
        assert!(said(r#"{"quantity": 1, "price": 2}"#).contains("unknown field `price`"));
        assert!(said(r#"{"quantity": 1}"#).contains("missing field `method`"));
    }
}
