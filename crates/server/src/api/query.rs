//! A call's query, read strictly: every parameter must be known, and given once.

use edgelatch_registry::is_member_name;
use edgelatch_registry::json::misfit;
use serde::de::DeserializeOwned;
use utoipa::IntoParams;

use crate::problem::Problem;

/// What a query can hold: some structures. Their descriptions in the document say which parameters each has.
pub(crate) trait Query: Sized {
    /// Reads a query string, of which every parameter must be known and given once.
    fn read(text: &str) -> Result<Self, Problem>;
}

macro_rules! queries {
    ($(($($part:ident),*);)*) => { $(
        impl<$($part: DeserializeOwned + IntoParams),*> Query for ($($part,)*) {
            fn read(text: &str) -> Result<Self, Problem> {
                let pairs = pairs(text, &[$(names::<$part>()),*].concat())?;
                Ok(($(part::<$part>(&pairs)?,)*))
            }
        }
    )* };
}

impl Query for () {
    fn read(text: &str) -> Result<(), Problem> {
        pairs(text, &[]).map(drop)
    }
}

queries! {
    (A);
    (A, B);
    (A, B, C);
}

fn names<T: IntoParams>() -> Vec<String> {
    T::into_params(|| None).into_iter().map(|parameter| parameter.name).collect()
}

/// The parameters of a query, each one of `known` and given once.
fn pairs(text: &str, known: &[String]) -> Result<Vec<(String, String)>, Problem> {
    let pairs: Vec<(String, String)> = form_urlencoded::parse(text.as_bytes()).into_owned().collect();
    for (i, (name, _)) in pairs.iter().enumerate() {
        if pairs.iter().take(i).any(|(other, _)| other == name) {
            return Err(Problem::parameter(shown(name), "is given twice"));
        }
        if !known.contains(name) {
            let known = known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            let expected = if known.is_empty() { "no parameters".into() } else { format!("one of {known}") };
            return Err(Problem::parameter(shown(name), format!("names what is none; expected {expected}")));
        }
    }
    Ok(pairs)
}

/// One structure, from the parameters that are its own.
fn part<T: DeserializeOwned + IntoParams>(pairs: &[(String, String)]) -> Result<T, Problem> {
    let own = names::<T>();
    let pairs = pairs.iter().filter(|(name, _)| own.contains(name));
    let text = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    let from = serde_urlencoded::Deserializer::new(form_urlencoded::parse(text.as_bytes()));
    serde_path_to_error::deserialize(from).map_err(|error| {
        let (path, said) = (error.path().to_string(), error.into_inner().to_string());
        let missing = said.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`'));
        missing.map_or_else(|| Problem::parameter(shown(&path), misfit(&said)), |name| Problem::parameter(name, "is missing"))
    })
}

/// A parameter's name, unless it may be a secret in the wrong place.
fn shown(name: &str) -> &str {
    if is_member_name(name) { name } else { "query" }
}
