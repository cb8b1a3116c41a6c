use std::{cell::RefCell, collections::HashMap, rc::Rc};

use actix_web::HttpRequest;

/// Paths whose routes a worker remembers, at most: then it begins anew.
const MAX_REMEMBERED_PATHS: usize = 1_024;
/// A longer path is not remembered.
const MAX_REMEMBERED_BYTES: usize = 128;

/// The patterns of routes by the paths that are asked for. Actix walks all patterns, each a regular expression, to name the
/// one that a path has: for an answer out of a cache that is as much as to find the answer. Each worker has its own.
#[derive(Default)]
pub(super) struct Routes(RefCell<HashMap<String, Option<Rc<str>>>>);

impl Routes {
    fn of(&self, request: &HttpRequest) -> Option<Rc<str>> {
        let path = request.path();
        if let Some(known) = self.0.borrow().get(path) {
            return known.clone();
        }
        let found = request.match_pattern().map(Rc::from);
        if path.len() <= MAX_REMEMBERED_BYTES {
            let mut remembered = self.0.borrow_mut();
            if remembered.len() >= MAX_REMEMBERED_PATHS {
                remembered.clear();
            }
            remembered.insert(path.to_owned(), found.clone());
        }
        found
    }
}

/// The pattern of the route that a request's path has, such as `/books/{id}`, whatever its method; nothing where there is no
/// such route.
pub fn route_of(request: &HttpRequest) -> Option<Rc<str>> {
    match request.app_data::<Rc<Routes>>() {
        Some(routes) => routes.of(request),
        None => request.match_pattern().map(Rc::from),
    }
}

#[cfg(test)]
mod tests {
    use actix_web::{App, HttpResponse, test, web};

    use super::*;

    async fn told(request: HttpRequest) -> HttpResponse {
        HttpResponse::Ok().body(route_of(&request).map_or_else(String::new, |route| route.to_string()))
    }

    #[actix_web::test]
    async fn a_route_has_the_same_name_the_second_time_and_after_many_others() {
        let routes = Rc::new(Routes::default());
        let app = App::new()
            .app_data(Rc::clone(&routes))
            .route("/books/{id}", web::get().to(told))
            .route("/books", web::get().to(told))
            .default_service(web::to(told));
        let app = test::init_service(app).await;
        let ask = async |path: &str| {
            let answer = test::call_and_read_body(&app, test::TestRequest::get().uri(path).to_request()).await;
            String::from_utf8_lossy(&answer).into_owned()
        };
        for _ in 0..2 {
            for (path, route) in [("/books/1", "/books/{id}"), ("/books", "/books"), ("/nothing", "")] {
                assert_eq!(ask(path).await, route, "{path}");
            }
        }
        for book in 0..MAX_REMEMBERED_PATHS {
            assert_eq!(ask(&format!("/books/{book}?page=2")).await, "/books/{id}");
        }
        assert!(routes.0.borrow().len() < MAX_REMEMBERED_PATHS, "a flood of paths takes no more memory");
        let long = format!("/books/{}", "7".repeat(MAX_REMEMBERED_BYTES));
        assert_eq!(ask(&long).await, "/books/{id}");
        assert!(!routes.0.borrow().contains_key(&long));
    }
}
