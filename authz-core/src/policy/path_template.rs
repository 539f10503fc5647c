//! HTTP path templates (`{*}`, `{**}`): checked, because a resource with a malformed one is refused.

use super::validate::empty_value;
use crate::finding::{FindingKind, Path, Reporter};
use crate::resource::{Clause, FieldName};
use crate::yaml::clip;

/// Judges the values of the HTTP fields of a source or an operation.
pub(super) fn validate(clause: &Clause<'_>, path: &Path<'_>, reporter: &mut Reporter) {
    for field in clause.fields.iter().filter(|field| field.name.is_http_only()) {
        let here = path.field(field.name.text());
        for (i, text) in field.values.iter().enumerate() {
            if text.value.is_empty() {
                empty_value(text.span, &here.item(i), reporter);
            } else if field.name.positive() == FieldName::Paths
                && let Some(why) = malformed(&text.value)
            {
                let message = format!("`{}` is not a path: {why}", clip(&text.value));
                reporter.report(FindingKind::BadPath, text.span, &here.item(i), message);
            }
        }
    }
}

/// Why a path template is malformed (reference: Istio, `pkg/config/security/security.go`).
fn malformed(path: &str) -> Option<&'static str> {
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
