//! What is decided where all that rules ask is whether one large set of addresses holds the connection's.

use super::compiled_rules::{ALLOW, CompiledRules, DENY};
use crate::decision::{Reason, Verdict};
use crate::value::RuleId;

/// The decisions of an address outside, and of one inside.
#[derive(Debug)]
pub(super) struct ByOneSet {
    /// A bit if what is outside may pass, and one if what is inside may.
    allows: u8,
    said: [Said; 2],
    /// Whether there is nothing to be said beside that.
    pub(super) is_all: bool,
}

/// A reason. Each has a rule, also where it is none of it, so that no branch has to tell where it is.
#[derive(Debug)]
struct Said {
    kind: Kind,
    rule: RuleId,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Deny,
    Allow,
    NoAllowMatch,
    NoPolicy,
}

impl ByOneSet {
    /// Of rules that ask for one set alone; no mTLS mode and no CUSTOM rule may stand before them.
    pub(super) fn new(rules: &CompiledRules) -> Option<Self> {
        let matching = rules.matcher.by_one_set([DENY, ALLOW])?;
        let any = matching.iter().flatten().flatten().next()?;
        let said = matching.map(|[deny, allow]| {
            let kind = match (deny, allow) {
                (Some(_), _) => Kind::Deny,
                (None, Some(_)) => Kind::Allow,
                (None, None) if rules.has.allow => Kind::NoAllowMatch,
                (None, None) => Kind::NoPolicy,
            };
            Said { kind, rule: RuleId::clone(deny.or(allow).unwrap_or(any)) }
        });
        let bit = |said: &Said| u8::from(said.reason().verdict() == Verdict::Allow);
        let [outside, inside] = &said;
        let is_all = !(rules.has.audit || rules.has.shadow_deny || rules.has.shadow_allow);
        Some(Self { allows: bit(outside) | bit(inside) << 1, said, is_all })
    }

    /// Whether a connection may pass; without a branch, as what it is is not to be foreseen.
    #[inline(always)]
    pub(super) fn allows(&self, holds: bool) -> bool {
        self.allows >> u8::from(holds) & 1 == 1
    }

    /// Why.
    #[inline(always)]
    pub(super) fn reason(&self, holds: bool) -> Reason<'_> {
        let [outside, inside] = &self.said;
        std::hint::select_unpredictable(holds, inside, outside).reason()
    }
}

impl Said {
    #[inline(always)]
    fn reason(&self) -> Reason<'_> {
        match self.kind {
            Kind::Deny => Reason::DenyPolicy(&self.rule),
            Kind::Allow => Reason::AllowPolicy(&self.rule),
            Kind::NoAllowMatch => Reason::NoAllowMatch,
            Kind::NoPolicy => Reason::NoPolicy,
        }
    }
}
