use std::collections::BTreeMap;

use reqwest::{Method, RequestBuilder};

use crate::shop::{Answer, PASSWORD, Shop};

/// A person's browser: it keeps cookies, and fills in the forms that it is shown.
pub struct Browser<'a> {
    shop: &'a Shop,
    cookies: BTreeMap<String, String>,
}

/// A form of a page: where it goes and what is filled in already.
pub struct FilledForm {
    pub action: String,
    pub fields: Vec<(String, String)>,
}

impl FilledForm {
    pub fn set(&mut self, name: &str, value: &str) {
        self.fields.retain(|(known, _)| known != name);
        self.fields.push((name.to_owned(), value.to_owned()));
    }
}

impl<'a> Browser<'a> {
    pub fn new(shop: &'a Shop) -> Browser<'a> {
        Browser { shop, cookies: BTreeMap::new() }
    }

    /// The cookies that it would send.
    pub fn cookies(&self) -> &BTreeMap<String, String> {
        &self.cookies
    }

    /// Forgets who is signed in and everything else.
    pub fn clear(&mut self) {
        self.cookies.clear();
    }

    pub async fn open(&mut self, path: &str) -> Answer {
        let request = self.shop.http().get(self.shop.url(path));
        self.send(request).await
    }

    /// Sends a form as a page of the shop does.
    pub async fn submit(&mut self, form: &FilledForm) -> Answer {
        let origin = self.shop.url("");
        self.submit_from(form, &[("origin", &origin)]).await
    }

    /// Sends a form with these headers about its sender.
    pub async fn submit_from(&mut self, form: &FilledForm, headers: &[(&str, &str)]) -> Answer {
        let mut request = self.shop.http().request(Method::POST, self.shop.url(&form.action));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.header("content-type", FORM).body(encode(&form.fields))).await
    }

    /// Opens an authorization request, signs in where asked to, and ends at the page that asks for consent.
    pub async fn up_to_consent(&mut self, path: &str, name: &str) -> Answer {
        let page = self.open(path).await;
        assert_eq!(page.status, 200, "{}", page.text);
        if !page.text.contains("name=\"password\"") {
            return page;
        }
        let mut form = form(&page.text);
        form.set("username", name);
        form.set("password", PASSWORD);
        let signed_in = self.submit(&form).await;
        assert_eq!(signed_in.status, 303, "{}", signed_in.text);
        self.open(signed_in.header("location")).await
    }

    async fn send(&mut self, request: RequestBuilder) -> Answer {
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = if cookies.is_empty() { request } else { request.header("cookie", cookies.join("; ")) };
        let answer = Answer::read(request.send().await.unwrap()).await;
        for set in answer.headers.get_all("set-cookie") {
            let pair = set.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            match value {
                "" => self.cookies.remove(name),
                value => self.cookies.insert(name.to_owned(), value.to_owned()),
            };
        }
        answer
    }
}

pub const FORM: &str = "application/x-www-form-urlencoded";

pub fn encode(fields: &[(impl AsRef<str>, impl AsRef<str>)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

/// The first form of a page.
pub fn form(page: &str) -> FilledForm {
    let form = page.split("<form ").nth(1).expect("a form").split("</form>").next().unwrap();
    let attribute = |tag: &str, name: &str| {
        let value = tag.split(&format!("{name}=\"")).nth(1)?.split('"').next()?;
        Some(value.replace("&#38;", "&").replace("&amp;", "&"))
    };
    let inputs = form.split("<input ").skip(1).map(|tag| tag.split('>').next().unwrap());
    let fields = inputs.filter_map(|tag| Some((attribute(tag, "name")?, attribute(tag, "value").unwrap_or_default())));
    FilledForm { action: attribute(form, "action").expect("an action"), fields: fields.collect() }
}
