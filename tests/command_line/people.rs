use std::{
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::json;

use crate::shop::{Ended, Place, Shop, ended, lastcopy, run};

const ROOT: [&str; 7] = ["user", "add", "root", "--role", "administrator", "--email", "root@shop.example"];

/// The rest of the line that begins like this.
fn told<'a>(lines: impl IntoIterator<Item = &'a str>, beginning: &str) -> String {
    let found = lines.into_iter().find_map(|line| line.strip_prefix(beginning));
    found.unwrap_or_else(|| panic!("nothing begins with {beginning:?}")).to_owned()
}

/// Runs a command that reads this from its standard input.
fn fed(folder: &Path, args: &[&str], input: &str) -> Ended {
    let mut command = lastcopy(folder, args);
    let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    process.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = process.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ended { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

/// The status and the body of a call with this API key.
#[expect(clippy::disallowed_methods, reason = "a plain client: what it sends is what the test is about")]
async fn with_key(shop: &Shop, method: reqwest::Method, path: &str, key: &str) -> u16 {
    let client = reqwest::Client::builder().timeout(std::time::Duration::from_secs(20)).no_proxy().build().unwrap();
    let request = client.request(method, format!("{}{path}", shop.url)).header("x-api-key", key);
    request.send().await.unwrap().status().as_u16()
}

/// The status of a sign-in.
#[expect(clippy::disallowed_methods, reason = "a plain client: refusals are answers here")]
async fn sign_in(shop: &Shop, name: &str, password: &str) -> (u16, serde_json::Value) {
    let client = reqwest::Client::builder().timeout(std::time::Duration::from_secs(20)).no_proxy().build().unwrap();
    let body = json!({"username": name, "password": password});
    let answer = client.post(format!("{}/api/v1/auth/token", shop.url)).json(&body).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[tokio::test]
async fn the_first_administrator_is_made_while_the_shop_runs() {
    let place = Place::new();
    let shop = Shop::up(&place, &["--no-demo"]);
    let added = run(place.path(), &[ROOT.as_slice(), &["--password", "generate"]].concat());
    assert_eq!(added.code, Some(0), "{added:?}");
    let password = told(added.out.lines(), "password ");
    assert!(told(added.out.lines(), "account ").starts_with("root administrator "));
    let (status, token) = sign_in(&shop, "root", &password).await;
    assert_eq!(status, 200, "{token}");
    assert!(token["scopes"].as_array().unwrap().contains(&json!("accounts:admin")));
    let again = run(place.path(), &[ROOT.as_slice(), &["--password", "generate"]].concat());
    assert_eq!(again.code, Some(1));
    assert!(again.err.contains("another account has this name") && again.out.is_empty(), "{again:?}");

    let reset = run(place.path(), &["user", "reset", "root"]);
    let request = json!({"token": told(reset.out.lines(), "token "), "new_password": "eleven old bicycles"});
    let client = service_kit::Client::new(&shop.url, service_kit::ClientOptions::default()).unwrap();
    let path = "/api/v1/auth/password-reset/confirm";
    let done = client.call::<_, ()>(reqwest::Method::POST, path, Some(&request), &[204]).await;
    assert!(matches!(done, service_kit::Outcome::Done(())), "{done:?}");
    assert_eq!(sign_in(&shop, "root", &password).await.0, 401);
    assert_eq!(sign_in(&shop, "root", "eleven old bicycles").await.0, 200);
    assert!(shop.stop().success());
}

#[tokio::test]
async fn a_password_comes_from_standard_input_and_never_from_an_argument() {
    let place = Place::new();
    assert_eq!(run(place.path(), &["migrate"]).code, Some(0));
    let add = |input: &str| fed(place.path(), &[ROOT.as_slice(), &["--password", "stdin"]].concat(), input);
    for (input, why) in [("short\n", "password"), ("", "password"), ("passwordpassword\n", "tries first")] {
        let refused = add(input);
        assert_eq!((refused.code, refused.out.as_str()), (Some(1), ""), "{refused:?}");
        assert!(refused.err.contains(why), "{refused:?}");
        assert!(input.trim().is_empty() || !refused.err.contains(input.trim()), "it is not repeated: {refused:?}");
    }
    let added = add("seven green lamps\nand another line\n");
    assert_eq!(added.code, Some(0), "{added:?}");
    assert!(!added.out.contains("lamps"));
    let without_terminal = run(place.path(), &ROOT);
    assert!(without_terminal.err.contains("no terminal"), "{without_terminal:?}");
    // The shop that starts afterwards knows the account.
    let shop = Shop::up(&place, &["--no-demo"]);
    assert_eq!(sign_in(&shop, "root@shop.example", "seven green lamps").await.0, 200);
    assert!(shop.stop().success());
}

#[test]
fn a_terminal_asks_twice_and_shows_nothing() {
    let place = Place::new();
    assert_eq!(run(place.path(), &["migrate"]).code, Some(0));
    let at_terminal = |typed: &str| {
        let line = format!("{} {}", env!("CARGO_BIN_EXE_lastcopy"), ROOT.join(" "));
        // util-linux's `script` gives the command a terminal of its own, and us what is seen there.
        let mut command = Command::new("script");
        command.args(["--quiet", "--return", "--echo", "never", "--command", &line, "/dev/null"]);
        let mut process =
            command.current_dir(place.path()).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        process.stdin.take().unwrap().write_all(typed.as_bytes()).unwrap();
        let output = process.wait_with_output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, seen) = at_terminal("seven green lamps\nseven green lamp\n");
    assert_eq!(code, Some(1), "{seen}");
    assert!(seen.contains("not the same") && !seen.contains("green"), "{seen}");
    let (code, seen) = at_terminal("seven green lamps\nseven green lamps\n");
    assert_eq!(code, Some(0), "{seen}");
    assert!(seen.contains("Password: ") && seen.contains("account root") && !seen.contains("green"), "{seen}");
}

#[tokio::test]
async fn a_key_is_made_while_the_shop_runs_with_some_of_its_owners_scopes() {
    let place = Place::new();
    let shop = Shop::up(&place, &["--no-demo"]);
    let employee =
        ["user", "add", "ben", "--role", "employee", "--email", "ben@shop.example", "--password", "generate"];
    assert_eq!(run(place.path(), &employee).code, Some(0));
    let key = ["key", "add", "--owner", "ben", "--name", "till", "--scope", "items:read,orders:write"];
    let made = run(place.path(), &[key.as_slice(), &["--expires-in-days", "30"]].concat());
    assert_eq!(made.code, Some(0), "{made:?}");
    let key = told(made.out.lines(), "key ");
    // Known, but nobody with an account of his own.
    assert_eq!(with_key(&shop, reqwest::Method::GET, "/api/v1/auth/me", &key).await, 403);
    assert_eq!(with_key(&shop, reqwest::Method::GET, "/api/v1/auth/me", "lck_other").await, 401);
    for (owner, scope, why) in [
        ("ben", "accounts:admin", "more than"),
        ("ben", "everything", "no scope"),
        ("nobody", "items:read", "no account of this name"),
    ] {
        let refused = run(place.path(), &["key", "add", "--owner", owner, "--name", "x", "--scope", scope]);
        assert_eq!((refused.code, refused.out.as_str()), (Some(1), ""), "{refused:?}");
        assert!(refused.err.contains(why), "{refused:?}");
    }
    assert!(shop.stop().success());
}

#[test]
fn a_mistyped_folder_is_no_new_shop_and_a_database_can_be_named() {
    let place = Place::new();
    let add = [ROOT.as_slice(), &["--password", "generate"]].concat();
    let refused = run(place.path(), &[add.as_slice(), &["--data-dir", "lastcpoy-data"]].concat());
    assert_eq!(refused.code, Some(1));
    assert!(refused.err.contains("there is no shop here"), "{refused:?}");
    let named = run(place.path(), &[add.as_slice(), &["--database-url", "sqlite:people.db"]].concat());
    assert_eq!(named.code, Some(0), "{named:?}");
    let in_environment = ended(lastcopy(place.path(), &add).env("LASTCOPY_GATEWAY_DB", "sqlite:people.db"));
    assert!(in_environment.err.contains("another account"), "{in_environment:?}");
}

#[tokio::test]
async fn a_demo_says_its_passwords_once_and_a_shop_that_sells_has_none() {
    let place = Place::new();
    let shop = Shop::up(&place, &[]);
    let passwords: Vec<(String, String)> = ["customer", "employee", "administrator"]
        .map(|name| (name.to_owned(), told(shop.lines.iter().map(String::as_str), &format!("account {name} "))))
        .into();
    for (name, password) in &passwords {
        assert_eq!(sign_in(&shop, name, password).await.0, 200, "{name}");
    }
    assert_eq!(with_key(&shop, reqwest::Method::GET, "/api/v1/auth/me", "secret123").await, 403);
    assert!(shop.stop().success());
    // A log is whole once its shop has stopped.
    let log = place.read("log");
    assert!(!passwords.iter().any(|(_, password)| log.contains(password.as_str())), "not in the log");

    let shop = Shop::up(&place, &[]);
    assert!(shop.lines.iter().all(|line| !line.starts_with("account ")), "{:?}", shop.lines);
    assert_eq!(sign_in(&shop, "customer", &passwords[0].1).await.0, 200);
    assert!(shop.stop().success());

    let elsewhere = Place::new();
    let mut command = lastcopy(elsewhere.path(), &[crate::shop::ANY_PORTS.as_slice(), &["--no-demo"]].concat());
    command.env("BOOKSTORE_API_KEY", "a key of the shop's own");
    let shop = Shop::spawn(&elsewhere, command);
    assert!(shop.lines.iter().all(|line| !line.starts_with("account ")), "{:?}", shop.lines);
    assert_eq!(with_key(&shop, reqwest::Method::GET, "/api/v1/auth/me", "a key of the shop's own").await, 403);
    assert_eq!(with_key(&shop, reqwest::Method::GET, "/api/v1/auth/me", "secret123").await, 401);
    assert!(shop.stop().success());
}
