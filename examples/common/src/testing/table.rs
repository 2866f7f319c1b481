//! The table of routes in an example's README: which statuses it promises for which route.

/// One row.
pub(super) struct Row {
    /// `GET /cupcakes/{id}` and so on, without a query or a trailing slash.
    pub(super) routes: Vec<String>,
    pub(super) statuses: Vec<u16>,
}

/// The rows of the README's table under `## Routes`.
pub(super) fn rows(readme: &str) -> Vec<Row> {
    let (_, rest) = readme.split_once("\n## Routes\n").expect("## Routes");
    let lines = rest.lines().skip_while(|line| !line.starts_with('|'));
    let table = lines.take_while(|line| line.starts_with('|')).skip(2);
    table
        .map(|line| {
            let (routes, rest) = line[1..].split_once(" | ").expect("two columns");
            Row {
                routes: routes_of(routes),
                statuses: statuses_of(rest),
            }
        })
        .collect()
}

/// A route's name as both sides compare it.
pub(super) fn plain(route: &str) -> &str {
    let route = route.split('?').next().unwrap_or(route);
    route.trim_end_matches('/')
}

/// `` `GET`, `POST /users` `` names two.
fn routes_of(cell: &str) -> Vec<String> {
    let mut routes = Vec::new();
    let mut methods = Vec::new();
    for piece in cell.split('`').skip(1).step_by(2) {
        let (method, path) = piece.split_once(' ').unwrap_or((piece, ""));
        methods.push(method);
        if !path.is_empty() {
            let named = methods.drain(..).map(|method| format!("{method} {path}"));
            routes.extend(named.map(|route| plain(&route).to_owned()));
        }
    }
    routes
}

/// The numbers that stand outside of code.
fn statuses_of(cells: &str) -> Vec<u16> {
    let prose = cells.split('`').step_by(2);
    let words = prose.flat_map(|text| text.split(|c: char| !c.is_ascii_alphanumeric()));
    let numbers = words.filter_map(|word| word.parse().ok());
    numbers
        .filter(|number| (200..600).contains(number))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::rows;

    #[test]
    fn routes_and_statuses_are_read() {
        let readme = "\n## Routes\n\n| Route | Send | Answers |\n|---|---|---|\n\
            | `GET`, `POST /users/?page=` | up to 30 | 200 `{\"status\":299}`; 401, 404 |\n\
            | `GET /users/{id}`; `DELETE /x` | nothing | 204 |\n\nText | 500 |\n";
        let read = rows(readme)
            .into_iter()
            .map(|row| (row.routes, row.statuses));
        let own = |routes: [&str; 2]| routes.map(str::to_owned).to_vec();
        let expected = [
            (own(["GET /users", "POST /users"]), vec![200, 401, 404]),
            (own(["GET /users/{id}", "DELETE /x"]), vec![204]),
        ];
        assert_eq!(read.collect::<Vec<_>>(), expected);
    }
}
