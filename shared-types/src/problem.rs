use std::fmt;

use paperclip::actix::Apiv2Schema;
use serde::{Deserialize, Serialize};

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $status:literal, $title:literal, $retryable:literal;)+) => {
        /// The one catalogue of problem codes. A code is stable: clients may branch on it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Apiv2Schema)]
        #[serde(rename_all = "snake_case")]
        pub enum Code {
            $($(#[$doc])* $name,)+
        }

        impl Code {
            /// Every code there is.
            pub const ALL: &'static [Code] = &[$(Code::$name),+];

            /// The HTTP status that a problem with this code answers.
            pub const fn status(self) -> u16 {
                match self { $(Code::$name => $status,)+ }
            }

            /// A short sentence that is the same for every problem with this code.
            pub const fn title(self) -> &'static str {
                match self { $(Code::$name => $title,)+ }
            }

            /// Whether the same call, with the same idempotency key, may succeed later.
            pub const fn retryable(self) -> bool {
                match self { $(Code::$name => $retryable,)+ }
            }
        }
    };
}

codes! {
    /// The body is not JSON, or is cut short.
    MalformedBody = 400, "The request body cannot be read", false;
    /// A part of the path is not what stands there.
    MalformedPath = 400, "The path cannot be read", false;
    /// A query parameter is unknown or not of its type.
    MalformedQuery = 400, "The query cannot be read", false;
    /// A header is not of its form.
    MalformedHeader = 400, "A header cannot be read", false;
    /// The route needs to know who calls: the credential is missing or refused.
    Unauthorized = 401, "Who are you?", false;
    /// The message is not signed by one who holds the secret, or was signed too long ago.
    InvalidSignature = 401, "Invalid signature", false;
    /// The payment was declined; `detail` says why.
    PaymentFailed = 402, "Payment failed", false;
    /// The caller is known, and this is not his to do.
    Forbidden = 403, "This is not yours to do", false;
    /// There is nothing at this path.
    RouteNotFound = 404, "There is nothing at this path", false;
    BookNotFound = 404, "Book not found", false;
    TakingNotFound = 404, "Taking not found", false;
    OrderNotFound = 404, "Order not found", false;
    LineNotFound = 404, "Order line not found", false;
    ReceiptNotFound = 404, "Receipt not found", false;
    PaymentNotFound = 404, "Payment not found", false;
    DeliveryNotFound = 404, "Delivery not found", false;
    CourierNotFound = 404, "Courier not found", false;
    AccountNotFound = 404, "Account not found", false;
    ApiKeyNotFound = 404, "API key not found", false;
    ApplicationNotFound = 404, "Application not found", false;
    EventNotFound = 404, "Event not found", false;
    NotificationNotFound = 404, "Notification not found", false;
    WebhookNotFound = 404, "Webhook not found", false;
    /// The path is right and the method is not.
    MethodNotAllowed = 405, "The method is not allowed here", false;
    /// The client took longer to send its request than it is given.
    RequestTimeout = 408, "The request took too long to arrive", true;
    /// Another book that is not deleted has this SKU.
    SkuTaken = 409, "SKU already exists", false;
    /// Another book that is not deleted has this ISBN.
    IsbnTaken = 409, "ISBN already exists", false;
    /// Another account has this username or e-mail address: `errors` says which.
    AccountTaken = 409, "Account already exists", false;
    /// A courier of this name exists.
    CourierTaken = 409, "Courier already exists", false;
    /// Not enough copies: `errors` names each short line.
    SoldOut = 409, "Insufficient stock", false;
    /// A book of the order was withdrawn.
    BookGone = 409, "A book is no longer sold", false;
    /// A price in force is not the one that the buyer was shown.
    PriceChanged = 409, "A price has changed", false;
    /// Money arrived that is not what the order costs.
    AmountMismatch = 409, "The order costs another amount", false;
    /// The move does not exist from the state that the order or delivery is in.
    InvalidTransition = 409, "Invalid status transition", false;
    /// A stock adjustment would leave fewer copies than none.
    StockTooLow = 409, "The stock is too low for this adjustment", false;
    /// The id was used for something else before.
    IdReused = 422, "The id was used for something else", false;
    /// The idempotency key was used with another request.
    KeyReused = 422, "The idempotency key was used with another request", false;
    /// The resource changed since the version in `If-Match`.
    VersionMismatch = 412, "The resource has changed", false;
    BodyTooLarge = 413, "The request body is too large", false;
    UriTooLong = 414, "The address is too long", false;
    /// The body is of a media type that is not read here.
    UnsupportedMediaType = 415, "The media type is not supported", false;
    /// The request can be read and is not valid: `errors` names each field.
    Invalid = 422, "The request is not valid", false;
    /// Too many tries; `Retry-After` says in how many seconds the next one is looked at.
    TooManyRequests = 429, "Too many requests", true;
    /// The customer has as many orders as anybody may have that hold copies and wait for their payment. `Retry-After` says when
    /// the first of them is over by itself.
    TooManyUnpaidOrders = 429, "Too many unpaid orders", true;
    HeaderTooLarge = 431, "The headers are too large", false;
    /// A fault of ours; it is in the log under the request's id.
    Internal = 500, "Something went wrong on our side", true;
    /// A part that is needed does not answer; nothing is lost by asking again with the same key.
    Unavailable = 503, "A part of the shop is not available", true;
    /// Too much is being asked at the moment.
    Overloaded = 503, "The shop is too busy", true;
    /// A part that is needed did not answer in time.
    DeadlineExceeded = 504, "The request took too long", true;
}

impl Code {
    /// The code that an answer of this status at this path most likely has, for an example: for 404 that of the resource
    /// which the path ends in, for 409 what a route of that kind mostly meets.
    pub fn likely(status: u16, path: &str) -> Option<Code> {
        let mut codes = Code::ALL.iter().copied().filter(|code| code.status() == status);
        match status {
            404 => codes.find(|code| {
                let name = code.to_string();
                let resource = name.split('_').next().unwrap_or(&name);
                // "deliveries" and "delivery" share all but their last letter.
                path.contains(&resource[..resource.len() - 1])
            }),
            409 => Some(match path.rsplit('/').find(|part| !part.starts_with('{')).unwrap_or_default() {
                "checkout" | "purchase" | "approve" => Code::SoldOut,
                "books" => Code::SkuTaken,
                "stock-adjustments" => Code::StockTooLow,
                "accounts" | "register" | "me" => Code::AccountTaken,
                "couriers" => Code::CourierTaken,
                "payment" => Code::AmountMismatch,
                _ => Code::InvalidTransition,
            }),
            422 => Some(Code::Invalid),
            _ => codes.next(),
        }
    }
}

impl fmt::Display for Code {
    /// The code as it travels, in snake case.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

/// An error answer: a problem document as RFC 9457 has it, `application/problem+json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
#[openapi(
    example = r#"{"type": "urn:lastcopy:problem:book_not_found", "title": "Book not found", "status": 404, "detail": "there is no book 4711", "code": "book_not_found", "retryable": false, "request_id": "01936f2e-7b1c-7cc3-98c4-dc0c0c07398f", "errors": []}"#
)]
pub struct Problem {
    /// `urn:lastcopy:problem:` and the code.
    #[serde(rename = "type")]
    pub kind: String,
    /// The same for every problem with this code.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What went wrong this time.
    pub detail: String,
    pub code: Code,
    /// Whether the same call, with the same idempotency key, may succeed later.
    pub retryable: bool,
    /// The id under which the request is in the logs.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub request_id: Option<String>,
    /// Path of the resource that the problem is about, such as the order that was canceled.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub resource: Option<String>,
    /// Seconds after which asking again is worth while; the `Retry-After` header says the same.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub retry_after_s: Option<i64>,
    /// What was wrong where, one entry per field or line.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub errors: Vec<FieldError>,
}

/// What was wrong with one field or line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Apiv2Schema)]
#[openapi(example = r#"{"field": "lines[0].quantity", "detail": "must be at least 1"}"#)]
pub struct FieldError {
    /// Path of the field in the request, such as `lines[0].quantity`.
    pub field: String,
    pub detail: String,
}

impl Problem {
    /// A problem with this code, and what went wrong this time.
    pub fn new(code: Code, detail: impl Into<String>) -> Problem {
        Problem {
            kind: format!("urn:lastcopy:problem:{code}"),
            title: code.title().to_owned(),
            status: code.status(),
            detail: detail.into(),
            code,
            retryable: code.retryable(),
            request_id: None,
            resource: None,
            retry_after_s: None,
            errors: Vec::new(),
        }
    }

    /// 422 for one field.
    pub fn invalid(field: impl Into<String>, detail: impl Into<String>) -> Problem {
        Problem::invalid_fields(vec![FieldError { field: field.into(), detail: detail.into() }])
    }

    /// 422 for several fields; the first is named in `detail`.
    pub fn invalid_fields(errors: Vec<FieldError>) -> Problem {
        let detail = errors.first().map_or_else(String::new, |error| format!("{} {}", error.field, error.detail));
        Problem { errors, ..Problem::new(Code::Invalid, detail) }
    }

    #[must_use]
    pub fn with_errors(self, errors: Vec<FieldError>) -> Problem {
        Problem { errors, ..self }
    }

    #[must_use]
    pub fn retry_after_s(self, seconds: i64) -> Problem {
        Problem { retry_after_s: Some(seconds), ..self }
    }

    #[must_use]
    pub fn about(self, resource: impl Into<String>) -> Problem {
        Problem { resource: Some(resource.into()), ..self }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.status, self.code, self.detail)
    }
}

impl std::error::Error for Problem {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_travels_in_snake_case_and_names_the_problem_type() {
        let problem = Problem::new(Code::BookNotFound, "there is no book 4711");
        assert_eq!(problem.kind, "urn:lastcopy:problem:book_not_found");
        let json = serde_json::to_value(&problem).expect("a problem serialises");
        assert_eq!(json["code"], "book_not_found");
        assert_eq!(json["status"], 404);
        assert!(json.get("errors").is_none());
    }

    #[test]
    fn every_retryable_code_is_our_fault_or_a_matter_of_time() {
        for code in Code::ALL {
            assert_eq!(code.retryable(), code.status() >= 500 || matches!(code.status(), 408 | 429), "{code}");
        }
    }
}
