use serde_json::{Map, Value, json};

/// A field of a form: its name, what it is, whether it must be there, and an example.
type Field = (&'static str, &'static str, bool, &'static str);

const CLIENT_ID: Field = (
    "client_id",
    "The application's id, where it is not in `Authorization`.",
    false,
    "01936f2e-7b1c-7cc3-98c4-dc0c0c07398f",
);
const CLIENT_SECRET: Field = ("client_secret", "Its secret, where it keeps one.", false, "lcs_…");
const CSRF: Field = ("csrf", "The page's own mark against forms of other sites.", true, "…");
const REQUEST: Field = ("request", "What the application asked for, as the page holds it.", true, "…");
const TOKEN: Field = ("token", "The token that it is about.", true, "lcr_…");
const HINT: Field = ("token_type_hint", "Looked at by nobody: a token says itself what it is.", false, "refresh_token");

/// The forms of each route.
const FORMS: &[(&str, &[Field])] = &[
    (
        "/o/token/",
        &[
            (
                "grant_type",
                "`authorization_code`, `refresh_token` or `client_credentials`.",
                true,
                "client_credentials",
            ),
            ("code", "For `authorization_code`.", false, "lcc_…"),
            (
                "redirect_uri",
                "For `authorization_code`: the one that the code was asked for with.",
                false,
                "https://club.example/callback",
            ),
            (
                "code_verifier",
                "For `authorization_code` (RFC 7636).",
                false,
                "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
            ),
            ("refresh_token", "For `refresh_token`.", false, "lcr_…"),
            ("scope", "No more than was granted.", false, "items:read"),
            CLIENT_ID,
            CLIENT_SECRET,
        ],
    ),
    ("/o/revoke_token/", &[TOKEN, HINT, CLIENT_ID, CLIENT_SECRET]),
    ("/o/introspect/", &[TOKEN, HINT, CLIENT_ID, CLIENT_SECRET]),
    ("/o/authorize/", &[("decision", "`allow`, or anything else for no.", false, "allow"), CSRF, REQUEST]),
    (
        "/o/sign-in/",
        &[
            ("username", "Who he is.", true, "ana"),
            ("password", "His password.", true, "correct horse battery"),
            CSRF,
            REQUEST,
        ],
    ),
    ("/o/sign-out/", &[CSRF, REQUEST]),
];

/// What an application asks for (RFC 6749 §4.1.1, RFC 7636 §4.3).
const AUTHORIZATION: &[Field] = &[
    ("response_type", "`code`.", true, "code"),
    CLIENT_ID,
    ("redirect_uri", "One of its addresses, letter by letter.", true, "https://club.example/callback"),
    ("scope", "Separated by spaces; absent: all that it may ask for.", false, "items:read orders:read"),
    ("state", "Comes back as it went.", false, "af0ifjsldkj"),
    ("code_challenge", "SHA-256 of the verifier, base64url.", true, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
    ("code_challenge_method", "`S256`.", true, "S256"),
];

/// Pages whose forms are read as those of applications are: what cannot be read is answered in OAuth2's words.
const PAGES: &[&str] = &["/o/authorize/", "/o/sign-in/", "/o/sign-out/"];

/// Writes down the fields of every form.
pub(super) fn describe(spec: &mut Value) {
    if let Some(operation) = spec["paths"].get_mut("/o/authorize/").and_then(|item| item.get_mut("get")) {
        let parameter = |(name, description, required, example): &Field| {
            let schema = json!({"type": "string"});
            json!({
                "name": name, "in": "query", "description": description, "required": required, "schema": schema,
                "example": example,
            })
        };
        operation["parameters"] = AUTHORIZATION.iter().map(parameter).collect();
    }
    for path in PAGES {
        let Some(operation) = spec["paths"].get_mut(*path).and_then(|item| item.get_mut("post")) else { continue };
        let page = json!({"schema": {"type": "string"}});
        let words = json!({"schema": {"$ref": "#/components/schemas/OAuthErrorView"}});
        operation["responses"]["400"]["content"] = json!({"text/html": page, "application/json": words});
    }
    for (path, fields) in FORMS {
        let Some(operation) = spec["paths"].get_mut(*path).and_then(|item| item.get_mut("post")) else { continue };
        let properties: Map<String, Value> = fields
            .iter()
            .map(|(name, description, _, _)| {
                ((*name).to_owned(), json!({"type": "string", "description": description}))
            })
            .collect();
        let required: Vec<&str> = fields.iter().filter(|field| field.2).map(|field| field.0).collect();
        let shown = |field: &&Field| field.2 || *field == &CLIENT_ID || *field == &CLIENT_SECRET;
        let example: Map<String, Value> =
            fields.iter().filter(shown).map(|field| (field.0.to_owned(), json!(field.3))).collect();
        let schema = json!({"type": "object", "properties": properties, "required": required});
        let content = json!({"application/x-www-form-urlencoded": {"schema": schema, "example": example}});
        operation["requestBody"] = json!({"required": true, "content": content});
    }
}
