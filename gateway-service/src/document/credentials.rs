use serde_json::{Map, Value, json};
use service_kit::auth::{Permission, Role, Scope};

/// Describes every way to say who one is, and writes down for each operation which of them it takes.
pub(super) fn describe(spec: &mut Value) {
    let scopes: Map<String, Value> =
        Scope::ALL.iter().map(|scope| (scope.to_string(), json!(meaning(*scope)))).collect();
    spec["components"]["securitySchemes"] = json!({
        "bearer": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "An access token (RFC 9068): of `POST /api/v1/auth/token`, or of OAuth2.",
        },
        "apiKey": {
            "type": "apiKey",
            "in": "header",
            "name": "X-API-Key",
            "description": "A key made by `POST /api/v1/api-keys` or `lastcopy key add`, for programs of the shop.",
        },
        "guestToken": {
            "type": "apiKey",
            "in": "header",
            "name": "X-Guest-Token",
            "description": "The token of a guest, given with his first purchase where guests may buy.",
        },
        "oauth2": {
            "type": "oauth2",
            "description": "For applications that act for somebody, or for themselves. A code needs PKCE with S256.",
            "flows": {
                "authorizationCode": {
                    "authorizationUrl": "/o/authorize/",
                    "tokenUrl": "/o/token/",
                    "refreshUrl": "/o/token/",
                    "scopes": scopes,
                },
                "clientCredentials": {"tokenUrl": "/o/token/", "scopes": scopes},
            },
        },
    });
    let items = spec["paths"].as_object_mut().into_iter().flat_map(|paths| paths.values_mut());
    for operation in items.filter_map(Value::as_object_mut).flat_map(|item| item.values_mut()) {
        let texts = operation["x-permissions"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let permissions: Vec<Permission> = texts.filter_map(|text| text.parse().ok()).collect();
        // The contract of the store knows API keys and nothing else.
        let only_keys = operation["tags"][0] == "bookstore";
        if only_keys {
            operation["security"] = json!([{"apiKey": []}]);
        } else if let Some(security) = taken(&permissions) {
            operation["security"] = security;
        }
    }
}

/// The credentials that an operation with these permissions takes. `Public` ones look at none.
fn taken(permissions: &[Permission]) -> Option<Value> {
    let (mut open, mut person, mut scopes) = (true, false, Vec::new());
    for permission in permissions {
        open &= permission.is_open();
        match permission {
            Permission::Public => return Some(json!([])),
            Permission::Scope(scope) | Permission::ScopeOrGuest(scope) => scopes.push(scope.text()),
            // A client or a key that acts for somebody does not become him.
            Permission::Account | Permission::Customer | Permission::Employee | Permission::Administrator => {
                person = true;
            }
            Permission::Anyone | Permission::AnyCaller | Permission::Service(_) => {}
        }
    }
    if permissions.is_empty() {
        return None;
    }
    let mut taken = if open { vec![json!({})] } else { Vec::new() };
    taken.push(json!({"bearer": []}));
    if !person {
        taken.extend([json!({"apiKey": []}), json!({"oauth2": scopes})]);
    }
    if permissions.iter().all(|permission| is_for_guests(*permission)) {
        taken.push(json!({"guestToken": []}));
    }
    Some(taken.into())
}

fn is_for_guests(permission: Permission) -> bool {
    match permission {
        Permission::Public | Permission::Anyone | Permission::AnyCaller => true,
        Permission::Scope(scope) | Permission::ScopeOrGuest(scope) => Role::Guest.scopes().contains(scope),
        Permission::Account | Permission::Customer | Permission::Employee | Permission::Administrator => false,
        Permission::Service(_) => false,
    }
}

fn meaning(scope: Scope) -> &'static str {
    match scope {
        Scope::ItemsRead => "See books and topics.",
        Scope::ItemsWrite => "Create, change and withdraw books.",
        Scope::StockRead => "See how many copies there are, and the stock ledger.",
        Scope::StockWrite => "Adjust stock.",
        Scope::OrdersRead => "See orders.",
        Scope::OrdersWrite => "Place, change, pay and cancel orders.",
        Scope::OrdersReview => "Approve, reject and refund orders, and see everybody's.",
        Scope::DeliveriesRead => "See deliveries.",
        Scope::DeliveriesWrite => "Move deliveries, and keep couriers.",
        Scope::AccountsAdmin => "Open and change accounts of the staff.",
    }
}
