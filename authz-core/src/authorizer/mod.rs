//! The authorizer: the policies of one workload, compiled, deciding connections.

mod by_one_set;
mod compiled_rules;

use std::sync::Arc;

use self::by_one_set::ByOneSet;
use self::compiled_rules::{ALLOW, AUDIT, CompiledRules, DENY, MISCONFIGURED, PROVIDERS, SHADOW_ALLOW, SHADOW_DENY};

use crate::IS_SMALL;
use crate::connection::Connection;
use crate::decision::{Beside, Decision, EarlyDecision, Providers, Reason, Shadow, Verdict};
use crate::decision_cache::DecisionCache;
use crate::explain::{self, Explanation};
use crate::fact::{Fact, Transport};
use crate::fact_set::FactSet;
use crate::matcher::{Answer, Match};
use crate::peer::Peer;
use crate::policy::PortMtls;
use crate::resource::Mode;
use crate::select::{AppliedPolicy, Selection};
use crate::stats::Stats;
use crate::workload::Mesh;

/// Decides the connections of one workload.
///
/// It is immutable and cheap to clone, and any number of threads may share it. To change the policies
/// a host makes a new one and swaps it in.
///
/// ```
/// use authz_core::{Connection, Mesh, PolicySet, Verdict, Workload};
///
/// let text = "
/// apiVersion: security.istio.io/v1
/// kind: AuthorizationPolicy
/// metadata: {name: tcp-policy, namespace: foo}
/// spec:
///   rules:
///   - from:
///     - source: {principals: [cluster.local/ns/foo/sa/sleep]}
/// ";
/// let policies = PolicySet::from_yaml(text, &Mesh::default())?;
/// let authorizer = policies.authorizer_for(&Workload::new("foo"));
/// let connection = Connection::new("10.0.0.7".parse()?, "10.0.0.9:9000".parse()?);
///
/// let decision = authorizer.decide(&connection.principal("spiffe://cluster.local/ns/foo/sa/sleep"));
/// assert_eq!(decision.verdict(), Verdict::Allow);
/// assert_eq!(authorizer.decide(&connection.plaintext()).verdict(), Verdict::Deny);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// A decision borrows the names in it:
///
/// ```compile_fail,E0597
/// # use authz_core::{Connection, Mesh, PolicySet, Workload};
/// # let connection = Connection::new("10.0.0.7".parse().unwrap(), "10.0.0.9:9000".parse().unwrap());
/// let decision = {
///     let authorizer = PolicySet::from_yaml("", &Mesh::default()).unwrap().authorizer_for(&Workload::new("foo"));
///     authorizer.decide(&connection)
/// };
/// println!("{decision}");
/// ```
#[derive(Clone, Debug)]
pub struct Authorizer(Arc<Compiled>);

/// How many connections of a batch are looked up before the first of them is handed on.
const BATCH: usize = 16;

#[derive(Debug)]
struct Compiled {
    rules: Arc<CompiledRules>,
    /// Whether there are no CUSTOM rules, and no PeerAuthentication says anything of any port.
    is_plain: bool,
    /// Of a plain one whose rules ask for one large set of addresses alone.
    by_one_set: Option<ByOneSet>,
    selection: Selection,
    mesh: Arc<Mesh>,
    /// What is the same for this authorizer and its clones alone.
    owner: Arc<()>,
}

impl Authorizer {
    pub(crate) fn new(selection: Selection, mesh: &Arc<Mesh>, index_bytes: usize) -> Self {
        let rules = Arc::new(CompiledRules::new(&selection, mesh, index_bytes));
        Self(Arc::new(Compiled::new(rules, selection, mesh)))
    }

    /// The same rules for another workload to which the same policies apply.
    pub(crate) fn with_selection(&self, selection: Selection) -> Self {
        Self(Arc::new(Compiled::new(Arc::clone(&self.0.rules), selection, &self.0.mesh)))
    }

    /// Decides a connection. Allocates nothing.
    ///
    /// A fact that is unknown and decides denies, with [`Reason::UnknownFact`].
    ///
    /// ```
    /// use authz_core::{Connection, Mesh, PolicySet, Reason, Workload};
    ///
    /// let authorizer = PolicySet::from_yaml("", &Mesh::default())?.authorizer_for(&Workload::new("foo"));
    /// let connection = Connection::new("10.0.0.7".parse()?, "10.0.0.9:9000".parse()?);
    /// assert_eq!(authorizer.decide(&connection).reason(), Reason::NoPolicy);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn decide(&self, connection: &Connection<'_>) -> Decision<'_> {
        if let Some(by) = &self.0.by_one_set
            && !IS_SMALL
            && by.is_all
            && let Some(holds) = self.one_set_holds_at_once(connection)
        {
            return Decision::only(by.reason(holds));
        }
        self.decide_at_length(connection)
    }

    // By itself it ends in the bit of a vector and not in a branch for each place of it.
    #[inline(never)]
    fn one_set_holds_at_once(&self, connection: &Connection<'_>) -> Option<bool> {
        self.0.rules.matcher.one_set_holds_at_once(connection)
    }

    #[inline(never)]
    fn decide_at_length(&self, connection: &Connection<'_>) -> Decision<'_> {
        if let Some(reason) = self.0.plain_reason(connection) {
            return Decision::only(reason);
        }
        match self.decide_early(connection) {
            EarlyDecision::Decided(decision) => decision,
            EarlyDecision::Undetermined { needs } => Decision::only(Reason::UnknownFact(needs)),
        }
    }

    /// Decides a connection as soon as the known facts suffice, or says which facts it takes.
    ///
    /// A proxy calls it at each stage: on the new connection with addresses and port, after the TLS
    /// client hello with the server name, after the handshake with the peer. Allocates nothing.
    ///
    /// ```
    /// use authz_core::{Connection, EarlyDecision, Mesh, PolicySet, Verdict, Workload};
    ///
    /// let text = "{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {name: a, namespace: foo},
    ///              spec: {action: DENY, rules: [{from: [{source: {ipBlocks: [10.0.0.0/8]}}]}]}}";
    /// let authorizer = PolicySet::from_yaml(text, &Mesh::default())?.authorizer_for(&Workload::new("foo"));
    /// // Nothing is known of the peer, and nothing needs to be.
    /// match authorizer.decide_early(&Connection::new("10.0.0.7".parse()?, "10.0.0.9:9000".parse()?)) {
    ///     EarlyDecision::Decided(decision) => assert_eq!(decision.verdict(), Verdict::Deny),
    ///     EarlyDecision::Undetermined { needs } => panic!("waits for {needs}"),
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn decide_early(&self, connection: &Connection<'_>) -> EarlyDecision<'_> {
        match self.0.decide(connection) {
            Ok(decision) => EarlyDecision::Decided(decision),
            Err(needs) => EarlyDecision::Undetermined { needs },
        }
    }

    /// Whether a connection may pass: the verdict of [`decide`](Self::decide) alone.
    ///
    /// ```
    /// use authz_core::{Connection, Mesh, PolicySet, Workload};
    ///
    /// let authorizer = PolicySet::from_yaml("", &Mesh::default())?.authorizer_for(&Workload::new("foo"));
    /// assert!(authorizer.allows(&Connection::new("10.0.0.7".parse()?, "10.0.0.9:9000".parse()?)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn allows(&self, connection: &Connection<'_>) -> bool {
        match &self.0.by_one_set {
            Some(by) if !IS_SMALL => self.allows_by_one_set(connection, by),
            _ => self.allows_by_rules(connection),
        }
    }

    // These stand by themselves, as nothing should be made ready for what is not needed: one look at a list of
    // addresses takes no longer than that.
    #[inline(never)]
    fn allows_by_one_set(&self, connection: &Connection<'_>, by: &ByOneSet) -> bool {
        match self.0.rules.matcher.one_set_holds_at_once(connection) {
            Some(holds) => by.allows(holds),
            None => self.allows_by_one_set_at_length(connection, by),
        }
    }

    #[inline(never)]
    fn allows_by_one_set_at_length(&self, connection: &Connection<'_>, by: &ByOneSet) -> bool {
        match self.0.rules.matcher.one_set_holds(connection) {
            Some(holds) => by.allows(holds),
            None => self.allows_by_rules(connection),
        }
    }

    #[inline(never)]
    fn allows_by_rules(&self, connection: &Connection<'_>) -> bool {
        self.0.allows(connection).unwrap_or_else(|| self.decide(connection).verdict() == Verdict::Allow)
    }

    /// The same from a memory of the caller's.
    ///
    /// ```
    /// use authz_core::{Connection, DecisionCache, Mesh, PolicySet, Workload};
    ///
    /// let authorizer = PolicySet::from_yaml("", &Mesh::default())?.authorizer_for(&Workload::new("foo"));
    /// let mut cache = DecisionCache::new(1024);
    /// let connection = Connection::new("10.0.0.7".parse()?, "10.0.0.9:9000".parse()?).plaintext();
    /// assert_eq!(authorizer.allows_cached(&connection, &mut cache), authorizer.allows(&connection));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn allows_cached(&self, connection: &Connection<'_>, cache: &mut DecisionCache) -> bool {
        if self.0.rules.matcher.reads().contains(FactSet::METADATA) {
            return self.allows(connection);
        }
        cache.allows(&self.0.owner, connection, || self.allows(connection))
    }

    /// Decides many connections, each handed to `each` with its place, in order. Allocates nothing.
    ///
    /// ```
    /// use authz_core::{Connection, Mesh, PolicySet, Verdict, Workload};
    ///
    /// let authorizer = PolicySet::from_yaml("", &Mesh::default())?.authorizer_for(&Workload::new("foo"));
    /// let connections = [80, 443].map(|port| Connection::new([10, 0, 0, 7].into(), ([10, 0, 0, 9], port).into()));
    /// let mut allowed = 0;
    /// authorizer.decide_batch(&connections, |_, decision| allowed += usize::from(decision.verdict() == Verdict::Allow));
    /// assert_eq!(allowed, 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn decide_batch<'a>(&'a self, connections: &[Connection<'_>], mut each: impl FnMut(usize, Decision<'a>)) {
        for (start, batch) in (0..).step_by(BATCH).zip(connections.chunks(BATCH)) {
            // Looks at a large set wait for memory together, if nothing else comes between them.
            let mut held = [None; BATCH];
            if let (false, Some(ByOneSet { is_all: true, .. })) = (IS_SMALL, &self.0.by_one_set) {
                let matcher = &self.0.rules.matcher;
                held.iter_mut().zip(batch).for_each(|(held, connection)| *held = matcher.one_set_holds_at_once(connection));
            }
            for ((at, connection), held) in (start..).zip(batch).zip(held) {
                let by = self.0.by_one_set.as_ref().zip(held);
                each(at, by.map_or_else(|| self.decide_at_length(connection), |(by, holds)| Decision::only(by.reason(holds))));
            }
        }
    }

    /// Looks up the identities of a peer, the URI SANs of its certificate, once for all connections of
    /// its TLS session; [`Connection::peer`] states it. Allocates.
    ///
    /// ```
    /// use authz_core::{Connection, Mesh, PolicySet, Workload};
    ///
    /// let authorizer = PolicySet::from_yaml("", &Mesh::default())?.authorizer_for(&Workload::new("foo"));
    /// let peer = authorizer.peer(&["spiffe://cluster.local/ns/foo/sa/sleep"]);
    /// let connection = Connection::new("10.0.0.7".parse()?, "10.0.0.9:9000".parse()?);
    /// assert!(authorizer.allows(&connection.peer(&peer)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn peer(&self, identities: &[&str]) -> Peer {
        self.0.rules.matcher.peer(identities)
    }

    /// How the rules are arranged, and the bytes that takes.
    ///
    /// ```
    /// use authz_core::{Mesh, PolicySet, Workload};
    ///
    /// let authorizer = PolicySet::from_yaml("", &Mesh::default())?.authorizer_for(&Workload::new("foo"));
    /// assert_eq!(authorizer.stats().rules, 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn stats(&self) -> Stats {
        self.0.rules.matcher.stats()
    }

    /// The facts that rules or mTLS modes ask for; no other can change a decision or what is reported
    /// beside it, so a host need not find it out.
    ///
    /// ```
    /// use authz_core::{FactSet, Mesh, PolicySet, Workload};
    ///
    /// let text = "{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {name: a, namespace: foo},
    ///              spec: {rules: [{to: [{operation: {ports: ['80']}}]}]}}";
    /// let authorizer = PolicySet::from_yaml(text, &Mesh::default())?.authorizer_for(&Workload::new("foo"));
    /// assert_eq!(authorizer.reads(), FactSet::DESTINATION_PORT);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn reads(&self) -> FactSet {
        self.0.rules.matcher.reads() | self.0.selection.mtls.reads()
    }

    /// The policies that apply to the workload and may be named in a decision: by action and name, then
    /// the `PeerAuthentication`s that set the mode of a port.
    ///
    /// ```
    /// use authz_core::{Action, Mesh, PolicySet, Workload};
    ///
    /// let text = "{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {name: a, namespace: foo}}";
    /// let authorizer = PolicySet::from_yaml(text, &Mesh::default())?.authorizer_for(&Workload::new("foo"));
    /// let policy = authorizer.policies().next().unwrap();
    /// assert_eq!((policy.id.to_string().as_str(), policy.action, policy.is_dry_run), ("foo/a", Some(Action::Allow), false));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn policies(&self) -> impl Iterator<Item = AppliedPolicy<'_>> {
        self.0.selection.applied()
    }

    /// Decides a connection the slow way and keeps every step of it.
    ///
    /// ```
    /// use authz_core::{Connection, Mesh, PolicySet, Workload};
    ///
    /// let authorizer = PolicySet::from_yaml("", &Mesh::default())?.authorizer_for(&Workload::new("foo"));
    /// let explanation = authorizer.explain(&Connection::new("10.0.0.7".parse()?, "10.0.0.9:9000".parse()?));
    /// assert!(explanation.to_string().contains("no policy applies to the workload"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn explain(&self, connection: &Connection<'_>) -> Explanation<'_> {
        let decision = explain::decide(&self.0.selection, &self.0.mesh, connection);
        let decision = decision.unwrap_or_else(|needs| Decision::only(Reason::UnknownFact(needs)));
        explain::explain(&self.0.selection, &self.0.mesh, connection, decision)
    }

    /// The same without its rules, which it does not lose.
    #[cfg(test)]
    pub(crate) fn with_lost_rules(&self) -> Self {
        let mut rules = CompiledRules::clone(&self.0.rules);
        rules.matcher.lose_rules();
        Self(Arc::new(Compiled::new(Arc::new(rules), self.0.selection.clone(), &self.0.mesh)))
    }

    pub(crate) fn selection(&self) -> &Selection {
        &self.0.selection
    }

    pub(crate) fn mesh(&self) -> &Mesh {
        &self.0.mesh
    }
}

impl Compiled {
    fn new(rules: Arc<CompiledRules>, selection: Selection, mesh: &Arc<Mesh>) -> Self {
        let opens_all_ports = matches!(selection.mtls.of_all_ports(), Some(PortMtls { policy: None, .. }));
        let is_plain = opens_all_ports && !rules.has.custom;
        let by_one_set = if is_plain && !IS_SMALL { ByOneSet::new(&rules) } else { None };
        Self { is_plain, by_one_set, rules, selection, mesh: Arc::clone(mesh), owner: Arc::new(()) }
    }

    /// The verdict, if it takes no more than DENY and ALLOW rules and facts that are known.
    #[inline]
    fn allows(&self, connection: &Connection<'_>) -> Option<bool> {
        if !self.is_plain && (self.rules.has.custom || self.mtls(connection) != Ok(FactSet::EMPTY)) {
            return None;
        }
        let [denies, allows] = self.rules.matcher.any(connection, [DENY, ALLOW])?;
        Some(!denies && (!self.rules.has.allow || allows))
    }

    fn decide(&self, connection: &Connection<'_>) -> Result<Decision<'_>, FactSet> {
        let needs = match self.mtls(connection) {
            Ok(needs) => needs,
            Err(reason) => return Ok(Decision::only(reason)),
        };
        self.weigh(needs, &self.rules.matcher.answer(connection))
    }

    /// The reason, if there is nothing beside it and it takes no more than [`allows`](Self::allows) does.
    #[inline]
    fn plain_reason(&self, connection: &Connection<'_>) -> Option<Reason<'_>> {
        if !self.is_plain || self.rules.has.audit || self.rules.has.shadow_deny || self.rules.has.shadow_allow {
            return None;
        }
        if let Some(by) = &self.by_one_set
            && !IS_SMALL
        {
            return self.rules.matcher.one_set_holds(connection).map(|holds| by.reason(holds));
        }
        Some(match self.rules.matcher.first(connection, [DENY, ALLOW])? {
            Some((0, rule)) => Reason::DenyPolicy(rule),
            Some((_, rule)) => Reason::AllowPolicy(rule),
            None if self.rules.has.allow => Reason::NoAllowMatch,
            None => Reason::NoPolicy,
        })
    }

    /// The order of the reference, over a connection that gets past the mTLS mode but for `needs`.
    fn weigh(&self, needs: FactSet, answer: &Answer) -> Result<Decision<'_>, FactSet> {
        let misconfigured = if self.rules.has.custom { self.rules.matcher.of(answer, MISCONFIGURED) } else { Match::NONE };
        let (providers, custom_needs) = self.providers(answer);
        let deny = self.rules.matcher.of(answer, DENY);
        let allow = if self.rules.has.allow { self.rules.matcher.of(answer, ALLOW) } else { Match::NONE };
        let audit = if self.rules.has.audit { self.rules.matcher.of(answer, AUDIT).id() } else { None };
        let mut beside = Beside { providers, audit, ..Beside::default() };
        if self.rules.has.shadow_deny || self.rules.has.shadow_allow {
            self.shadow(answer, deny, allow, &mut beside);
        }
        if let Some(rule) = misconfigured.id() {
            beside.head = Some(Reason::CustomMisconfigured(rule));
            beside.providers = Providers::default();
            return Ok(Decision::new(Reason::NoPolicy, beside));
        }
        let needs = needs | custom_needs | misconfigured.needs;
        // What the mode or a provider may still deny, dry-run policies cannot promise.
        if let Some(tail) = &mut beside.shadow_tail
            && tail.verdict() == Verdict::Allow
            && !needs.is_empty()
        {
            *tail = Reason::UnknownFact(needs);
        }
        let tail = tail(deny, allow, self.rules.has.allow);
        match tail {
            Ok(reason) if needs.is_empty() => Ok(Decision::new(reason, beside)),
            Ok(reason) if reason.verdict() == Verdict::Deny => {
                Ok(Decision::new(reason, Beside { providers: Providers::default(), ..beside }))
            }
            Ok(_) => Err(needs),
            Err(more) => Err(needs | more),
        }
    }

    /// What the mode of the port says: a denial, or the facts without which there might be one.
    fn mtls(&self, connection: &Connection<'_>) -> Result<FactSet, Reason<'_>> {
        let port = match connection.port() {
            Fact::Known(port) => Some(self.selection.mtls.of_port(port)),
            Fact::Unknown | Fact::Absent => self.selection.mtls.of_all_ports(),
        };
        let Some(PortMtls { mode, policy: Some(policy) }) = port else {
            let needs = if port.is_none() { FactSet::DESTINATION_PORT } else { FactSet::EMPTY };
            return Ok(needs);
        };
        match (mode, connection.transport_fact()) {
            (Mode::Permissive | Mode::Unset, _) => Ok(FactSet::EMPTY),
            (Mode::Strict | Mode::Disable, Fact::Unknown) => Ok(FactSet::TRANSPORT),
            (Mode::Strict, Fact::Known(Transport::MeshMtls)) => Ok(FactSet::EMPTY),
            (Mode::Strict, Fact::Absent | Fact::Known(Transport::Plaintext | Transport::Tls)) => Err(Reason::StrictMtls(policy)),
            (Mode::Disable, Fact::Known(Transport::MeshMtls)) => Err(Reason::TlsNotTerminated(policy)),
            (Mode::Disable, Fact::Absent | Fact::Known(Transport::Plaintext | Transport::Tls)) => Ok(FactSet::EMPTY),
        }
    }

    /// The providers to ask, in order, and what it takes to be certain of them.
    fn providers<'a>(&'a self, answer: &Answer) -> (Providers<'a>, FactSet) {
        let mut asked = Providers::default();
        let mut needs = FactSet::EMPTY;
        let mut free = asked.iter_mut();
        for (n, name) in self.rules.providers.iter().enumerate() {
            let matched = self.rules.matcher.of(answer, PROVIDERS + n);
            needs |= matched.needs;
            if let Some(rule) = matched.id()
                && let Some(slot) = free.next()
            {
                *slot = Some((rule, name));
            }
        }
        (asked, needs)
    }

    /// The results of the dry-run policies, and of all policies together.
    fn shadow<'a>(&'a self, answer: &Answer, deny: Match<'a>, allow: Match<'a>, beside: &mut Beside<'a>) {
        let (mut shadow_deny, mut shadow_allow) = (Match::NONE, Match::NONE);
        if self.rules.has.shadow_deny {
            shadow_deny = self.rules.matcher.of(answer, SHADOW_DENY);
            beside.shadow_deny = match shadow_deny.id() {
                Some(rule) => Shadow::Denied(Some(rule)),
                None if shadow_deny.needs.is_empty() => Shadow::Allowed(None),
                None => Shadow::Unknown(shadow_deny.needs),
            };
        }
        if self.rules.has.shadow_allow {
            shadow_allow = self.rules.matcher.of(answer, SHADOW_ALLOW);
            beside.shadow_allow = match shadow_allow.id() {
                Some(rule) => Shadow::Allowed(Some(rule)),
                None if shadow_allow.needs.is_empty() => Shadow::Denied(None),
                None => Shadow::Unknown(shadow_allow.needs),
            };
        }
        let has_allow = self.rules.has.allow || self.rules.has.shadow_allow;
        let tail = tail(deny.merge(shadow_deny), allow.merge(shadow_allow), has_allow);
        beside.shadow_tail = Some(tail.unwrap_or_else(Reason::UnknownFact));
    }
}

/// DENY before ALLOW.
fn tail<'a>(deny: Match<'a>, allow: Match<'a>, has_allow: bool) -> Result<Reason<'a>, FactSet> {
    if let Some(rule) = deny.id() {
        return Ok(Reason::DenyPolicy(rule));
    }
    if has_allow && allow.is_certain_miss() {
        return Ok(Reason::NoAllowMatch);
    }
    let needs = if has_allow { deny.needs | allow.needs } else { deny.needs };
    match allow.id() {
        _ if !needs.is_empty() => Err(needs),
        Some(rule) if has_allow => Ok(Reason::AllowPolicy(rule)),
        Some(_) | None => Ok(Reason::NoPolicy),
    }
}
