use std::cell::RefCell;
use std::collections::BTreeMap;

use super::*;

/// Properties by path, joined with dots; nothing stands for one that cannot be handed out.
#[derive(Default)]
struct Table {
    properties: BTreeMap<String, Option<Vec<u8>>>,
    asked: RefCell<Vec<String>>,
}

impl Table {
    fn of(entries: &[(&str, Option<&[u8]>)]) -> Self {
        let properties = entries.iter().map(|(path, bytes)| ((*path).to_owned(), bytes.map(<[u8]>::to_vec))).collect();
        Self { properties, asked: RefCell::default() }
    }
}

impl Properties for Table {
    fn get(&self, path: &[&str]) -> Result<Option<Vec<u8>>, Unreadable> {
        let path = path.join(".");
        self.asked.borrow_mut().push(path.clone());
        self.properties.get(&path).map_or(Ok(None), |bytes| bytes.clone().map(Some).ok_or(Unreadable))
    }
}

#[test]
fn an_address_is_read_with_its_port_or_not_at_all() {
    let table: [(Option<&[u8]>, Reading<&str>); 9] = [
        (Some(b"127.0.0.1:40926"), Reading::Present("127.0.0.1:40926")),
        (Some(b"[2001:db8::1]:5555"), Reading::Present("[2001:db8::1]:5555")),
        (Some(b"127.0.0.1"), Reading::Malformed),
        (Some(b"127.0.0.1:70000"), Reading::Malformed),
        (Some(b"envoy://internal_client_address/"), Reading::Malformed),
        (Some(b"/run/socket"), Reading::Malformed),
        (Some(b""), Reading::Malformed),
        (Some(b"\xff"), Reading::Malformed),
        (None, Reading::Malformed),
    ];
    for (bytes, expected) in table {
        let properties = Table::of(&[("destination.address", bytes), ("source.address", bytes)]);
        let expected: Reading<SocketAddr> = match expected {
            Reading::Present(text) => Reading::Present(text.parse().unwrap()),
            _ => Reading::Malformed,
        };
        assert_eq!(destination(&properties), expected, "{bytes:?}");
        if let Reading::Present(address) = expected {
            assert_eq!(remote_address(&properties), Reading::Present(address.ip()));
        }
    }
    assert_eq!(destination(&Table::default()), Reading::Malformed);
    assert_eq!(remote_address(&Table::default()), Reading::Malformed);
}

#[test]
fn the_direct_peer_comes_from_filter_state_if_the_configuration_says_where() {
    let keys = FilterStateKeys { direct_peer: Some("k".into()), ..FilterStateKeys::default() };
    let table: [(&[u8], Option<[u8; 4]>); 4] =
        [(b"10.0.0.1:99", Some([10, 0, 0, 1])), (b"10.0.0.1", Some([10, 0, 0, 1])), (b"-", None), (b"", None)];
    let plain = Table::of(&[("source.address", Some(b"10.0.0.1:99"))]);
    for (bytes, expected) in table {
        let found = direct_address(&Table::of(&[("filter_state.k", Some(bytes))]), &keys, false);
        assert_eq!(found, Some(expected.map_or(Reading::Malformed, |ip| Reading::Present(ip.into()))), "{bytes:?}");
    }
    assert_eq!(direct_address(&Table::default(), &keys, true), Some(Reading::Malformed), "the other filter did not run");
    // What Envoy tells may be a PROXY header's word, and is taken for the direct peer's only where somebody vouches for it.
    assert_eq!(direct_address(&plain, &FilterStateKeys::default(), false), Some(Reading::Malformed));
    assert_eq!(direct_address(&plain, &FilterStateKeys::default(), true), None);
}

#[test]
fn tls_shows_in_any_name_of_the_proxys_certificate_and_the_version_is_asked_last() {
    for name in ["uri_san_local_certificate", "subject_local_certificate", "dns_san_local_certificate", "tls_version"] {
        let properties = Table::of(&[(&format!("connection.{name}"), Some(b"x"))]);
        assert_eq!(is_tls(&properties), Reading::Present(true), "{name}");
        let asked_version = properties.asked.borrow().iter().any(|path| path == "connection.tls_version");
        assert_eq!(asked_version, name == "tls_version", "Envoy would remember a wrong version");
        assert_eq!(is_tls(&Table::of(&[(&format!("connection.{name}"), None)])), Reading::Malformed);
    }
    assert_eq!(is_tls(&Table::default()), Reading::Present(false));
}

#[test]
fn mutual_tls_is_one_byte_and_nothing_else() {
    let table: [(Option<&[u8]>, Reading<bool>); 5] = [
        (Some(&[1]), Reading::Present(true)),
        (Some(&[0]), Reading::Present(false)),
        (Some(&[2]), Reading::Malformed),
        (Some(&[]), Reading::Malformed),
        (None, Reading::Malformed),
    ];
    for (bytes, expected) in table {
        assert_eq!(is_mutual(&Table::of(&[("connection.mtls", bytes)])), expected);
    }
    assert_eq!(is_mutual(&Table::default()), Reading::Malformed);
}

#[test]
fn a_list_of_sans_is_divided_only_where_that_is_certain() {
    type Case<'a> = (Option<&'a str>, Option<&'a str>, Option<&'a [&'a str]>);
    let table: [Case<'_>; 13] = [
        (None, None, Some(&[])),
        (None, Some("-"), Some(&[])),
        (Some("a"), Some("a"), Some(&["a"])),
        (Some("a"), Some("a,b"), Some(&["a", "b"])),
        (Some("a,b"), Some("a,b"), Some(&["a,b"])),
        (Some("a,b"), Some("a,b,c"), Some(&["a,b", "c"])),
        (Some("a"), Some("a,b,c"), None),
        (Some("a"), Some("a,"), None),
        (Some("a"), Some("ab"), None),
        (Some("a"), Some("b"), None),
        (Some("a"), None, None),
        (Some("a"), Some("-"), None),
        (None, Some(",a"), None),
    ];
    let keys = FilterStateKeys { uri_sans: Some("k".into()), ..FilterStateKeys::default() };
    for (first, all, expected) in table {
        let mut entries = Vec::new();
        entries.extend(first.map(|first| ("connection.uri_san_peer_certificate", Some(first.as_bytes()))));
        entries.extend(all.map(|all| ("filter_state.k", Some(all.as_bytes()))));
        let found = match uri_sans(&Table::of(&entries), &keys) {
            Reading::Present(sans) => Some(sans),
            Reading::Absent => Some(Vec::new()),
            Reading::Malformed | Reading::NotYet => None,
        };
        assert_eq!(found, expected.map(|sans| sans.iter().map(|san| (*san).to_owned()).collect()), "{first:?} {all:?}");
    }
    let first = Table::of(&[("connection.uri_san_peer_certificate", Some(b"a"))]);
    assert_eq!(uri_sans(&first, &FilterStateKeys::default()), Reading::Present(vec!["a".into()]));
    assert_eq!(uri_sans(&Table::default(), &FilterStateKeys::default()), Reading::Absent);
    let broken = Table::of(&[("connection.uri_san_peer_certificate", None)]);
    assert_eq!(uri_sans(&broken, &FilterStateKeys::default()), Reading::Malformed);
}

#[test]
fn other_names_are_known_only_where_a_subject_is_all_there_is() {
    type Bytes = Option<&'static [u8]>;
    let table: [(Option<Bytes>, Option<Bytes>, Reading<&str>); 8] = [
        (None, None, Reading::Absent),
        (None, Some(Some(b"")), Reading::Absent),
        (None, Some(Some(b"CN=web")), Reading::Present("CN=web")),
        (None, Some(Some(b"\xff")), Reading::Malformed),
        (None, Some(None), Reading::Malformed),
        (Some(Some(b"web.example")), Some(Some(b"CN=web")), Reading::Malformed),
        (Some(Some(b"")), None, Reading::Malformed),
        (Some(None), Some(Some(b"CN=web")), Reading::Malformed),
    ];
    for (dns_san, subject, expected) in table {
        let mut entries = Vec::new();
        entries.extend(dns_san.map(|bytes| ("connection.dns_san_peer_certificate", bytes)));
        entries.extend(subject.map(|bytes| ("connection.subject_peer_certificate", bytes)));
        let expected = expected.map(|name| vec![name.to_owned()]);
        assert_eq!(other_names(&Table::of(&entries)), expected, "{dns_san:?} {subject:?}");
    }
}

#[test]
fn the_node_is_what_istio_says_or_nothing() {
    let labels: &[u8] = &[1, 0, 0, 0, 3, 0, 0, 0, 3, 0, 0, 0, b'a', b'p', b'p', 0, b'w', b'e', b'b', 0];
    let found = node(&Table::of(&[("xds.node.metadata.NAMESPACE", Some(b"foo")), ("xds.node.metadata.LABELS", Some(labels))]));
    assert_eq!(found.namespace.as_deref(), Some("foo"));
    assert_eq!(found.labels, Some(Labels::from_iter([("app", "web")])));
    assert_eq!(node(&Table::default()), Node::default());
    for end in 0..labels.len() {
        assert_eq!(labels_of(&labels[..end]), None, "cut off at {end}");
    }
    assert_eq!(labels_of(&[0, 0, 0, 0]), Some(Labels::default()));
    assert_eq!(labels_of(&[0xff, 0xff, 0xff, 0xff, 0]), None);
}
