use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use paperclip::{
    actix::OperationModifier,
    v2::{
        models::{DataType, DefaultOperationRaw, Either, Parameter, ParameterIn},
        schema::Apiv2Schema,
    },
};
use service_kit::http::Fail;

/// The versions in `If-None-Match` (RFC 9110 §13.1.2): a reader who has one of them need not be told again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IfNoneMatch(Vec<String>);

impl IfNoneMatch {
    /// Whether the reader has this version, or any (`*`).
    pub fn contains(&self, version: i64) -> bool {
        let tag = format!("\"{version}\"");
        // Reads compare weakly: `W/"3"` and `"3"` are the same to a reader.
        self.0.iter().any(|known| known == "*" || known.trim_start_matches("W/") == tag)
    }
}

impl FromRequest for IfNoneMatch {
    type Error = Fail;
    type Future = Ready<Result<Self, Fail>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let lists = request.headers().get_all("if-none-match").filter_map(|value| value.to_str().ok());
        let tags = lists.flat_map(|list| list.split(',')).map(|tag| tag.trim().to_owned()).collect();
        ready(Ok(IfNoneMatch(tags)))
    }
}

impl Apiv2Schema for IfNoneMatch {}
impl OperationModifier for IfNoneMatch {
    fn update_parameter(operation: &mut DefaultOperationRaw) {
        operation.parameters.push(Either::Right(Parameter {
            in_: ParameterIn::Header,
            name: "If-None-Match".to_owned(),
            description: Some("The `ETag` that the reader has; 304 if there is no newer one.".to_owned()),
            required: false,
            data_type: Some(DataType::String),
            ..Default::default()
        }));
    }
}
