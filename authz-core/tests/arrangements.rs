//! Every arrangement of rules decides as the plain evaluator does: few rules and many, those that share
//! their rarest value, those of which nothing is rare, and sets of thousands of ranges.
//!
//! `AUTHZ_SEED=N cargo test -p authz-core --test arrangements` tries others.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that panics has failed, as it should"
)]

use std::fmt::Write as _;
use std::net::IpAddr;

use authz_core::{
    Authorizer, Connection, Decision, DecisionCache, EarlyDecision, Fact, Limits, Mesh, PolicyLoader, PolicySet, Stats, Verdict,
    Workload,
};
use authz_testgen::{Draw, Facts, Failure, Scenario, check, seeded_bytes};

/// How many policies a scenario has, and how many scenarios there are of that size.
const SIZES: [(usize, u64); 5] = [(0, 40), (20, 60), (60, 60), (200, 12), (600, 2)];

const CONNECTIONS: usize = 30;

/// With this feature all rows have one word.
const IS_SMALL: bool = cfg!(feature = "small");

/// How many bits the rows have that many rules get where there is memory.
const WIDE: usize = if IS_SMALL { 64 } else { 256 };

/// What has to be reached, and in how many scenarios at least.
const REACHED: [(&str, IsReached, usize); 8] = [
    ("a row of one word", |stats| (1..=64).contains(&stats.small), 20),
    ("a row of four words", |stats| stats.small > 64, if IS_SMALL { 0 } else { 20 }),
    ("lists by what is rarest", |stats| stats.keyed > 0, 10),
    ("lists that tell all of a rule", |stats| stats.told > 0, if IS_SMALL { 0 } else { 10 }),
    ("lists that do not", |stats| stats.keyed > stats.told, 10),
    ("wide rows beside them", |stats| stats.keyed > 0 && stats.block_bits == WIDE, 10),
    ("rows of one word to save memory", |stats| stats.block_bits == 64, 10),
    ("rules that are asked the plain way", |stats| stats.asked > 0, 60),
];

type IsReached = fn(&Stats) -> bool;

#[test]
fn many_rules_are_decided_as_they_are_explained() {
    let seed = std::env::var("AUTHZ_SEED").map_or(1, |seed| seed.parse().expect("AUTHZ_SEED is a number"));
    let mut reached = [0; REACHED.len()];
    for (policies, scenarios) in SIZES {
        for index in 0..scenarios {
            let number = u64::try_from(policies).unwrap() << 32 | index;
            let bytes = seeded_bytes(number.wrapping_mul(0x9e37_79b9).wrapping_add(seed), (policies + 40) << 11);
            let mut draw = Draw::new(&bytes);
            let scenario = Scenario::draw_large(&mut draw, policies);
            let fails = |failure: Failure| panic!("AUTHZ_SEED={seed}, {policies} policies, scenario {index}: {failure}");
            // Every third has no memory for what is fast.
            let limits = Limits { index_bytes: if index % 3 == 2 { 0 } else { 64 << 20 }, ..Limits::default() };
            let authorizer =
                scenario.load_within(limits).unwrap_or_else(|error| panic!("AUTHZ_SEED={seed}, {policies}, {index}: {error}"));
            let stats = authorizer.stats();
            for ((_, holds, _), count) in REACHED.iter().zip(&mut reached) {
                *count += usize::from(holds(&stats));
            }
            let mut cache = DecisionCache::new(16);
            for _ in 0..CONNECTIONS {
                let facts = Facts::draw(&mut draw);
                let full = facts.completed(&mut draw);
                check::decide_and_explain_agree(&scenario, &authorizer, &facts).unwrap_or_else(fails);
                check::decide_and_explain_agree(&scenario, &authorizer, &full).unwrap_or_else(fails);
                check::early_keeps_its_word(&scenario, &authorizer, &facts, &full).unwrap_or_else(fails);
                full.with(|connection| every_way_agrees(&authorizer, connection, &mut cache));
                facts.with(|connection| every_way_agrees(&authorizer, connection, &mut cache));
            }
        }
    }
    for ((name, _, least), count) in REACHED.iter().zip(reached) {
        assert!(count >= *least, "{name}: reached in {count} scenarios, and should be in {least}");
    }
}

/// Whatever way a connection is asked about, the answer is that of `decide`.
fn every_way_agrees(authorizer: &Authorizer, connection: &Connection<'_>, cache: &mut DecisionCache) {
    let decision = authorizer.decide(connection);
    let allows = decision.verdict() == Verdict::Allow;
    assert_eq!(authorizer.allows(connection), allows, "{connection:?}");
    for _ in 0..2 {
        assert_eq!(authorizer.allows_cached(connection, cache), allows, "{connection:?}");
    }
    authorizer.decide_batch(&[*connection, *connection], |_, batch| assert_eq!(batch, decision, "{connection:?}"));
    let identities: Vec<&str> = connection.identities().collect();
    if !identities.is_empty() {
        let peer = authorizer.peer(&identities);
        let other = PolicySet::from_yaml("", &Mesh::default()).unwrap().authorizer_for(&Workload::new("other")).peer(&identities);
        // Of a peer that another authorizer resolved nothing is taken but its identities.
        for peer in [&peer, &other] {
            let resolved = connection.peer(peer);
            assert_eq!(authorizer.decide(&resolved), decision, "{connection:?}");
            assert_eq!(early(authorizer, &resolved), early(authorizer, connection), "{connection:?}");
            for _ in 0..2 {
                assert_eq!(authorizer.allows_cached(&resolved, cache), allows, "{connection:?}");
            }
        }
    }
}

fn early<'a>(authorizer: &'a Authorizer, connection: &Connection<'_>) -> Option<Decision<'a>> {
    match authorizer.decide_early(connection) {
        EarlyDecision::Decided(decision) => Some(decision),
        EarlyDecision::Undetermined { .. } => None,
    }
}

/// Policies with block lists of so many ranges that each is kept apart.
fn block_lists(family: &str, rules: usize) -> String {
    let block = |n: u32| match family {
        "v4" => format!("'10.{}.{}.{}/31'", n >> 14 & 0xff, n >> 6 & 0xff, n << 2 & 0xff),
        _ => format!("'2001:db8:{:x}:{:x}::/66'", n >> 8, n & 0xff),
    };
    let list = |from: u32| (from..from + 5000).map(block).collect::<Vec<_>>().join(", ");
    let mut text = String::new();
    let mut rule = |name: &str, action: &str, source: &str| {
        writeln!(
            text,
            "---\n{{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {{name: {name}, namespace: foo}}, \
             spec: {{action: {action}, rules: [{{from: [{{source: {{{source}}}}}]}}]}}}}"
        )
        .unwrap();
    };
    rule("blocked", "DENY", &format!("ipBlocks: [{}]", list(0)));
    rule("blocked-too", "DENY", &format!("ipBlocks: [{}], namespaces: [bar]", list(5000)));
    rule("friends", "ALLOW", &format!("notIpBlocks: [{}]", list(10_000)));
    rule("remote", "AUDIT", &format!("remoteIpBlocks: [{}]", list(2000)));
    for n in 0..rules {
        rule(
            &format!("rule-{n}"),
            "ALLOW",
            &format!("ipBlocks: [10.{}.0.0/16], principals: [cluster.local/ns/foo/sa/{n}]", n % 200),
        );
    }
    text
}

#[test]
fn block_lists_of_thousands_are_kept_apart_and_decide_the_same() {
    for (family, rules) in [("v4", 0), ("v6", 0), ("v4", 400), ("v6", 400)] {
        let policies = PolicySet::from_yaml(&block_lists(family, rules), &Mesh::default()).unwrap();
        let authorizer = policies.authorizer_for(&Workload::new("foo"));
        assert_eq!(authorizer.stats().large_sets, 4, "{family} {rules}: {}", authorizer.stats());
        let addresses = (0..15_200_u32).step_by(1013).flat_map(|n| {
            let first: IpAddr = match family {
                "v4" => IpAddr::from((10_u32 << 24 | n << 2).to_be_bytes()),
                _ => IpAddr::from((0x2001_0db8_u128 << 96 | u128::from(n >> 8) << 80 | u128::from(n & 0xff) << 64).to_be_bytes()),
            };
            [-1, 0, 1, 2, 3].map(|step| shift(first, step))
        });
        let mut cache = DecisionCache::new(64);
        for (n, source) in addresses.enumerate() {
            let connection = Connection::new(source, "10.0.0.9:80".parse().unwrap()).without_sni();
            let identity = format!("spiffe://cluster.local/ns/{}/sa/{}", if n % 3 == 0 { "bar" } else { "foo" }, n % 500);
            for connection in
                [connection, connection.plaintext(), connection.principal(&identity), connection.source_ip(Fact::Unknown)]
            {
                assert_eq!(authorizer.decide(&connection), authorizer.explain(&connection).decision, "{connection:?}");
                every_way_agrees(&authorizer, &connection, &mut cache);
            }
        }
    }
}

#[test]
fn a_block_list_alone_decides_as_it_is_explained_whatever_is_beside_it() {
    let policy = |name: &str, spec: &str| {
        format!(
            "---\n{{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {{name: {name}, namespace: foo}}, spec: {spec}}}\n"
        )
    };
    let audit = policy("audit", "{action: AUDIT, rules: [{}]}");
    let everyone = policy("everyone", "{rules: [{}]}");
    let nobody = policy("nobody", "{}");
    let strict = "---\n{apiVersion: security.istio.io/v1, kind: PeerAuthentication, metadata: {name: all, namespace: foo}, \
                  spec: {mtls: {mode: STRICT}}}\n";
    // Some are spread evenly, some crowd.
    let blocks = |family: &str| -> Vec<String> {
        let even = (0..5000_u32).map(|n| match family {
            "v4" => format!("10.{}.{}.{}/31", n >> 14, n >> 6 & 0xff, n << 2 & 0xff),
            _ => format!("2001:db8:{:x}:{:x}::/66", n >> 8, n & 0xff),
        });
        let crowd = (0..64).map(|n| if family == "v4" { format!("192.0.2.{}", 2 * n) } else { format!("2001:db8::{:x}", 2 * n) });
        even.chain(crowd).collect()
    };
    for family in ["v4", "v6"] {
        for (field, action) in [("ipBlocks", "DENY"), ("notIpBlocks", "ALLOW"), ("remoteIpBlocks", "DENY")] {
            let list = format!(
                "{{action: {action}, rules: [{{from: [{{source: {{{field}: ['{}']}}}}]}}]}}",
                blocks(family).join("', '")
            );
            let list = policy("list", &list);
            for beside in ["", &audit, &everyone, &nobody, strict] {
                let policies = PolicySet::from_yaml(&format!("{list}{beside}"), &Mesh::default()).unwrap();
                let authorizer = policies.authorizer_for(&Workload::new("foo"));
                assert_eq!(authorizer.stats().large_sets, 1, "{}", authorizer.stats());
                let addresses =
                    ["10.0.0.0", "10.0.78.28", "192.0.2.0", "192.0.2.126", "2001:db8::", "2001:db8:13:87::", "2001:db8::7e"];
                let connections: Vec<Connection<'_>> = addresses
                    .iter()
                    .flat_map(|first| [-1, 0, 1, 2, 3].map(|step| shift(first.parse().unwrap(), step)))
                    .map(|source| Connection::new(source, "10.0.0.9:80".parse().unwrap()).plaintext())
                    .flat_map(|connection| [connection, connection.source_ip(Fact::Unknown)])
                    .collect();
                let mut cache = DecisionCache::new(64);
                for connection in &connections {
                    assert_eq!(authorizer.decide(connection), authorizer.explain(connection).decision, "{connection:?}");
                    every_way_agrees(&authorizer, connection, &mut cache);
                }
                // More than are looked up together.
                let mut seen = 0;
                authorizer.decide_batch(&connections, |at, decision| {
                    assert_eq!((at, decision), (seen, authorizer.decide(&connections[at])));
                    seen += 1;
                });
                assert_eq!(seen, connections.len());
            }
        }
    }
}

#[test]
fn rules_of_which_nothing_is_rare_decide_the_same() {
    let mut text = String::new();
    for n in 0..1300 {
        let (action, port) =
            if n % 5 == 0 { ("DENY", "notPorts: ['80', '81', '82', '83']") } else { ("ALLOW", "notPorts: ['80', '443']") };
        let source = match n % 3 {
            0 => {
                let holes: Vec<String> = (0..20).map(|hole| format!("10.{}.{hole}.{}", n % 250, n / 6)).collect();
                format!("notIpBlocks: [{}], notNamespaces: [ns-{n}]", holes.join(", "))
            }
            1 => format!("ipBlocks: [{}.0.0.0/5], notPrincipals: ['*/sa/{n}']", n % 250),
            _ => format!("notIpBlocks: ['0.0.0.0/1', 10.{}.0.0/16], trustDomains: ['*']", n % 250),
        };
        writeln!(
            text,
            "---\n{{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {{name: rule-{n}, namespace: foo}}, \
             spec: {{action: {action}, rules: [{{from: [{{source: {{{source}}}}}], to: [{{operation: {{{port}}}}}]}}]}}}}"
        )
        .unwrap();
    }
    let within = |index_bytes| {
        let limits = Limits { index_bytes, ..Limits::default() };
        let policies = PolicyLoader::new(&Mesh::default()).limits(limits).source("a.yaml", &text).load().unwrap();
        policies.authorizer_for(&Workload::new("foo"))
    };
    let (fast, small) = (within(64 << 20), within(400_000));
    assert!(fast.stats().blocks > 2 && fast.stats().block_bits == WIDE, "{}", fast.stats());
    assert!(small.stats().blocks > 16 && small.stats().block_bits == 64, "{}", small.stats());
    // What is given is aimed at: what the rules say takes as much as it takes.
    assert!(
        (IS_SMALL || fast.stats().bytes > 1_100_000) && small.stats().bytes < 800_000,
        "{} and {}",
        fast.stats(),
        small.stats()
    );
    for authorizer in [&fast, &small] {
        decides_as_explained(authorizer);
    }
}

fn decides_as_explained(authorizer: &Authorizer) {
    let mut cache = DecisionCache::new(64);
    for n in 0..250_u32 {
        let source = IpAddr::from([if n % 2 == 0 { 10 } else { 200 }, u8::try_from(n).unwrap(), 1, 1]);
        let identity = format!("spiffe://cluster.local/ns/ns-{}/sa/{}", n * 7, n * 3);
        let port = [80, 81, 443, 9000][usize::try_from(n % 4).unwrap()];
        let connection = Connection::new(source, (IpAddr::from([10, 0, 0, 9]), port).into());
        for connection in
            [connection, connection.plaintext(), connection.principal(&identity), connection.source_ip(Fact::Unknown)]
        {
            assert_eq!(authorizer.decide(&connection), authorizer.explain(&connection).decision, "{connection:?}");
            every_way_agrees(authorizer, &connection, &mut cache);
        }
    }
}

/// An address some steps away, at a scale at which blocks begin and end.
fn shift(address: IpAddr, steps: i32) -> IpAddr {
    match address {
        IpAddr::V4(address) => IpAddr::from(address.to_bits().wrapping_add_signed(steps).to_be_bytes()),
        IpAddr::V6(address) => IpAddr::from(address.to_bits().wrapping_add_signed(i128::from(steps) << 61).to_be_bytes()),
    }
}

#[test]
fn workloads_share_what_is_compiled_and_nothing_else() {
    let text = "
{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {name: all, namespace: foo}, spec: {rules: [{}]}}
---
{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {name: web, namespace: foo},
 spec: {selector: {matchLabels: {app: web}}, action: DENY, rules: [{to: [{operation: {ports: ['80']}}]}]}}
---
{apiVersion: security.istio.io/v1, kind: PeerAuthentication, metadata: {name: strict, namespace: foo},
 spec: {selector: {matchLabels: {mode: strict}}, mtls: {mode: STRICT}}}
";
    let policies = PolicySet::from_yaml(text, &Mesh::default()).unwrap();
    let foo = Workload::new("foo");
    let workloads = [
        foo.clone(),
        foo.clone().label("mode", "strict"),
        foo.clone().label("app", "web"),
        foo.label("app", "db"),
        Workload::new("bar"),
    ];
    let connection = Connection::new("10.0.0.7".parse().unwrap(), "10.0.0.9:80".parse().unwrap()).plaintext();
    let mut cache = DecisionCache::new(1);
    for (workload, together) in workloads.iter().zip(policies.compile_all(&workloads)) {
        let alone = policies.authorizer_for(workload);
        assert_eq!(together.decide(&connection).reason().code(), alone.decide(&connection).reason().code(), "{workload:?}");
        assert_eq!(together.explain(&connection).to_string(), alone.explain(&connection).to_string(), "{workload:?}");
        // One cache, handed from one to the next, remembers nothing of the one before.
        assert_eq!(together.allows_cached(&connection, &mut cache), alone.allows(&connection), "{workload:?}");
    }
}

/// A policy of one rule.
fn policy(name: &str, action: &str, rule: &str) -> String {
    format!(
        "---\n{{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {{name: {name}, namespace: foo}}, \
         spec: {{action: {action}, rules: [{{{rule}}}]}}}}\n"
    )
}

/// Sources with one principal each.
fn sources(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("{{source: {{principals: [cluster.local/ns/x/sa/s{n}]}}}}")).collect()
}

#[test]
fn more_lists_of_identities_than_rows_tell_apart_are_all_asked_whatever_else_is_unknown() {
    let text = policy(
        "a",
        "ALLOW",
        "from: [{source: {principals: ['cluster.local/*'], namespaces: [a]}}], \
         when: [{key: source.principal, values: ['*/sa/s']}, {key: source.namespace, values: [other]}]",
    ) + &policy("b", "ALLOW", "when: [{key: connection.sni, values: [x.example]}]");
    let authorizer = PolicySet::from_yaml(&text, &Mesh::default()).unwrap().authorizer_for(&Workload::new("foo"));
    assert_eq!(authorizer.stats().asked, 1);
    let connection = connection().principal("spiffe://cluster.local/ns/a/sa/s");
    for connection in [connection, connection.without_sni(), connection.sni("x.example")] {
        assert_eq!(authorizer.decide(&connection), authorizer.explain(&connection).decision, "{connection:?}");
        every_way_agrees(&authorizer, &connection, &mut DecisionCache::new(1));
    }
    assert_eq!(authorizer.decide(&connection).verdict(), Verdict::Deny);
}

#[test]
fn a_rule_of_too_many_combinations_matches_for_certain_though_others_wait_for_the_peer() {
    let mut from = sources(40);
    from.push("{source: {ipBlocks: [10.0.0.7]}}".into());
    let to = "to: [{operation: {ports: ['9000']}}, {operation: {ports: ['9001']}}]";
    for action in ["DENY", "ALLOW", "AUDIT"] {
        let text = policy("a", action, "from: [{source: {principals: [cluster.local/ns/q/sa/q]}}]")
            + &policy("b", action, &format!("from: [{}], {to}", from.join(", ")));
        let authorizer = PolicySet::from_yaml(&text, &Mesh::default()).unwrap().authorizer_for(&Workload::new("foo"));
        let connection = connection();
        let explained = authorizer.explain(&connection).decision;
        assert_eq!(authorizer.decide(&connection), explained, "{action}");
        assert_eq!(early(&authorizer, &connection), Some(explained), "{action}");
    }
}

#[test]
fn a_resolved_peer_meets_the_rules_of_too_many_combinations() {
    let rule = format!(
        "from: [{}], to: [{{operation: {{ports: ['9000']}}}}], when: [{{key: source.principal, values: ['cluster.local/ns/x/*']}}]",
        sources(65).join(", ")
    );
    let mut text = policy("a", "DENY", &rule);
    for n in 0..300 {
        let other = format!("from: [{{source: {{principals: [cluster.local/ns/z/sa/s{n}]}}}}]");
        text += &policy(&format!("other-{n}"), "DENY", &other);
    }
    let authorizer = PolicySet::from_yaml(&text, &Mesh::default()).unwrap().authorizer_for(&Workload::new("foo"));
    assert!(authorizer.stats().keyed > 0 && authorizer.stats().asked > 0, "{}", authorizer.stats());
    let connection = connection().principal("spiffe://cluster.local/ns/x/sa/s5").without_sni();
    assert_eq!(authorizer.decide(&connection).verdict(), Verdict::Deny);
    every_way_agrees(&authorizer, &connection, &mut DecisionCache::new(1));
}

#[test]
fn an_entry_of_many_is_never_taken_for_another() {
    // So many that their number needs more than 16 bits, loaded leniently as strict loads stop before that.
    let mut entries = vec!["{source: {requestPrincipals: [x]}}"];
    entries.resize(65_535, "{source: {namespaces: [b]}}");
    entries.push("{source: {namespaces: [z]}}");
    let rule = format!("from: [{}], when: [{{key: connection.sni, values: [x.example]}}]", entries.join(", "));
    let mut text = policy("a", "DENY", &rule);
    for n in 0..300 {
        text +=
            &policy(&format!("other-{n}"), "DENY", &format!("from: [{{source: {{principals: [cluster.local/ns/x/sa/s{n}]}}}}]"));
    }
    let policies = PolicyLoader::new(&Mesh::default()).source("a.yaml", &text).lenient().load().unwrap();
    let authorizer = policies.authorizer_for(&Workload::new("foo"));
    let connection = connection().principal("spiffe://td/ns/q/sa/q").sni("x.example");
    assert_eq!(authorizer.decide(&connection).verdict(), Verdict::Deny);
    assert_eq!(authorizer.decide(&connection), authorizer.explain(&connection).decision);
    every_way_agrees(&authorizer, &connection, &mut DecisionCache::new(1));
}

#[test]
fn a_long_list_that_many_entries_share_is_not_written_down_for_each() {
    let holes: Vec<String> = (0..4000_u32).map(|n| format!("10.{}.{}.{}/31", n >> 12, n >> 4 & 0xff, n << 4 & 0xff)).collect();
    let from: Vec<String> = (0..40).map(|n| format!("{{source: {{notIpBlocks: [10.9.{n}.0/24]}}}}")).collect();
    let rule = format!("from: [{}], when: [{{key: source.ip, notValues: [{}]}}]", from.join(", "), holes.join(", "));
    let text = policy("a", "DENY", &rule) + &policy("b", "ALLOW", "");
    let authorizer = PolicySet::from_yaml(&text, &Mesh::default()).unwrap().authorizer_for(&Workload::new("foo"));
    assert!(authorizer.stats().bytes < 16 * text.len(), "{} of {}", authorizer.stats(), text.len());
    for source in ["10.0.0.0", "10.0.0.2", "10.0.0.16", "10.0.255.241", "10.1.0.1", "10.9.3.1", "11.0.0.1", "2001:db8::1"] {
        let connection = connection().source_ip(Fact::Known(source.parse().unwrap())).plaintext();
        assert_eq!(authorizer.decide(&connection), authorizer.explain(&connection).decision, "{connection:?}");
        every_way_agrees(&authorizer, &connection, &mut DecisionCache::new(1));
    }
}

#[test]
fn a_list_of_thousands_of_blocks_that_come_to_few_ranges_is_no_large_set() {
    let neighbours: Vec<String> = (0..5000_u32).map(|n| format!("'2001:db8:1:{n:x}::/64'")).collect();
    let list = neighbours.join(", ");
    let rule = |hole: u32| format!("{{source: {{notIpBlocks: ['2001:db8:1:{hole}::/64']}}}}");
    let conditions = format!("when: [{{key: source.ip, values: [{list}]}}]");
    let text = policy("a", "DENY", &format!("from: [{}, {}], {conditions}", rule(7), rule(9)));
    let same: Vec<String> = (0..9).map(|n| policy(&format!("b-{n}"), "ALLOW", &repeated(n))).collect();
    let real: Vec<String> = (0..5000_u32).map(|n| format!("'2001:db8:{n:x}:2::/64'")).collect();
    let real = policy("c", "DENY", &format!("from: [{{source: {{ipBlocks: [{}]}}}}]", real.join(", ")));
    let authorizer = PolicySet::from_yaml(&(text + &same.concat() + &real), &Mesh::default()).unwrap();
    let authorizer = authorizer.authorizer_for(&Workload::new("foo"));
    assert_eq!((authorizer.stats().asked, authorizer.stats().large_sets), (0, 1), "{}", authorizer.stats());
    for source in ["2001:db8:1:5::1", "2001:db8:1:ffff::1", "2001:db8:2:2::1", "2001:db8:2:3::1", "2001:db9::3"] {
        let connection = connection().source_ip(Fact::Known(source.parse().unwrap())).plaintext();
        assert_eq!(authorizer.decide(&connection), authorizer.explain(&connection).decision, "{connection:?}");
        every_way_agrees(&authorizer, &connection, &mut DecisionCache::new(1));
    }
}

/// One address, thousands of times.
fn repeated(address: u32) -> String {
    format!("from: [{{source: {{ipBlocks: [{}]}}}}]", vec![format!("'2001:db9::{address:x}'"); 5000].join(", "))
}

#[test]
fn of_policies_whose_ids_start_alike_the_least_id_of_all_reports() {
    // A lenient load keeps two of one name, and names that no cluster takes.
    for [one, other] in [["a", "a"], ["a", "a]-rule[3"], ["a]-rule[3", "a"]] {
        let mut text = String::new();
        for (name, of_port) in [(one, 5), (other, 1)] {
            let rules = (0..12).map(|rule| if rule == of_port { 80 } else { 9000 + rule });
            let rules: Vec<String> = rules.map(|port| format!("{{to: [{{operation: {{ports: ['{port}']}}}}]}}")).collect();
            text += &format!(
                "---\n{{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {{name: '{name}', namespace: foo}}, \
                 spec: {{action: DENY, rules: [{}]}}}}\n",
                rules.join(", ")
            );
        }
        let policies = PolicyLoader::new(&Mesh::default()).source("a.yaml", &text).lenient().load().unwrap();
        let authorizer = policies.authorizer_for(&Workload::new("foo"));
        let decision = authorizer.decide(&Connection::new([10, 0, 0, 1].into(), ([10, 0, 0, 2], 80).into())).to_string();
        assert!(decision.contains("rule 1 "), "{one} and {other}: {decision}");
    }
}

/// From 10.0.0.7 to port 9000, with nothing known of the peer.
fn connection() -> Connection<'static> {
    Connection::new("10.0.0.7".parse().unwrap(), "10.0.0.9:9000".parse().unwrap())
}
