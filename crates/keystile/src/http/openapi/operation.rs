//! What the routes of a document say: the guard's places for its name, and the answers to refusals.

use std::collections::BTreeMap;

use http::Method;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{OpenApi, Ref};

use super::ApiSecurity;

/// A requirement: the names of schemes, each with the scopes that it must give.
type Named = BTreeMap<String, Vec<String>>;

/// Has every operation say what it asks of its callers. One that says nothing asks what the document does.
pub(super) fn describe(of: &ApiSecurity, document: &mut OpenApi) {
    let of_all = document.security.take();
    for item in document.paths.paths.values_mut() {
        for (method, operation) in operations(item) {
            describe_operation(of, &method, operation, of_all.as_deref());
        }
    }
    // The places depend on the method: what held for all now stands at each.
    let rest = of_all.map(|all| {
        all.into_iter()
            .filter(|one| !is_of(of, one))
            .collect::<Vec<_>>()
    });
    document.security = rest.filter(|rest| !rest.is_empty());
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = (Method, &mut Operation)> {
    let known = [
        (Method::GET, &mut item.get),
        (Method::PUT, &mut item.put),
        (Method::POST, &mut item.post),
        (Method::DELETE, &mut item.delete),
        (Method::OPTIONS, &mut item.options),
        (Method::HEAD, &mut item.head),
        (Method::PATCH, &mut item.patch),
        (Method::TRACE, &mut item.trace),
    ];
    let known = known.into_iter();
    let known = known.filter_map(|(method, operation)| Some((method, operation.as_mut()?)));
    // A method that is no token of RFC 9110 describes no request; any unsafe one has the same places.
    let named = |name: &str| Method::from_bytes(name.as_bytes()).unwrap_or(Method::POST);
    let others = item.additional_operations.iter_mut();
    let others = others.map(move |(name, operation)| (named(name), operation));
    let query = item
        .query
        .as_mut()
        .map(|operation| (named("QUERY"), operation));
    known.chain(query).chain(others)
}

fn describe_operation(
    of: &ApiSecurity,
    method: &Method,
    operation: &mut Operation,
    of_all: Option<&[SecurityRequirement]>,
) {
    let said = operation.security.as_deref().or(of_all).unwrap_or_default();
    if !said.iter().any(|requirement| is_of(of, requirement)) {
        // What held for all is taken from the document, where it is of this guard at all.
        return;
    }
    let mut asked: Vec<SecurityRequirement> = Vec::new();
    for requirement in said {
        for alternative in alternatives(of, method, requirement) {
            if !asked.contains(&alternative) {
                asked.push(alternative);
            }
        }
    }
    operation.security = Some(asked);
    for (status, _) in of.refusals.by_status() {
        let answers = &mut operation.responses.responses;
        let answer = Ref::from_response_name(format!("{}_{status}", of.name));
        answers.entry(status.to_owned()).or_insert(answer.into());
    }
}

fn is_of(of: &ApiSecurity, requirement: &SecurityRequirement) -> bool {
    named(requirement).contains_key(&*of.name)
}

/// The requirement with the guard's places in the place of its name; itself where the name does not stand in it.
fn alternatives(
    of: &ApiSecurity,
    method: &Method,
    requirement: &SecurityRequirement,
) -> Vec<SecurityRequirement> {
    let mut besides = named(requirement);
    let Some(scopes) = besides.remove(&*of.name) else {
        return vec![requirement.clone()];
    };
    let mut ways = of.schemes.alternatives(method);
    if ways.is_empty() {
        ways.push(Vec::new());
    }
    let with = |names: Vec<&str>| {
        let mut asked = SecurityRequirement::default();
        for (name, scopes) in &besides {
            asked = asked.add(name, scopes);
        }
        for (at, place) in names.into_iter().enumerate() {
            // The token has the scopes; what stands beside it has none.
            let scopes = if at == 0 { &scopes[..] } else { &[] };
            asked = asked.add(format!("{}_{place}", of.name), scopes);
        }
        asked
    };
    ways.into_iter().map(with).collect()
}

/// `utoipa` shows what a requirement names by writing it only.
fn named(requirement: &SecurityRequirement) -> Named {
    let written = serde_json::to_value(requirement).unwrap_or_default();
    serde_json::from_value(written).unwrap_or_default()
}
