//! What must hold of every scenario.

use authz_core::{Authorizer, Change, Connection, Decision, EarlyDecision, Fact, FactSet, ProviderAnswer, Reason, Verdict};

use crate::draw::Draw;
use crate::facts::Facts;
use crate::failure::Failure;
use crate::scenario::Scenario;
use crate::shrink;

/// Checks everything in this module for a scenario and its connections.
///
/// # Errors
///
/// The first property that does not hold, for as small a set of policies as was found.
pub fn scenario(scenario: &Scenario, draw: &mut Draw<'_>) -> Result<(), Failure> {
    let load = |scenario: &Scenario| scenario.load().map_err(|error| shrink::load_failure(scenario, &error));
    let (strict, lenient) = (load(scenario)?, load(&scenario.lenient())?);
    for facts in &scenario.connections {
        let full = facts.completed(draw);
        connection(scenario, &strict, facts, &full)?;
        same_decision(scenario, [("strict", &strict), ("lenient", &lenient)], facts)?;
    }
    mistake(scenario, &strict, draw).map(|_| ())
}

/// Makes a mistake in the policies and checks that a lenient load allows no more than was meant. `meant`
/// is what they are without it. Answers whether the mistake is an error that a lenient load reads past.
///
/// # Errors
///
/// When the lenient load allows more.
pub fn mistake(scenario: &Scenario, meant: &Authorizer, draw: &mut Draw<'_>) -> Result<bool, Failure> {
    let broken = scenario.with_mistake(draw).lenient();
    let Some(loads) = Loads::new(meant.clone(), &broken) else { return Ok(false) };
    for _ in 0..20 {
        let facts = Facts::draw_known(draw);
        if let Some(what) = loads.widening(&facts) {
            return Err(smallest_widening(scenario.clone(), broken, &facts, what));
        }
    }
    Ok(true)
}

/// Checks one connection, and what it is once everything is known.
///
/// # Errors
///
/// The first property that does not hold, for as small a set of policies as was found.
pub fn connection(scenario: &Scenario, authorizer: &Authorizer, facts: &Facts, full: &Facts) -> Result<(), Failure> {
    let all = |scenario: &Scenario, authorizer: &Authorizer| {
        decide_and_explain_agree(scenario, authorizer, facts)?;
        decide_and_explain_agree(scenario, authorizer, full)?;
        nearest_misses_are_true(scenario, authorizer, full)?;
        early_keeps_its_word(scenario, authorizer, facts, full)
    };
    all(scenario, authorizer).map_err(|failure| shrink::smallest(scenario, failure, all))
}

/// `decide` and `explain` say the same: reason, audit mark, dry-run results and providers.
///
/// # Errors
///
/// When they do not.
pub fn decide_and_explain_agree(scenario: &Scenario, authorizer: &Authorizer, facts: &Facts) -> Result<(), Failure> {
    facts.with(|connection| {
        let decided = authorizer.decide(connection);
        let explanation = authorizer.explain(connection);
        // Whatever it says, it can be printed.
        let printed = explanation.to_string();
        let fails = |what: String| Err(scenario.failure(facts, format!("{what}\n\nexplain prints:\n{printed}")));
        if let Some(difference) = difference(decided, explanation.decision) {
            return fails(format!("`decide` and `explain` differ: {difference}"));
        }
        let identities: Vec<&str> = connection.identities().collect();
        if !identities.is_empty() {
            let peer = authorizer.peer(&identities);
            if let Some(difference) = difference(authorizer.decide(&connection.peer(&peer)), decided) {
                return fails(format!("a peer that was resolved before is decided differently: {difference}"));
            }
        }
        if authorizer.allows(connection) != (decided.verdict() == Verdict::Allow) {
            return fails("`allows` and `decide` differ".into());
        }
        if matches!(decided.reason(), Reason::UnknownFact(_))
            != matches!(authorizer.decide_early(connection), EarlyDecision::Undetermined { .. })
        {
            return fails(
                "`decide` says `unknown-fact` exactly when `decide_early` is undetermined, and here it is not so".into(),
            );
        }
        Ok(())
    })
}

/// What two decisions say differently, through every answer of the providers.
fn difference(mut decided: Decision<'_>, mut explained: Decision<'_>) -> Option<String> {
    loop {
        let pair = |what: &str, decided: String, explained: String| {
            (decided != explained).then(|| format!("{what}: decide: {decided}; explain: {explained}"))
        };
        let (a, b) = (decided.reason(), explained.reason());
        let difference = if a == b { None } else { Some(format!("decide: {a}; explain: {b}")) };
        let difference = difference
            .or_else(|| pair("verdict", decided.verdict().to_string(), explained.verdict().to_string()))
            .or_else(|| pair("audit", format!("{:?}", decided.audit()), format!("{:?}", explained.audit())))
            .or_else(|| pair("dry run", format!("{:?}", decided.dry_run()), format!("{:?}", explained.dry_run())))
            .or_else(|| pair("provider", format!("{:?}", decided.provider()), format!("{:?}", explained.provider())));
        if difference.is_some() || decided.provider().is_none() {
            return difference;
        }
        decided = decided.with_provider(ProviderAnswer::Allow);
        explained = explained.with_provider(ProviderAnswer::Allow);
    }
}

/// What `explain` says would be decided after the changes of a nearest miss is decided then.
///
/// # Errors
///
/// When something else is.
pub fn nearest_misses_are_true(scenario: &Scenario, authorizer: &Authorizer, facts: &Facts) -> Result<(), Failure> {
    facts.with(|connection| {
        for miss in authorizer.explain(connection).nearest {
            let changed = miss.changes.iter().try_fold(*connection, |connection, change| changed(connection, change));
            let then = changed.map(|connection| authorizer.decide(&connection).verdict());
            if let (Some(said), Some(then)) = (miss.then, then)
                && said != then
            {
                return Err(scenario.failure(facts, format!("a nearest miss ends in {said}, and it is {then}: {miss}")));
            }
        }
        Ok(())
    })
}

/// A connection with one change made; nothing where the change has no example.
fn changed<'a>(connection: Connection<'a>, change: &'a Change) -> Option<Connection<'a>> {
    let example = change.example.as_deref()?;
    let address = || example.parse().ok().map(Fact::Known);
    Some(match FactSet::named(change.fact)? {
        FactSet::SOURCE_IP => connection.source_ip(address()?),
        FactSet::REMOTE_IP => connection.remote_ip(address()?),
        FactSet::DESTINATION_IP => connection.destination_ip(address()?),
        FactSet::DESTINATION_PORT => connection.destination_port(Fact::Known(example.parse().ok()?)),
        FactSet::PEER if example.is_empty() => connection.principals(&[]),
        FactSet::PEER => connection.principal(example),
        FactSet::SNI => connection.sni(example),
        _ => return None,
    })
}

/// The verdict if every provider allows.
fn settled(mut decision: Decision<'_>) -> Verdict {
    while decision.provider().is_some() {
        decision = decision.with_provider(ProviderAnswer::Allow);
    }
    decision.verdict()
}

/// What `decide_early` says stays true when more becomes known, and what it asks for leads to an answer.
///
/// `full` is what the connection is once everything is known.
///
/// # Errors
///
/// When it takes something back, asks for what is known, or never comes to an answer.
pub fn early_keeps_its_word(scenario: &Scenario, authorizer: &Authorizer, facts: &Facts, full: &Facts) -> Result<(), Failure> {
    let (verdict, if_providers_allow) = full.with(|connection| {
        let decision = authorizer.decide(connection);
        (decision.verdict(), settled(decision))
    });
    let mut stage = facts.clone();
    // Each stage makes one fact known at least.
    for _ in 0..=FactSet::NAMES.len() {
        let needs = match stage.with(|connection| early(authorizer, connection)) {
            Ok(early) if early == (verdict, if_providers_allow) => return Ok(()),
            Ok((said, _)) if said != verdict => {
                let what = format!(
                    "`decide_early` said {said} and with all facts it is {verdict}; they are {}",
                    full.to_node().to_flow()
                );
                return Err(scenario.failure(&stage, what));
            }
            Ok((_, said)) => {
                let what = format!(
                    "`decide_early` said that it is {said} if the providers allow and with all facts it is {if_providers_allow}"
                );
                return Err(scenario.failure(&stage, format!("{what}; they are {}", full.to_node().to_flow())));
            }
            Err(needs) => needs,
        };
        if needs.is_empty() || !stage.unknown().contains(needs) {
            let what = format!("`decide_early` needs [{needs}] and what is unknown is [{}]", stage.unknown());
            return Err(scenario.failure(&stage, what));
        }
        stage = stage.learned(needs, full);
    }
    Err(scenario.failure(&stage, "`decide_early` is undetermined with every fact that it asked for"))
}

/// The verdict, and the verdict if every provider allows; or what is needed.
fn early(authorizer: &Authorizer, connection: &Connection<'_>) -> Result<(Verdict, Verdict), FactSet> {
    match authorizer.decide_early(connection) {
        EarlyDecision::Decided(decision) => Ok((decision.verdict(), settled(decision))),
        EarlyDecision::Undetermined { needs } => Err(needs),
    }
}

/// Two loads of the same policies decide alike.
///
/// # Errors
///
/// When they do not.
pub fn same_decision(scenario: &Scenario, loads: [(&str, &Authorizer); 2], facts: &Facts) -> Result<(), Failure> {
    let [(one, first), (other, second)] = loads;
    facts.with(|connection| match difference(first.decide(connection), second.decide(connection)) {
        None => Ok(()),
        Some(difference) => {
            Err(scenario.failure(facts, format!("a {one} and a {other} load differ, in this order: {difference}")))
        }
    })
}

/// Policies as they were meant, and as a lenient load reads them with a mistake in them.
struct Loads {
    meant: Authorizer,
    lenient: Authorizer,
}

impl Loads {
    /// Nothing where the mistake is none, or where not even a lenient load reads past it.
    fn new(meant: Authorizer, broken: &Scenario) -> Option<Self> {
        let lenient = broken.load().ok()?;
        let is_error = broken.strict().load().is_err();
        is_error.then_some(Self { meant, lenient })
    }

    /// What the lenient load allows and was not meant to be allowed. A port that cannot speak the
    /// client's TLS is no restriction, so what `tls-not-terminated` denies does not count.
    fn widening(&self, facts: &Facts) -> Option<String> {
        facts.with(|connection| {
            let (meant, lenient) = (self.meant.decide(connection), self.lenient.decide(connection));
            let is_wider = settled(lenient) == Verdict::Allow
                && settled(meant) == Verdict::Deny
                && !matches!(meant.reason(), Reason::TlsNotTerminated(_));
            is_wider.then(|| format!("a lenient load allows what was denied: {lenient}; it was {meant}"))
        })
    }
}

fn smallest_widening(mut scenario: Scenario, mut broken: Scenario, facts: &Facts, mut what: String) -> Failure {
    for at in (0..scenario.resources.len()).rev() {
        if scenario.resources.get(at) != broken.resources.get(at) {
            continue;
        }
        let (fewer, fewer_broken) = (scenario.without(at), broken.without(at));
        if let Some(smaller) = fewer.load().ok().and_then(|meant| Loads::new(meant, &fewer_broken)?.widening(facts)) {
            (scenario, broken, what) = (fewer, fewer_broken, smaller);
        }
    }
    broken.failure(facts, format!("{what}. Without the mistake the policies are:\n{}", scenario.text()))
}
