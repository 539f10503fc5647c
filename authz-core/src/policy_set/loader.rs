//! Reads policies from texts, strictly or leniently.

use std::collections::HashMap;
use std::sync::Arc;

use super::{LoadError, PolicySet};
use crate::finding::{Finding, FindingKind, Path, Reporter};
use crate::limits::Limits;
use crate::lint::lint;
use crate::policy::{self, AuthorizationPolicy, Effect, PeerAuthentication};
use crate::resource::{Action, Document, Resource};
use crate::sort::{sort, sort_stably};
use crate::value::{Location, PolicyName, Position, Span};
use crate::workload::{Mesh, Profile};
use crate::yaml;

/// Reads policies from one or more texts.
///
/// A strict load, the default, fails on anything that cannot be read. A [`lenient`](Self::lenient)
/// one is for hosts that must keep serving: it goes on without what it cannot read, in the one
/// direction that is safe.
///
/// ```
/// use authz_core::{Mesh, PolicyLoader};
///
/// let policies = PolicyLoader::new(&Mesh::default())
///     .source("deny.yaml", "{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {name: a, namespace: b}, spec: {action: DENY, rules: [{}]}}")
///     .source("mtls.yaml", "{apiVersion: security.istio.io/v1, kind: PeerAuthentication, metadata: {name: a, namespace: b}}")
///     .load()?;
/// assert_eq!(policies.len(), 2);
/// assert_eq!(policies.mesh(), &Mesh::default());
/// # Ok::<(), authz_core::LoadError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing is read before `load`"]
pub struct PolicyLoader<'t> {
    mesh: Mesh,
    limits: Limits,
    profile: Profile,
    is_lenient: bool,
    sources: Vec<(Arc<str>, &'t str)>,
    /// The places of those whose policies stand under a key, and that key.
    sections: Vec<(usize, &'t str)>,
}

impl<'t> PolicyLoader<'t> {
    /// A loader for the policies of a mesh.
    pub fn new(mesh: &Mesh) -> Self {
        Self {
            mesh: mesh.clone(),
            limits: Limits::default(),
            profile: Profile::Sidecar,
            is_lenient: false,
            sources: Vec::new(),
            sections: Vec::new(),
        }
    }

    /// Bounds what the texts may ask for.
    ///
    /// ```
    /// use authz_core::{Limits, Mesh, PolicyLoader};
    ///
    /// let limits = Limits { documents: 1, ..Limits::default() };
    /// assert!(PolicyLoader::new(&Mesh::default()).limits(limits).source("a.yaml", "---\n---\n").load().is_err());
    /// ```
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The data plane whose meaning the policies get.
    ///
    /// ```
    /// use authz_core::{Mesh, PolicyLoader, Profile};
    ///
    /// assert!(PolicyLoader::new(&Mesh::default()).profile(Profile::Sidecar).load().is_ok());
    /// ```
    pub fn profile(mut self, profile: Profile) -> Self {
        self.profile = profile;
        self
    }

    /// Goes on without what cannot be read.
    ///
    /// | unreadable                         | then                                                     |
    /// |------------------------------------|----------------------------------------------------------|
    /// | part of an ALLOW rule              | the rule matches nothing; its policy still applies       |
    /// | part of a DENY or CUSTOM rule      | the rule matches as if it did not ask for that part      |
    /// | part of a DENY or CUSTOM policy    | it matches everything in its scope                       |
    /// | a PeerAuthentication               | `STRICT` in its scope                                    |
    /// | a dry-run annotation               | DENY is enforced; the rules of an ALLOW match nothing    |
    /// | two resources of one name          | both apply; the rules of an ALLOW match nothing          |
    /// | a kind, an action, a scope, YAML   | the load fails                                           |
    ///
    /// ```
    /// use authz_core::{Connection, Mesh, PolicyLoader, Verdict, Workload};
    ///
    /// let text = "
    /// apiVersion: security.istio.io/v1
    /// kind: AuthorizationPolicy
    /// metadata: {name: web, namespace: shop}
    /// spec:
    ///   rules:
    ///   - to: [{operation: {ports: ['80', http]}}]
    /// ";
    /// let policies = PolicyLoader::new(&Mesh::default()).source("web.yaml", text).lenient().load()?;
    /// assert_eq!(policies.findings()[0].code(), "bad-port");
    /// let connection = Connection::new("10.0.0.1".parse().unwrap(), "10.0.0.2:80".parse().unwrap());
    /// assert_eq!(policies.authorizer_for(&Workload::new("shop")).decide(&connection).verdict(), Verdict::Deny);
    /// # Ok::<(), authz_core::LoadError>(())
    /// ```
    pub fn lenient(mut self) -> Self {
        self.is_lenient = true;
        self
    }

    /// Adds a text, YAML or JSON, under the name that findings call it by.
    pub fn source(mut self, name: impl Into<Arc<str>>, text: &'t str) -> Self {
        self.sources.push((name.into(), text));
        self
    }

    /// Adds the policies that stand in a text as a list under a key: those of a plugin's configuration.
    ///
    /// Findings and decisions then name their place in that text. Whatever else stands in it is not read;
    /// a key that is missing holds no policies.
    ///
    /// ```
    /// use authz_core::{Mesh, PolicyLoader};
    ///
    /// let text = "
    /// mode: enforce
    /// policies:
    /// - {apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {name: a, namespace: b}, spec: {acton: DENY}}
    /// ";
    /// let error = PolicyLoader::new(&Mesh::default()).section("config", text, "policies").load().unwrap_err();
    /// assert!(error.to_string().starts_with("config:4:107: error[unknown-field]: b/a: spec.acton: "), "{error}");
    /// ```
    pub fn section(mut self, name: impl Into<Arc<str>>, text: &'t str, key: &'t str) -> Self {
        self.sections.push((self.sources.len(), key));
        self.sources.push((name.into(), text));
        self
    }

    /// Reads everything.
    ///
    /// # Errors
    ///
    /// Every finding of every text, if one of them is an error; for a lenient load, if one of them
    /// leaves open what a policy is, what it orders or whom it concerns.
    pub fn load(self) -> Result<PolicySet, LoadError> {
        let mut load = Load {
            mesh: &self.mesh,
            limits: self.limits,
            reporter: Reporter::new(self.limits.findings),
            policies: Vec::new(),
            peer_authentications: Vec::new(),
            others: Vec::new(),
            has_empty_list: false,
            rules: 0,
            names: HashMap::new(),
        };
        let Profile::Sidecar = self.profile;
        if load.within_limits(&self.sources) {
            for (at, (name, text)) in self.sources.iter().enumerate() {
                let section = self.sections.binary_search_by_key(&at, |(place, _)| *place);
                let section = section.ok().and_then(|found| self.sections.get(found));
                load.source(name, text, section.map(|(_, key)| *key));
            }
            lint(&load.policies, &load.peer_authentications, &self.mesh, &mut load.reporter);
        }
        load.finish(&self.mesh, &self.sources, self.is_lenient)
    }
}

struct Load<'m> {
    mesh: &'m Mesh,
    limits: Limits,
    reporter: Reporter,
    policies: Vec<AuthorizationPolicy>,
    peer_authentications: Vec<PeerAuthentication>,
    /// The kinds of resources that were passed over.
    others: Vec<String>,
    has_empty_list: bool,
    rules: usize,
    /// Where each resource was first seen: its place among its kind.
    names: HashMap<(bool, PolicyName), (usize, Location)>,
}

impl Load<'_> {
    fn within_limits(&mut self, sources: &[(Arc<str>, &str)]) -> bool {
        let bytes: usize = sources.iter().map(|(_, text)| text.len()).sum();
        if bytes > self.limits.bytes {
            let name = sources.first().map_or_else(|| "".into(), |(name, _)| Arc::clone(name));
            self.reporter.enter_source(&Location::new(name, Span::default()));
            self.limit(Span::default(), format!("{bytes} bytes of text, more than {}", self.limits.bytes));
            return false;
        }
        true
    }

    fn limit(&mut self, span: Span, message: String) {
        self.reporter.fail();
        self.reporter.report(FindingKind::LimitExceeded, span, &Path::ROOT, message);
    }

    fn source(&mut self, name: &Arc<str>, text: &str, key: Option<&str>) {
        self.reporter.enter_source(&Location::new(Arc::clone(name), Span::default()));
        let mut parse = yaml::Parse::new(text, &self.limits);
        // What cannot be read in the whole text comes before what is judged in any of it, lest findings
        // without number about one policy hide those about the next.
        let judging = self.reporter.sibling();
        let mut reading = std::mem::replace(&mut self.reporter, judging);
        while let Some(node) = parse.document() {
            let document = match key {
                None => Document::read(node, &mut reading),
                Some(key) => Document::read_section(node, key, &mut reading),
            };
            for (resource, has_errors) in &document.resources {
                self.resource(resource, *has_errors);
            }
            self.others.extend(document.others.into_iter().map(str::to_owned));
            self.has_empty_list |= document.has_empty_list;
        }
        let judged = std::mem::replace(&mut self.reporter, reading);
        self.reporter.append(judged);
        // The limits are for all texts together.
        let (limits, error) = parse.finish();
        self.limits = limits;
        if let Some(error) = error {
            self.reporter.enter_resource(None);
            self.reporter.fail();
            let kind = if error.is_limit { FindingKind::LimitExceeded } else { FindingKind::YamlSyntax };
            self.reporter.report(kind, error.span, &Path::ROOT, error.message);
        }
    }

    fn resource(&mut self, resource: &Resource<'_>, has_errors: bool) {
        let metadata = match resource {
            Resource::AuthorizationPolicy(policy) => &policy.metadata,
            Resource::PeerAuthentication(policy) => &policy.metadata,
        };
        self.reporter.enter_resource(Some(metadata.name.to_string()));
        let location = self.reporter.locate(metadata.span);
        let is_policy = matches!(resource, Resource::AuthorizationPolicy(_));
        let place = if is_policy { self.policies.len() } else { self.peer_authentications.len() };
        let twin = self.names.get(&(is_policy, metadata.name.clone())).cloned();
        match &twin {
            Some((_, first)) => {
                let message = format!("`{}` stands at {first} too; a cluster holds one of them", metadata.name);
                self.reporter
                    .report(FindingKind::DuplicateResource, metadata.span, &Path::ROOT, message)
                    .help("remove one, or rename it");
            }
            None => {
                self.names.insert((is_policy, metadata.name.clone()), (place, location));
            }
        }
        match resource {
            Resource::AuthorizationPolicy(written) => {
                policy::validate_authorization_policy(written, &mut self.reporter);
                self.policies.push(policy::translate(written, self.mesh, &mut self.reporter));
                self.rules += self.policies.last().map_or(0, |policy| policy.rules.len());
                if self.rules > self.limits.rules {
                    self.limit(metadata.span, format!("more than {} rules", self.limits.rules));
                }
            }
            Resource::PeerAuthentication(written) => {
                let before = self.reporter.errors();
                policy::validate_peer_authentication(written, &mut self.reporter);
                let has_errors = has_errors || self.reporter.errors() > before;
                let mut policy = PeerAuthentication::new(written, &self.reporter);
                // What a cluster would refuse must not loosen what another sets.
                policy.is_unreadable |= has_errors;
                self.peer_authentications.push(policy);
            }
        }
        if let Some((first, _)) = twin {
            self.contradict(is_policy, [first, place]);
        }
    }

    /// Two resources of one name: which of them a cluster would hold nobody can say.
    fn contradict(&mut self, is_policy: bool, twins: [usize; 2]) {
        for twin in twins {
            if is_policy && let Some(policy) = self.policies.get_mut(twin) {
                policy.is_dry_run &= policy.action != Action::Deny;
                if policy.action == Action::Allow {
                    policy.is_dry_run = false;
                    for rule in &mut policy.rules {
                        rule.effect = Effect::Unreadable;
                    }
                }
            } else if !is_policy && let Some(policy) = self.peer_authentications.get_mut(twin) {
                policy.is_unreadable = true;
            }
        }
    }

    fn finish(self, mesh: &Mesh, sources: &[(Arc<str>, &str)], is_lenient: bool) -> Result<PolicySet, LoadError> {
        let failed =
            if is_lenient { self.reporter.has_failed() } else { self.reporter.has_errors() || self.reporter.has_failed() };
        let mut findings = self.reporter.into_findings();
        let mut order: HashMap<&str, usize> = HashMap::new();
        for (place, (name, _)) in sources.iter().enumerate() {
            order.entry(name).or_insert(place);
        }
        keep_within(&mut findings, sources, &order);
        let place = |finding: &Finding| (order.get(finding.location.source()).copied(), finding.location.span());
        let mut placed: Vec<_> = findings.into_iter().map(|finding| (place(&finding), finding)).collect();
        sort_stably(&mut placed, |(a, _), (b, _)| a.cmp(b));
        let findings: Vec<Finding> = placed.into_iter().map(|(_, finding)| finding).collect();
        let mut kinds = self.others;
        sort(&mut kinds);
        let of_kind = |same: &[String]| Some((same.first()?.clone(), same.len()));
        let others = kinds.chunk_by(String::eq).filter_map(of_kind).collect();
        if failed {
            let resources = self.policies.len() + self.peer_authentications.len();
            return Err(LoadError { findings, resources, others });
        }
        Ok(PolicySet {
            mesh: Arc::new(mesh.clone()),
            policies: self.policies.into_iter().map(Arc::new).collect(),
            peer_authentications: self.peer_authentications,
            others,
            has_empty_list: self.has_empty_list,
            findings,
            index_bytes: self.limits.index_bytes,
        })
    }
}

/// For every line of a text, the column behind its last character.
fn line_ends(text: &str) -> Vec<u32> {
    let bytes = text.strip_prefix('\u{feff}').unwrap_or(text).as_bytes();
    let end = |line: Option<&[u8]>| {
        // A character counts with its first byte.
        let characters = line.unwrap_or_default().iter().filter(|byte| !matches!(byte, 0x80..=0xbf)).count();
        u32::try_from(characters).unwrap_or(u32::MAX).saturating_add(1)
    };
    let (mut ends, mut start, mut returned) = (Vec::new(), 0, None);
    for (at, byte) in bytes.iter().enumerate() {
        // A line ends as YAML ends it: with a line feed, a carriage return, or both.
        if matches!(byte, b'\n' | b'\r') {
            if *byte == b'\r' || returned != Some(at) {
                ends.push(end(bytes.get(start..at)));
            }
            start = at + 1;
            returned = (*byte == b'\r').then_some(start);
        }
    }
    ends.push(end(bytes.get(start..)));
    ends
}

/// Moves places that the YAML reader reports behind the end of a line, or of the text, to that end.
fn keep_within(findings: &mut [Finding], sources: &[(Arc<str>, &str)], order: &HashMap<&str, usize>) {
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    // Of those texts that something was found in.
    let mut lines: Vec<Option<Vec<u32>>> = vec![None; sources.len()];
    for finding in findings {
        let at = order.get(finding.location.source()).copied().unwrap_or(usize::MAX);
        let (Some((_, text)), Some(ends)) = (sources.get(at), lines.get_mut(at)) else { continue };
        let ends = &*ends.get_or_insert_with(|| line_ends(text));
        let place = |place: Position| {
            let line = place.line.clamp(1, number(ends.len()).max(1));
            let end = usize::try_from(line - 1).ok().and_then(|line| ends.get(line)).copied().unwrap_or(1);
            // Behind the last line is behind its last character.
            let column = if line < place.line { end } else { place.column.clamp(1, end) };
            // An empty last line is no line; what is there stands at the end of the one before.
            match (end, line) {
                (1, 2..) if line == number(ends.len()) => {
                    let line = line - 1;
                    let end = usize::try_from(line - 1).ok().and_then(|line| ends.get(line)).copied().unwrap_or(1);
                    Position { line, column: end }
                }
                _ => Position { line, column },
            }
        };
        let keep = |span: Span| Span { start: place(span.start), end: place(span.end) };
        finding.location = finding.location.at(keep(finding.location.span()));
        if let Some(fix) = &mut finding.fix {
            fix.span = keep(fix.span);
        }
    }
}
