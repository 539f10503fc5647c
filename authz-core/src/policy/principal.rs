//! Trust domain aliases: one principal, written once, for every trust domain of the mesh.

use crate::value::{PrincipalMatch, TrustDomainError, TrustDomainMatch, trust_domains_overlap};

/// What Istio's policies call the trust domain of the mesh, whatever it is.
const POINTER: &str = "cluster.local";

/// Adds the patterns that a written principal stands for in a mesh with these trust domains.
///
/// A value of five segments whose trust domain is one of the mesh's, or the literal `cluster.local`,
/// stands for the same account in every trust domain of the mesh; any other value for itself
/// (reference: Istio, `pilot/pkg/security/trustdomain/bundle.go`).
pub(super) fn expand_principal(value: &str, ours: &[&str], patterns: &mut Vec<PrincipalMatch>) {
    let has_five_segments = value.bytes().filter(|byte| *byte == b'/').count() == 4;
    let account = value.split_once('/').filter(|(trust_domain, _)| has_five_segments && *trust_domain != "*");
    let is_ours = |written: &str| written == POINTER || ours.iter().any(|own| trust_domains_overlap(written, own));
    let Some((trust_domain, account)) = account.filter(|(trust_domain, _)| is_ours(trust_domain)) else {
        patterns.push(PrincipalMatch::parse(value));
        return;
    };
    let first = patterns.len();
    for own in ours {
        // A leading star already covers the trust domain.
        let covered = trust_domain == *own || trust_domain.strip_prefix('*').is_some_and(|suffix| own.ends_with(suffix));
        let pattern = if covered { PrincipalMatch::parse(value) } else { PrincipalMatch::parse(&format!("{own}/{account}")) };
        if !patterns.get(first..).unwrap_or_default().contains(&pattern) {
            patterns.push(pattern);
        }
    }
}

/// The patterns that a written trust domain stands for: all of the mesh's for one of them.
pub(super) fn expand_trust_domain(
    pattern: TrustDomainMatch,
    value: &str,
    ours: &[&str],
) -> Result<Vec<TrustDomainMatch>, TrustDomainError> {
    if !ours.contains(&value) {
        return Ok(vec![pattern]);
    }
    ours.iter().map(|own| TrustDomainMatch::parse_condition(own)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::Mesh;

    #[test]
    fn a_principal_of_the_mesh_stands_for_all_its_trust_domains() {
        let mesh = Mesh {
            trust_domain: "new-td".into(),
            trust_domain_aliases: vec!["old-td".into(), "other".into()],
            ..Mesh::default()
        };
        let all = ["new-td/ns/a/sa/b", "old-td/ns/a/sa/b", "other/ns/a/sa/b"];
        let table: [(&str, &[&str]); 8] = [
            ("new-td/ns/a/sa/b", &all),
            ("old-td/ns/a/sa/b", &all),
            ("cluster.local/ns/a/sa/b", &all),
            ("foreign/ns/a/sa/b", &["foreign/ns/a/sa/b"]),
            ("cluster.local/ns/a/*", &["cluster.local/ns/a/*"]),
            ("*/ns/a/sa/b", &["*/ns/a/sa/b"]),
            ("*-td/ns/a/sa/b", &["*-td/ns/a/sa/b", "other/ns/a/sa/b"]),
            ("new*/ns/a/sa/b", &all),
        ];
        for (value, expected) in table {
            let mut patterns = Vec::new();
            expand_principal(value, &mesh.trust_domains(), &mut patterns);
            let patterns: Vec<String> = patterns.iter().map(ToString::to_string).collect();
            assert_eq!(patterns, expected, "{value}");
        }
    }
}
