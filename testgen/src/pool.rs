//! The values that generated resources and connections are made of: few enough to meet each other,
//! with neighbours on both sides of every edge.

use authz_core::{MetadataEntry, MetadataValue};

pub(crate) const NAMESPACES: &[&str] = &["foo", "bar", "istio-system", "foo-bar", "default", "ns"];
pub(crate) const ROOT_NAMESPACES: &[&str] = &["istio-system", "istio-system", "istio-system", "default"];
pub(crate) const ACCOUNTS: &[&str] = &["web", "admin", "default", "web-2", "a.b", "sa"];
pub(crate) const TRUST_DOMAINS: &[&str] = &["cluster.local", "td", "old-td"];

/// Names whose byte order differs from the order in which they are drawn.
pub(crate) const POLICY_NAMES: &[&str] = &["policy", "a", "B", "z", "policy.1", "policy-1"];
pub(crate) const APPS: &[&str] = &["web", "echo", ""];
pub(crate) const GATEWAYS: &[&str] = &["gw", "other-gw"];
/// A gRPC provider, another, an HTTP one and one that is not defined.
pub(crate) const PROVIDERS: &[&str] = &["opa", "opa", "opa", "ext", "http-authz", "undefined"];

pub(crate) const PORTS: &[u16] = &[0, 79, 80, 81, 8080, 9000, 9001, 65534, 65535];
pub(crate) const WRITTEN_PORTS: &[&str] = &["0", "80", "81", "080", "8080", "9000", "9001", "65535", "0065534"];
/// Ports that `portLevelMtls` may name.
pub(crate) const MTLS_PORTS: &[&str] = &["80", "8080", "9000", "65535", "080"];

pub(crate) const BLOCKS: &[&str] = &[
    "10.0.0.0/8",
    "10.1.0.0/16",
    "10.1.2.0/24",
    "10.1.2.3",
    "10.1.2.2/31",
    "10.1.2.3/8",
    "10.128.0.0/9",
    "0.0.0.0/0",
    "255.255.255.255",
    "192.168.0.0/16",
    "::/0",
    "2001:db8::/32",
    "2001:DB8:1::/48",
    "2001:db8:1::1",
    "fe80::1%eth0",
    "::ffff:10.1.2.3",
    "::ffff:10.0.0.0/104",
    "::/1",
];
pub(crate) const ADDRESSES: &[&str] = &[
    "10.1.2.3",
    "10.1.2.4",
    "10.1.2.1",
    "10.1.3.0",
    "10.2.0.0",
    "10.127.255.255",
    "10.128.0.0",
    "9.255.255.255",
    "11.0.0.0",
    "192.168.0.1",
    "0.0.0.0",
    "255.255.255.255",
    "2001:db8:1::1",
    "2001:db8:2::",
    "2001:db9::",
    "fe80::1",
    "::1",
    "::",
    "::ffff:10.1.2.3",
];

pub(crate) const SNI_PATTERNS: &[&str] = &[
    "a.example.com",
    "*.example.com",
    "*",
    "a.*",
    "A.example.com",
    "*.EXAMPLE.com",
    "a.*.com",
    "example.com",
    "*example*",
    "é.example.com",
];
pub(crate) const SNIS: &[&str] =
    &["a.example.com", "A.EXAMPLE.COM", "b.a.example.com", "example.com", "a.test", "*.example.com", "a.*.com", "É.example.com"];

/// Identities that are not of the form `spiffe://TRUST_DOMAIN/ns/NAMESPACE/sa/ACCOUNT`.
pub(crate) const ODD_IDENTITIES: &[&str] = &[
    "spiffe://td",
    "spiffe://td/",
    "spiffe:///ns/foo/sa/web",
    "spiffe://td/ns/foo",
    "spiffe://td/ns/foo/sa/",
    "spiffe://td/ns/foo/sa/web/pod/1",
    "spiffe://td/ns/foo/region/eu/sa/web",
    "spiffe://td/x/ns/foo/sa/web",
    "spiffe://old-td/ns/foo/ns/bar/sa/web",
    "https://td/ns/foo/sa/web",
    "spiffe://spiffe://td/ns/foo/sa/web",
    "SPIFFE://td/ns/foo/sa/web",
    "spiffe://td/ns/f*o/sa/web",
    "spiffe://",
    "/ns/foo/",
    "é",
    "",
];
pub(crate) const ODD_PRINCIPALS: &[&str] =
    &["*", "td", "*/sa/web", "spiffe://td/ns/foo/sa/web", "*b", "td/ns/*/sa/web", "*/ns/foo/*", "cluster.local/ns/foo/*", "é"];
pub(crate) const NAMESPACE_PATTERNS: &[&str] = &["foo", "bar", "foo*", "*bar", "*", "f*o", "*o*", "ns", "default", "f.o"];
pub(crate) const TRUST_DOMAIN_PATTERNS: &[&str] = &["td", "cluster.local", "old-td", "*", "old*", "*td", "t*", "*.local"];
/// What `source.trustDomain` takes and `trustDomains` does not.
pub(crate) const TRUST_DOMAIN_PATHS: &[&str] = &["td/ns/foo", "td/*", "*/web"];

pub(crate) const METADATA_KEYS: &[&str] = &[
    "experimental.envoy.filters.network.mysql_proxy[db.table]",
    "experimental.envoy.filters.a[k]",
    "experimental.envoy.filters.a[k[1]]",
];
pub(crate) const METADATA_PATTERNS: &[&str] = &["v", "[v]", "*", "[*]", "v*", "[*w]", "[]", "[[v]]"];
pub(crate) const METADATA: &[(&str, &str)] = &[
    ("envoy.filters.network.mysql_proxy", "db.table"),
    ("envoy.filters.a", "k"),
    ("envoy.filters.a", "k[1]"),
    ("envoy.filters.b", "k"),
];
pub(crate) const METADATA_VALUES: &[MetadataValue<'static>] = &[
    MetadataValue::Text("v"),
    MetadataValue::Text("vw"),
    MetadataValue::Text(""),
    MetadataValue::List(&["v"]),
    MetadataValue::List(&["x", "vw"]),
    MetadataValue::List(&[]),
];

/// One piece of metadata.
pub(crate) fn entry(at: usize, value: usize) -> Option<MetadataEntry<'static>> {
    let (filter, key) = METADATA.get(at)?;
    Some(MetadataEntry { filter, key, value: *METADATA_VALUES.get(value)? })
}

pub(crate) const HOSTS: &[&str] = &["example.com", "*.example.com", "*"];
pub(crate) const METHODS: &[&str] = &["GET", "*"];
pub(crate) const PATHS: &[&str] = &["/admin*", "/a/{*}/b", "*"];
pub(crate) const REQUEST_PRINCIPALS: &[&str] = &["*", "issuer/subject"];
/// `when` keys that only a request has; CUSTOM rules may ask for the first.
pub(crate) const HTTP_KEYS: &[&str] =
    &["request.headers[x-user]", "request.auth.principal", "request.auth.claims[iss]", "request.auth.audiences"];
