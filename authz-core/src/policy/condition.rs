//! The attributes that `when` can name.

use crate::value::MetadataKey;

/// What a `when` key asks about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Attribute {
    SourceIp,
    RemoteIp,
    SourceNamespace,
    SourcePrincipal,
    SourceServiceAccount,
    SourceTrustDomain,
    DestinationIp,
    DestinationPort,
    ConnectionSni,
    Metadata(MetadataKey),
    /// An attribute of HTTP requests.
    Http,
    /// Nothing that exists; why, and what to write.
    Unknown(&'static str),
}

/// Starts of keys that name a thing of the user's behind them.
const OPEN_KEYS: &[&str] = &["experimental.envoy.filters.", "request.headers[", "request.auth.claims["];

/// The keys that a condition can have, for somebody to choose from, those for HTTP alone last. What ends with `.` or
/// `[` wants more behind it.
///
/// ```
/// let keys: Vec<&str> = authz_core::condition_keys().collect();
/// assert!(keys.contains(&"source.ip") && keys.contains(&"request.headers["));
/// ```
pub fn condition_keys() -> impl Iterator<Item = &'static str> {
    let is_http = |key: &&&str| key.starts_with("request.");
    let all = || KEYS.iter().chain(OPEN_KEYS);
    all().filter(move |key| !is_http(key)).chain(all().filter(is_http)).copied()
}

/// Every whole key, for suggestions.
pub(super) const KEYS: &[&str] = &[
    "source.ip",
    "remote.ip",
    "source.namespace",
    "source.principal",
    "source.serviceAccount",
    "source.trustDomain",
    "destination.ip",
    "destination.port",
    "connection.sni",
    "request.auth.principal",
    "request.auth.audiences",
    "request.auth.presenter",
];

impl Attribute {
    /// The attribute that a key names (reference: Istio, `pkg/config/security/security.go`).
    pub(super) fn named(key: &str) -> Self {
        match key {
            "source.ip" => Self::SourceIp,
            "remote.ip" => Self::RemoteIp,
            "source.namespace" => Self::SourceNamespace,
            "source.principal" => Self::SourcePrincipal,
            "source.serviceAccount" => Self::SourceServiceAccount,
            "source.trustDomain" => Self::SourceTrustDomain,
            "destination.ip" => Self::DestinationIp,
            "destination.port" => Self::DestinationPort,
            "connection.sni" => Self::ConnectionSni,
            "request.auth.principal" | "request.auth.audiences" | "request.auth.presenter" => Self::Http,
            _ if key.starts_with("request.headers") => {
                if is_bracketed(key) {
                    Self::Http
                } else {
                    Self::Unknown("write request.headers[NAME]")
                }
            }
            _ if key.starts_with("request.auth.claims") => {
                if is_bracketed(key) {
                    Self::Http
                } else {
                    Self::Unknown("write request.auth.claims[NAME]")
                }
            }
            _ if key.starts_with("experimental.envoy.filters.") => match MetadataKey::parse(key) {
                Some(key) => Self::Metadata(key),
                None => Self::Unknown("write experimental.envoy.filters.FILTER[KEY]"),
            },
            _ => Self::Unknown(""),
        }
    }

    /// Whether the attribute belongs to an identity, which CUSTOM rules may not ask for.
    pub(super) fn is_identity(&self, key: &str) -> bool {
        match self {
            Self::SourceNamespace | Self::SourcePrincipal | Self::SourceServiceAccount | Self::SourceTrustDomain => true,
            Self::Http => key.starts_with("request.auth."),
            Self::SourceIp
            | Self::RemoteIp
            | Self::DestinationIp
            | Self::DestinationPort
            | Self::ConnectionSni
            | Self::Metadata(_)
            | Self::Unknown(_) => false,
        }
    }
}

/// Whether a key ends with a name in brackets.
fn is_bracketed(key: &str) -> bool {
    key.strip_suffix(']').and_then(|rest| rest.split_once('[')).is_some_and(|(_, name)| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_that_is_offered_is_one() {
        let keys: Vec<&str> = condition_keys().collect();
        assert_eq!(keys.len(), KEYS.len() + OPEN_KEYS.len());
        for key in keys {
            let whole = match key.chars().last() {
                Some('.') => format!("{key}network.mysql_proxy[db.table]"),
                Some('[') => format!("{key}name]"),
                _ => key.to_owned(),
            };
            assert!(!matches!(Attribute::named(&whole), Attribute::Unknown(_)), "{whole}");
        }
    }
}
