use super::*;
use crate::matcher::numbers::place;
use crate::matcher::pattern_ref::Numbers;
use crate::value::{NamespaceMatch, PrincipalMatch, ServiceAccountMatch, TrustDomainMatch};

/// Patterns, as a pair of their kind and text.
const PATTERNS: [(&str, &str); 44] = [
    ("principal", "cluster.local/ns/a/sa/b"),
    ("principal", "cluster.local/ns/a/sa/bb"),
    ("principal", "cluster.local/ns/web-1/sa/front-end-of-the-shop"),
    ("principal", "cluster.local/ns/ns/sa/b"),
    ("principal", "cluster.local/ns/a/sa/"),
    ("principal", "cluster.local/ns/a"),
    ("principal", "other.example/ns/a/sa/b"),
    ("principal", "cluster.local/ns/a/sa/b/c"),
    ("principal", "cluster.local/*"),
    ("principal", "cluster.local/ns/*"),
    ("principal", "cluster.local/ns/a/*"),
    ("principal", "cluster.local/ns/web-1/sa/*"),
    ("principal", "cluster.local/ns/w*"),
    ("principal", "cluster.local/ns/web*"),
    ("principal", "cluster.local/ns/a/s*"),
    ("principal", "cluster.local/ns/web-2/sa/b*"),
    ("principal", "cluster.local/ns/ns/*"),
    ("principal", "cluster.l*"),
    ("principal", "*/ns/a/sa/b"),
    ("principal", "*/ns/web-1/sa/b"),
    ("principal", "*/web-2/sa/b"),
    ("principal", "*/ns/sa/b"),
    ("principal", "*/sa/b"),
    ("principal", "*/b"),
    ("principal", "*b"),
    ("principal", "*-end"),
    ("principal", "*eb-1/sa/b"),
    ("principal", "*.local/ns/a/sa/b"),
    ("principal", "*"),
    ("namespace", "a"),
    ("namespace", "b"),
    ("namespace", "ns"),
    ("namespace", "web-1"),
    ("namespace", "web*"),
    ("namespace", "a/*"),
    ("namespace", "*-1"),
    ("namespace", "*sa"),
    ("namespace", "*"),
    ("account", "a/b"),
    ("account", "web-2/front"),
    ("trust domain", "cluster.local"),
    ("trust domain", "cluster*"),
    ("trust domain", "*.example"),
    ("trust domain", "*"),
];

fn identities(home: &str) -> Vec<String> {
    let namespaces =
        ["a", "b", "ns", "sa", "web-1", "web-2", "web-10", "w", "nsa", "a-very-long-namespace-that-fills-more-than-a-window"];
    let accounts = ["b", "bb", "b-end", "front", "front-end-of-the-shop", "x", "sa", "ns", &"long-".repeat(20)];
    let mut all = Vec::new();
    for trust_domain in [home, "other.example", "cluster.loca", "ns", ""] {
        for namespace in namespaces {
            for account in accounts {
                all.push(format!("spiffe://{trust_domain}/ns/{namespace}/sa/{account}"));
            }
            all.extend(
                ["", "/", "/sa", "/sa/", "/sa/b/", "/sa/b/c", "/x/sa/b", "/sb/b", "//sa/b"]
                    .map(|rest| format!("spiffe://{trust_domain}/ns/{namespace}{rest}")),
            );
        }
    }
    all
}

#[test]
fn identities_of_a_class_are_matched_by_what_is_foreseen_of_it() {
    let (mut told, mut asked) = (0, 0);
    // Each two patterns, all at once, and each left out of these.
    let pairs = (0..PATTERNS.len()).flat_map(|one| (0..one).map(move |other| vec![one, other]));
    let rest = (0..PATTERNS.len()).map(|one| (0..PATTERNS.len()).filter(|other| *other != one).collect());
    let of_most = pairs.chain(rest).chain([(0..PATTERNS.len()).collect(), Vec::new()]).map(|chosen| ("cluster.local", chosen));
    // One as short as can be, and one that is compared in full.
    let others = (0..PATTERNS.len()).flat_map(|one| {
        ["abc", "a.trust-domain.of-many.letters"]
            .map(|home| (home, (0..PATTERNS.len()).filter(|other| other % 7 != one % 7).collect()))
    });
    for (home, chosen) in of_most.chain(others) {
        let identities = identities(home);
        let text = |text: &str| text.replace("cluster.local", home);
        let principals: Vec<_> = PATTERNS.map(|(_, pattern)| PrincipalMatch::parse(&text(pattern))).into();
        let namespaces: Vec<_> = PATTERNS.map(|(_, pattern)| NamespaceMatch::parse(pattern)).into();
        let accounts: Vec<_> = PATTERNS.map(|(_, pattern)| ServiceAccountMatch::parse(pattern, "a").ok()).into();
        let trust_domains: Vec<_> = PATTERNS.map(|(_, pattern)| TrustDomainMatch::parse_condition(&text(pattern)).ok()).into();
        let mut numbers = Numbers::default();
        for at in chosen {
            let pattern = match PATTERNS[at].0 {
                "principal" => PatternRef::Principal(&principals[at]),
                "namespace" => PatternRef::Namespace(&namespaces[at]),
                "account" => PatternRef::ServiceAccount(accounts[at].as_ref().unwrap()),
                _ => PatternRef::TrustDomain(trust_domains[at].as_ref().unwrap()),
            };
            numbers.number(pattern);
        }
        let (index, foreseen) = Identities::new(numbers.all());
        for identity in &identities {
            let expected: Vec<u32> =
                (0..).zip(numbers.all()).filter(|(_, pattern)| pattern.matches(identity)).map(|(number, _)| number).collect();
            assert_eq!(index.matching([&**identity]).as_slice(), expected, "{identity} against {:?}", numbers.all());
            match index.class_of(identity) {
                Some(class) => {
                    let class = &foreseen[place(class)];
                    assert_eq!(class.as_slice(), expected, "{identity} by class against {:?}", numbers.all());
                    told += 1;
                }
                None => asked += 1,
            }
        }
    }
    let least = if IS_SMALL { 0 } else { 50_000 };
    assert!(told >= least && asked > 100_000, "{told} identities had a class, {asked} had none");
    assert!(!IS_SMALL || told == 0);
}

/// What is foreseen of identities, and the bytes of the index, for principals, namespaces and service accounts.
fn foreseen(
    principals: &[PrincipalMatch],
    namespaces: &[NamespaceMatch],
    accounts: &[ServiceAccountMatch],
) -> (usize, usize, usize) {
    let mut numbers = Numbers::default();
    let all = principals.iter().map(PatternRef::Principal).chain(namespaces.iter().map(PatternRef::Namespace));
    for pattern in all.chain(accounts.iter().map(PatternRef::ServiceAccount)) {
        numbers.number(pattern);
    }
    let (index, foreseen) = Identities::new(numbers.all());
    (numbers.all().len(), foreseen.iter().map(|all| all.len()).sum(), index.bytes())
}

#[test]
fn what_is_foreseen_is_in_proportion_to_what_is_asked_for() {
    let mut principals: Vec<_> = (1..=200).map(|n| PrincipalMatch::parse(&format!("{}*", "x".repeat(n)))).collect();
    principals.push(PrincipalMatch::parse(&format!("{}/ns/a/*", "x".repeat(200))));
    let namespaces: Vec<_> = (0..2000).map(|n| NamespaceMatch::parse(&format!("n{n}"))).collect();
    let (patterns, foreseen, _) = foreseen(&principals, &namespaces, &[]);
    assert!(foreseen <= 64 * patterns, "{foreseen} numbers for {patterns} patterns");
}

#[test]
fn a_long_trust_domain_is_not_written_out_for_each_account() {
    let accounts: Vec<_> = (0..100_000).map(|n| ServiceAccountMatch::parse(&n.to_string(), "a").unwrap()).collect();
    let (_, _, without) = foreseen(&[], &[], &accounts);
    for length in [250, 980] {
        let home = [PrincipalMatch::parse(&format!("{}/ns/a/*", "x".repeat(length)))];
        let (_, _, with) = foreseen(&home, &[], &accounts);
        assert!(with < without + 3 * (1 << 24), "{with} bytes with a trust domain of {length} bytes, {without} without");
    }
}
