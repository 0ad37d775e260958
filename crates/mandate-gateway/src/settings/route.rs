//! Which calls are on offer, and that no call stands for two things.

use mandate::discovery;
use mandate_config::{Item, Read, quoted, text};

use super::fault::{GatewayFault, Report};
use crate::route::Route;

/// Where the gateway itself answers.
const RESERVED: &str = "/.well-known/mandate";

/// Reads a method and a path, and suggests what was meant; `method` is that of a route that has to have it.
pub(super) fn route(item: &Item<'_>, method: Option<&str>, report: &mut Report<'_>) -> Read<Route> {
    let written = text(item, report)?;
    let route: Route = written.parse().map_err(|error| {
        let meant = nearest_route(written, method).map(|route| quoted(&route.to_string()));
        item.fault_with(report, GatewayFault::Route(error), meant)
    })?;
    let path = route.path();
    let below =
        path.strip_prefix(RESERVED).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    if below || path == discovery::PATH {
        return Err(item.fault(report, GatewayFault::RouteReserved));
    }
    Ok(route)
}

/// The route that was meant by `post /bookings`, `POST bookings/`, `POST /rooms/:id`, `POST /rooms/<id>?all`.
fn nearest_route(written: &str, method: Option<&str>) -> Option<Route> {
    let mut words = written.split_whitespace();
    let (method, path) = match (words.next()?, words.next(), method) {
        (path, None, Some(method)) => (method.to_owned(), path),
        (method, Some(path), _) => (method.to_uppercase(), path),
        _ => return None,
    };
    if words.next().is_some() {
        return None;
    }
    let path = path.split(['?', '#']).next()?;
    let segments = path.split('/').filter(|segment| !segment.is_empty()).map(|segment| {
        let bracketed = segment.strip_prefix('<').and_then(|rest| rest.strip_suffix('>'));
        match bracketed.or_else(|| segment.strip_prefix(':')) {
            Some(name) => format!("/{{{name}}}"),
            None => format!("/{segment}"),
        }
    });
    let path: String = segments.collect();
    let path = if path.is_empty() { "/" } else { &path };
    format!("{method} {path}").parse().ok()
}

/// A route and where it stands.
#[derive(Debug)]
struct Placed {
    route: Route,
    at: usize,
    field: String,
}

impl Placed {
    fn new(route: Route, item: &Item<'_>) -> Self {
        Self { route, at: item.at(), field: item.field().to_owned() }
    }
}

/// The routes of a file, as they are read.
#[derive(Debug, Default)]
pub(super) struct Routes {
    actions: Vec<Placed>,
    quotes: Vec<Placed>,
}

impl Routes {
    /// Takes the route of an action, unless a call on it is another's already.
    pub(super) fn take(
        &mut self,
        route: &Route,
        item: &Item<'_>,
        report: &mut Report<'_>,
    ) -> Read<()> {
        let before = self.actions.iter().find(|action| action.route.overlaps(route));
        let taken = before.map(|before| (before.route.clone(), report.line(before.at)));
        self.actions.push(Placed::new(route.clone(), item));
        match taken {
            Some((route, line)) => {
                Err(item.fault(report, GatewayFault::RoutesOverlap { route, line }))
            }
            None => Ok(()),
        }
    }

    /// Notes where a price is asked; several actions may share it.
    pub(super) fn note_quote(&mut self, route: Route, item: &Item<'_>) {
        self.quotes.push(Placed::new(route, item));
    }

    /// Refuses a quote that is also an action, wherever in the file that stands.
    pub(super) fn check_quotes(&self, report: &mut Report<'_>) -> Read<()> {
        let mut all = Ok(());
        for quote in &self.quotes {
            let action = self.actions.iter().find(|action| action.route.overlaps(&quote.route));
            let Some(action) = action else { continue };
            let line = report.line(action.at);
            let fault = GatewayFault::QuoteIsAction { route: action.route.clone(), line };
            all = Err(report.add(quote.at, &quote.field, fault, None));
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_route_that_was_meant_is_found() {
        for (written, meant) in [
            ("post /bookings", "POST /bookings"),
            ("POST  bookings/", "POST /bookings"),
            ("GET /rooms/:id", "GET /rooms/{id}"),
            ("GET /rooms/<id>/beds?free=1", "GET /rooms/{id}/beds"),
            ("get //", "GET /"),
        ] {
            let found = nearest_route(written, None).map(|route| route.to_string());
            assert_eq!(found.as_deref(), Some(meant), "{written}");
        }
        let quote = nearest_route("/quotes", Some("POST")).map(|route| route.to_string());
        assert_eq!(quote.as_deref(), Some("POST /quotes"));
        for written in ["", "/bookings", "POST /a b", "POST /a%20b", "CONNECT /a"] {
            assert_eq!(nearest_route(written, None), None, "{written}");
        }
    }
}
