//! A connection as engines take it that know no identities: plain fields.

use std::net::IpAddr;

use authz_benches::Query;

/// The fields of a connection. What is absent is empty, for no policy of the inputs can tell the two apart.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts<'q> {
    pub(crate) source: IpAddr,
    pub(crate) destination: IpAddr,
    pub(crate) port: u16,
    /// The whole URI.
    pub(crate) principal: &'q str,
    pub(crate) namespace: &'q str,
    pub(crate) sni: &'q str,
}

impl<'q> Facts<'q> {
    pub(crate) fn new(query: &'q Query) -> Self {
        let principal = query.principal.as_deref().unwrap_or_default();
        let (_, rest) = principal.split_once("/ns/").unwrap_or_default();
        let (namespace, _) = rest.split_once('/').unwrap_or_default();
        Self {
            source: query.source.to_canonical(),
            destination: query.destination.ip().to_canonical(),
            port: query.destination.port(),
            principal,
            namespace,
            sni: query.sni.as_deref().unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_is_cut_out_of_the_identity() {
        let table = [
            (Some("spiffe://cluster.local/ns/a/sa/b"), "a"),
            (Some("spiffe://cluster.local/ns/a"), ""),
            (Some("spiffe://cluster.local/sa/b"), ""),
            (None, ""),
        ];
        for (principal, namespace) in table {
            let query = Query {
                source: "10.0.0.1".parse().unwrap(),
                destination: "10.0.0.2:80".parse().unwrap(),
                principal: principal.map(Into::into),
                sni: None,
            };
            assert_eq!(Facts::new(&query).namespace, namespace, "{principal:?}");
        }
    }
}
