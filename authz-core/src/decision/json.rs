//! The one JSON shape of decisions that every door shares.

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::{Decision, DryRunResults, ProviderAnswer, Shadow};
use crate::value::RuleId;

impl Serialize for RuleId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_map(Some(3))?;
        out.serialize_entry("policy", &self.policy().to_string())?;
        out.serialize_entry("rule", &self.index())?;
        out.serialize_entry("location", self.location())?;
        out.end()
    }
}

impl Serialize for Shadow<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_map(None)?;
        out.serialize_entry("result", &self.result())?;
        if let Some(rule) = self.rule() {
            out.serialize_entry("match", rule)?;
        }
        if let Self::Unknown(needs) = self {
            out.serialize_entry("needs", &needs.names().collect::<Vec<_>>())?;
        }
        out.end()
    }
}

impl Serialize for DryRunResults<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_map(None)?;
        for (name, shadow) in [("allow", &self.allow), ("deny", &self.deny)] {
            if *shadow != Shadow::NotConfigured {
                out.serialize_entry(name, shadow)?;
            }
        }
        if let Some(reason) = &self.if_enforced {
            out.serialize_entry("ifEnforced", &reason.verdict())?;
        }
        out.end()
    }
}

impl Serialize for Decision<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let reason = self.reason();
        let mut out = serializer.serialize_map(None)?;
        out.serialize_entry("verdict", &self.verdict())?;
        out.serialize_entry("reason", reason.code())?;
        out.serialize_entry("message", &self.to_string())?;
        if let Some(policy) = reason.policy() {
            out.serialize_entry("policy", &policy.to_string())?;
        }
        if let Some(rule) = reason.rule() {
            out.serialize_entry("rule", &rule.index())?;
        }
        if let Some(location) = reason.rule().map(RuleId::location).or(reason.policy().map(|policy| policy.location())) {
            out.serialize_entry("location", location)?;
        }
        if let super::Reason::UnknownFact(needs) = reason {
            out.serialize_entry("needs", &needs.names().collect::<Vec<_>>())?;
        }
        if let Some(provider) = self.provider() {
            out.serialize_entry("provider", provider)?;
            out.serialize_entry("ifProviderAllows", &self.with_provider(ProviderAnswer::Allow).verdict())?;
        }
        if let Some(rule) = self.audit() {
            out.serialize_entry("audit", rule)?;
        }
        if !self.dry_run().is_empty() {
            out.serialize_entry("dryRun", &self.dry_run())?;
        }
        out.end()
    }
}
