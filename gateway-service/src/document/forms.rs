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

/// Writes down the fields of every form.
pub(super) fn describe(spec: &mut Value) {
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
