use super::*;
use crate::matcher::pattern_ref::Numbers;
use crate::value::{PrincipalMatch, ServiceAccountMatch};

/// Every text over a small alphabet of parts, so that corners meet.
fn texts() -> Vec<String> {
    let parts = ["", "a", "b", "ab", "ns", "sa", "td", "a.b"];
    let mut texts = vec![String::new(), "a".into(), "spiffe://".into(), "spiffe:///ns/a/sa/b".into()];
    for scheme in ["spiffe://", "https://", "SPIFFE://"] {
        for one in parts {
            for two in parts {
                for three in parts {
                    texts.push(format!("{scheme}{one}/ns/{two}/sa/{three}"));
                    texts.push(format!("{scheme}{one}/{two}/ns/{three}"));
                    texts.push(format!("{scheme}td/ns/{one}/{two}/sa/{three}/"));
                    texts.push(format!("{scheme}td/ns/{one}/sa/{two}/{three}"));
                    texts.push(format!("{scheme}td/ns/ns/{one}/ns/{two}/sa/{three}"));
                    texts.push(format!("{scheme}{one}{two}/{three}"));
                }
            }
        }
    }
    texts
}

fn patterns() -> Vec<Written> {
    let words = [
        "*",
        "a",
        "b",
        "a*",
        "*b",
        "*a*",
        "a*b",
        "**",
        "ab*",
        "*ab",
        "",
        "ns",
        "sa",
        "*sa",
        "a/sa",
        "a/*",
        "*/a",
        "td",
        "td/ns/a/sa/b",
        "*/sa/b",
        "td/ns/*",
        "a.b",
        "*s*",
    ];
    words
        .map(|word| Written {
            principal: PrincipalMatch::parse(word),
            namespace: NamespaceMatch::parse(word),
            account: ServiceAccountMatch::parse(word, "ns").ok(),
            trust_domain: TrustDomainMatch::parse_condition(word).ok(),
        })
        .into()
}

/// One text as every kind of pattern.
struct Written {
    principal: PrincipalMatch,
    namespace: NamespaceMatch,
    account: Option<ServiceAccountMatch>,
    trust_domain: Option<TrustDomainMatch>,
}

fn numbered(all: &[Written]) -> Numbers<'_> {
    let mut numbers = Numbers::default();
    for written in all {
        numbers.number(PatternRef::Principal(&written.principal));
        numbers.number(PatternRef::Namespace(&written.namespace));
        let others = written.account.iter().map(PatternRef::ServiceAccount);
        for other in others.chain(written.trust_domain.iter().map(PatternRef::TrustDomain)) {
            numbers.number(other);
        }
    }
    numbers
}

#[test]
fn the_patterns_that_match_are_those_that_match_one_by_one() {
    let all = patterns();
    let numbers = numbered(&all);
    let (index, _) = Identities::new(numbers.all());
    for text in texts() {
        let mut found = vec![false; numbers.all().len()];
        index.matching_identity(&text, &mut |number| found[usize::try_from(number).unwrap()] = true);
        for (pattern, found) in numbers.all().iter().zip(found) {
            assert_eq!(found, pattern.matches(&text), "{pattern:?} against {text:?}");
        }
    }
}
