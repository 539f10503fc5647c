//! HTTP path templates (`{*}`, `{**}`): checked, because a resource with a malformed one is refused.

/// Why a path template is malformed (reference: Istio, `pkg/config/security/security.go`).
pub(super) fn malformed(path: &str) -> Option<&'static str> {
    const ONE: &str = "{*}";
    const MANY: &str = "{**}";
    if !path.contains(ONE) && !path.contains(MANY) {
        return path.contains(['{', '}']).then_some("braces hold `*` or `**` only");
    }
    let mut many_seen = false;
    for segment in path.split('/') {
        match segment {
            MANY if many_seen => return Some("`{**}` stands at most once"),
            MANY => many_seen = true,
            ONE if many_seen => return Some("`{*}` cannot follow `{**}`"),
            ONE => {}
            other if other.contains('*') => return Some("`*` and `{*}` do not mix, and a template is a whole segment"),
            other if other.contains(['{', '}']) => return Some("braces hold `*` or `**` only"),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::malformed;

    #[test]
    fn a_template_is_a_whole_segment() {
        let table = [
            ("/foo/{*}", true),
            ("/foo/{**}", true),
            ("/foo/{*}/bar/{**}", true),
            ("/foo/*", true),
            ("/foo", true),
            ("/foo/{**}/{*}", false),
            ("/foo/{**}/{**}", false),
            ("/foo/{buzz}", false),
            ("/foo/{*}.txt", false),
            ("/{*}/*", false),
            ("/{*", false),
        ];
        for (path, fine) in table {
            assert_eq!(malformed(path).is_none(), fine, "{path}");
        }
    }
}
