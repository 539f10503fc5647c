//! Trust domain aliases: one principal, written once, for every trust domain of the mesh.

use crate::value::{PrincipalMatch, TrustDomainError, TrustDomainMatch, trust_domains_overlap};
use crate::workload::Mesh;

/// What Istio's policies call the trust domain of the mesh, whatever it is.
const POINTER: &str = "cluster.local";

/// The patterns that a written principal stands for in a mesh.
///
/// A value of five segments whose trust domain is one of the mesh's, or the literal `cluster.local`,
/// stands for the same account in every trust domain of the mesh; any other value for itself
/// (reference: Istio, `pilot/pkg/security/trustdomain/bundle.go`).
pub(super) fn expand_principal(value: &str, mesh: &Mesh) -> Vec<PrincipalMatch> {
    let unchanged = || vec![PrincipalMatch::parse(value)];
    let Some((trust_domain, account)) = value.split_once('/') else { return unchanged() };
    if value.split('/').count() != 5 || trust_domain == "*" {
        return unchanged();
    }
    let ours = mesh.trust_domains();
    if trust_domain != POINTER && !ours.iter().any(|own| trust_domains_overlap(trust_domain, own)) {
        return unchanged();
    }
    let mut patterns = Vec::with_capacity(ours.len());
    for own in ours {
        // A leading star already covers the trust domain.
        let covered = trust_domain.strip_prefix('*').is_some_and(|suffix| own.ends_with(suffix));
        let pattern = PrincipalMatch::parse(&if covered { value.to_owned() } else { format!("{own}/{account}") });
        if !patterns.contains(&pattern) {
            patterns.push(pattern);
        }
    }
    patterns
}

/// The patterns that a written trust domain stands for: all of the mesh's for one of them.
pub(super) fn expand_trust_domain(
    pattern: TrustDomainMatch,
    value: &str,
    mesh: &Mesh,
) -> Result<Vec<TrustDomainMatch>, TrustDomainError> {
    let ours = mesh.trust_domains();
    if ours.contains(&value) { ours.into_iter().map(TrustDomainMatch::parse_condition).collect() } else { Ok(vec![pattern]) }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            let patterns: Vec<String> = expand_principal(value, &mesh).iter().map(ToString::to_string).collect();
            assert_eq!(patterns, expected, "{value}");
        }
    }
}
