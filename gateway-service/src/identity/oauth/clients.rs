use base64::{Engine as _, engine::general_purpose::STANDARD};
use service_kit::{auth::Scopes, db::DbError};
use shared_types::{Secret, identity::Role};
use subtle::ConstantTimeEq;

use super::{OAuthCode, OAuthError};
use crate::identity::{
    Identity,
    access::scopes_of,
    domain::Parameters,
    opaque::sha256,
    store::{self, applications::Application},
    trouble,
};

/// An application that proved who it is, as far as its kind can.
#[derive(Debug, Clone)]
pub struct Client {
    pub application: Application,
    pub owner_role: Role,
}

impl Client {
    /// What it may ask for today: its owner may have lost a role since he registered it.
    pub fn scopes(&self) -> Scopes {
        self.application.scopes.and(scopes_of(self.owner_role))
    }
}

/// How an application says who it is (RFC 6749 §2.3).
#[derive(Debug, Clone)]
pub struct Credentials {
    id: String,
    secret: Option<Secret>,
}

impl Credentials {
    /// From the `Authorization` header, or from the form; from both is a fault.
    pub fn read(authorization: Option<&str>, form: &Parameters) -> Result<Credentials, OAuthError> {
        let (id, secret) = (form.get("client_id"), form.get("client_secret"));
        let Some(header) = authorization else {
            let id = id.ok_or(OAuthError::request("client_id is missing"))?;
            return Ok(Credentials { id: id.to_owned(), secret: secret.map(Secret::new) });
        };
        if secret.is_some() {
            return Err(OAuthError::request("there are two client credentials"));
        }
        let credentials = basic(header).ok_or(unknown())?;
        match id {
            Some(id) if id != credentials.id => Err(OAuthError::request("there are two client ids")),
            _ => Ok(credentials),
        }
    }
}

/// Name and secret are each encoded as in a form before they are joined and encoded again (RFC 6749 §2.3.1).
fn basic(header: &str) -> Option<Credentials> {
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    let decoded = |text: &str| {
        let text = text.replace('+', " ");
        percent_encoding::percent_decode_str(&text).decode_utf8().ok().map(std::borrow::Cow::into_owned)
    };
    Some(Credentials { id: decoded(id)?, secret: Some(Secret::new(decoded(secret)?)) })
}

/// The same for an unknown application, a wrong secret and a missing one.
const fn unknown() -> OAuthError {
    OAuthError::new(OAuthCode::InvalidClient, "the client is unknown or its secret is wrong")
}

impl Identity {
    /// The application with these credentials.
    pub(super) async fn client(&self, credentials: Credentials) -> Result<Client, OAuthError> {
        let found = self.application(&credentials.id).await?;
        let expected = found.as_ref().and_then(|client| client.application.secret_sha256.clone());
        let given = credentials.secret.as_ref().map(|secret| sha256(secret.expose()));
        let right = match (&expected, &given) {
            (Some(expected), Some(given)) => bool::from(expected.ct_eq(given)),
            // A public one has no secret and shows none.
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        found.filter(|_| right).ok_or(unknown())
    }

    /// The application with this id, if there is one and its owner is let in.
    pub(super) async fn application(&self, id: &str) -> Result<Option<Client>, OAuthError> {
        if id.len() > 64 || id.contains('\0') {
            return Ok(None);
        }
        let id = id.to_owned();
        let found = self.db.read(move |tx| store::applications::find(tx, &id)).await;
        let found = found.map_err(|error: DbError| OAuthError::from(trouble::database(&error)))?;
        Ok(found.map(|(application, owner_role)| Client { application, owner_role }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(authorization: Option<&str>, form: &str) -> Result<(String, Option<String>), OAuthError> {
        let form = Parameters::read(form.as_bytes()).expect("each once");
        let credentials = Credentials::read(authorization, &form)?;
        Ok((credentials.id, credentials.secret.map(|secret| secret.expose().to_owned())))
    }

    #[test]
    fn credentials_come_one_way_only() {
        assert_eq!(read(None, "client_id=a&client_secret=b"), Ok(("a".into(), Some("b".into()))));
        assert_eq!(read(None, "client_id=a"), Ok(("a".into(), None)));
        assert_eq!(read(None, "").map_err(|error| error.code), Err(OAuthCode::InvalidRequest));
        let basic = |text: &str| format!("Basic {}", STANDARD.encode(text));
        assert_eq!(read(Some(&basic("a:b")), ""), Ok(("a".into(), Some("b".into()))));
        assert_eq!(read(Some(&basic("a%3A1:b%2Bc+d")), "client_id=a%3A1"), Ok(("a:1".into(), Some("b+c d".into()))));
        let refused = |header: &str, form: &str| read(Some(header), form).map_err(|error| error.code);
        assert_eq!(refused(&basic("a:b"), "client_secret=b"), Err(OAuthCode::InvalidRequest));
        assert_eq!(refused(&basic("a:b"), "client_id=x"), Err(OAuthCode::InvalidRequest));
        for header in ["Basic", "Basic ???", "Bearer abc", &basic("no colon")] {
            assert_eq!(refused(header, "client_id=a"), Err(OAuthCode::InvalidClient), "{header}");
        }
    }
}
