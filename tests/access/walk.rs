//! Every route, every kind of caller: the request is sent, and what comes back is held against the matrix.

use std::collections::BTreeMap;

use service_kit::{auth, http::SHELL_PATHS};

use crate::{
    answers::Documented,
    callers::{Kind, keys, text},
    digest::{Books, changed},
    shop::{Answer, Call, Part},
    stage::Stage,
    table::{Cell, MATRIX, Row, heading, section},
};

/// Walks all routes of a service and fails with what is not as the matrix says.
pub async fn walk(part: Part) {
    let rows = section(MATRIX, part).unwrap_or_else(|why| panic!("tests/access/matrix.txt, [{}]: {why}", part.name()));
    let mut stage = Stage::set().await;
    let books = Books::of(&stage.shop).await;
    let document = stage.shop.document(part).await;
    let routes = auth::routes(&document).unwrap();
    let documented = routes.iter().map(|route| format!("{} {}", route.method, route.path));
    let undocumented = gateway_service::UNDOCUMENTED.iter().filter(|_| part == Part::Gateway);
    let undocumented = undocumented.map(|(method, path)| format!("{method} {path}"));
    let of_the_shell = SHELL_PATHS.iter().map(|path| format!("GET {path}"));
    let routes: Vec<String> = documented.chain(undocumented).chain(of_the_shell).collect();
    let mut findings: Vec<String> = rows
        .keys()
        .filter(|row| !routes.contains(row))
        .map(|row| format!("the matrix has a row for {row}, which is not there any more"))
        .collect();
    for route in &routes {
        let documented = Documented::of(part, &document, route);
        let mut visit =
            Visit { stage: &mut stage, books: &books, part, route, documented, findings: Vec::new(), broken: None };
        let seen = visit.everybody(rows.get(route)).await;
        findings.append(&mut visit.findings);
        match rows.get(route) {
            Some(row) if *row == seen => {}
            Some(row) => {
                let differing = row.cells.keys().filter(|kind| row.cells[kind] != seen.cells[kind]).collect::<Vec<_>>();
                findings.push(format!("{route} is another for {differing:?}:\nit is     {seen}\nit should {row}"));
            }
            None => {
                findings.push(format!("the matrix has no row for a route; think about each cell, then add\n{seen}"))
            }
        }
    }
    books.close().await;
    stage.close().await;
    let found = findings.join("\n");
    assert!(findings.is_empty(), "\ntests/access/matrix.txt, [{}]:\n{}\n{found}\n", part.name(), heading());
}

/// Everybody at one route.
struct Visit<'a> {
    stage: &'a mut Stage,
    books: &'a Books,
    part: Part,
    route: &'a str,
    documented: Option<Documented<'a>>,
    findings: Vec<String>,
    broken: Option<u16>,
}

impl Visit<'_> {
    /// First those who are to be sent away, who must leave no trace; then the others, each with a thing of his own.
    async fn everybody(&mut self, expected: Option<&Row>) -> Row {
        let kinds: Vec<Kind> =
            Kind::COLUMNS.iter().map(|(kind, _)| *kind).chain((0..keys().len()).map(Kind::Key)).collect();
        let refused = |kind: &Kind| expected.is_some_and(|row| matches!(row.cells[kind], Cell::No(_)));
        let (away, in_there): (Vec<Kind>, Vec<Kind>) = kinds.into_iter().partition(refused);
        let mut cells = self.those_who_are_sent_away(&away).await;
        for kind in in_there {
            cells.insert(kind, self.one_who_is_let_in(kind).await);
        }
        Row { cells, ..Row::new(self.route.to_owned()) }
    }

    async fn those_who_are_sent_away(&mut self, kinds: &[Kind]) -> BTreeMap<Kind, Cell> {
        let mut cells = BTreeMap::new();
        if kinds.is_empty() {
            return cells;
        }
        let call = self.stage.call(self.part, self.route).await;
        let nobodys = self.stage.call_about_nothing(self.part, self.route);
        self.books.at_rest().await;
        let before = self.books.digest().await;
        for kind in kinds {
            let mut seen = Vec::new();
            for credential in self.stage.callers.credentials(self.part, *kind) {
                let answer = self.stage.shop.send(self.part, &call, &credential).await;
                if answer.status == 404
                    && let Some(nobodys) = &nobodys
                {
                    let missing = self.stage.shop.send(self.part, nobodys, &credential).await;
                    self.looks_like_nothing(*kind, [&call, nobodys], [&answer, &missing]);
                }
                seen.push(self.cell(*kind, &answer));
            }
            cells.insert(*kind, self.one(*kind, &seen));
        }
        let traces = changed(&before, &self.books.digest().await);
        if !traces.is_empty() {
            self.findings.push(format!("{}: those who were sent away changed {traces:?}", self.route));
        }
        cells
    }

    async fn one_who_is_let_in(&mut self, kind: Kind) -> Cell {
        let mut seen = Vec::new();
        for number in 0..self.stage.callers.credentials(self.part, kind).len() {
            let call = self.stage.call(self.part, self.route).await;
            let credential = self.stage.callers.credentials(self.part, kind).swap_remove(number);
            let answer = self.stage.shop.send(self.part, &call, &credential).await;
            if self.stage.ends_sign_ins(self.route) {
                self.stage.callers.renew(&self.stage.shop, kind).await;
            }
            seen.push(self.cell(kind, &answer));
        }
        self.one(kind, &seen)
    }

    /// The one answer to all ways in which somebody may say who he is.
    fn one(&mut self, kind: Kind, seen: &[Cell]) -> Cell {
        if seen.iter().any(|cell| cell != &seen[0]) {
            self.findings.push(format!("{}: {kind:?} is answered in several ways: {seen:?}", self.route));
        }
        seen.first().copied().unwrap_or(Cell::Nobody)
    }

    /// What an answer means; whatever is neither work done nor a proper refusal is a finding of its own.
    fn cell(&mut self, kind: Kind, answer: &Answer) -> Cell {
        if let Some(documented) = &self.documented {
            let untrue = documented.untrue_of(answer);
            let new = untrue.into_iter().filter(|finding| !self.findings.contains(finding)).collect::<Vec<_>>();
            self.findings.extend(new);
        }
        let code = answer.json["code"].as_str().unwrap_or("");
        let ends = Stage::ends(self.part, self.route);
        match answer.status {
            status if ends.contains(&status) => Cell::Yes,
            200..=399 | 402 | 409 => Cell::Yes,
            401 if !answer.header("www-authenticate").is_empty() && code == "unauthorized" => Cell::No(401),
            403 if code == "forbidden" => Cell::No(403),
            404 if code == "route_not_found" && self.is_of_the_shell() => Cell::No(404),
            404 if code.ends_with("_not_found") && code != "route_not_found" => Cell::No(404),
            status => {
                // Said once, and not for everybody to whom the same happens.
                if self.broken != Some(status) {
                    self.findings.push(format!("{} answers {kind:?} {status}: {}", self.route, answer.text));
                }
                self.broken = Some(status);
                Cell::Broken(status)
            }
        }
    }

    /// Whether the route is one of those that every service has, and that a service may have elsewhere.
    fn is_of_the_shell(&self) -> bool {
        SHELL_PATHS.iter().any(|path| self.route == format!("GET {path}"))
    }

    /// Who may not see a thing is told what he is told of a thing that nobody has.
    fn looks_like_nothing(&mut self, kind: Kind, [call, nothing]: [&Call; 2], [answer, missing]: [&Answer; 2]) {
        let mut told = answer.json.clone();
        let mut of_nothing = missing.json.clone();
        // The id is the one that he sent, and each answer has a number of its own.
        let ids = call.path.split('/').zip(nothing.path.split('/')).filter(|(id, nobodys)| id != nobodys);
        let detail = ids.fold(text(&told, "detail").to_owned(), |detail, (id, nobodys)| detail.replace(id, nobodys));
        told["detail"] = detail.into();
        told["request_id"].take();
        of_nothing["request_id"].take();
        if told != of_nothing {
            let finding = format!("{} tells {kind:?} that there is something: {told}, not {of_nothing}", self.route);
            self.findings.push(finding);
        }
    }
}
