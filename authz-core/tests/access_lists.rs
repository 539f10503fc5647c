//! Rules that ask for addresses and ports alone, by the hundred and by the thousand, decide as the plain evaluator does.
//!
//! `AUTHZ_SEED=N cargo test -p authz-core --test access_lists` tries others.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that panics has failed, as it should"
)]

use std::fmt::Write as _;
use std::net::IpAddr;

use authz_core::{Authorizer, Connection, EarlyDecision, Fact, Limits, Mesh, PolicyLoader, Verdict, Workload};

/// Numbers that look random.
struct Draw(u64);

impl Draw {
    fn below(&mut self, count: u64) -> u64 {
        self.0 = self.0.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        (self.0 >> 33) % count
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// Small numbers more often than others.
    fn skewed(&mut self, count: u64) -> u64 {
        let highest = 1 + self.below(count);
        self.below(highest)
    }

    /// An address of few networks, or of none of them.
    fn address(&mut self) -> IpAddr {
        if self.chance(6) {
            let (net, host) = (u128::from(self.skewed(4)), u128::from(self.skewed(20)));
            return IpAddr::from((0x2001_0db8_u128 << 96 | net << 64 | host).to_be_bytes());
        }
        let octets = [10 + self.skewed(4), self.skewed(8), self.skewed(12), self.below(256)];
        if self.chance(2) {
            [IpAddr::from([0; 4]), IpAddr::from([255; 4])][usize::from(self.chance(50))]
        } else {
            IpAddr::from(octets.map(|octet| u8::try_from(octet).unwrap()))
        }
    }

    fn block(&mut self) -> String {
        let address = self.address();
        let length = match address {
            IpAddr::V4(_) => [32, 32, 32, 30, 28, 24, 24, 20, 16, 8][usize::try_from(self.below(10)).unwrap()],
            IpAddr::V6(_) => [128, 64, 48][usize::try_from(self.below(3)).unwrap()],
        };
        format!("{address}/{length}")
    }

    fn blocks(&mut self) -> String {
        let count = if self.chance(90) { 1 } else { 2 + self.below(4) };
        let blocks: Vec<String> = (0..count).map(|_| format!("'{}'", self.block())).collect();
        blocks.join(", ")
    }

    fn port(&mut self) -> u64 {
        if self.chance(80) {
            [80, 443, 22, 53, 8080, 0, 65535][usize::try_from(self.below(7)).unwrap()]
        } else {
            self.below(65536)
        }
    }

    fn ports(&mut self) -> String {
        let (count, first) = (1 + self.skewed(9), self.port());
        let is_range = self.chance(50);
        let ports = (0..count).map(|n| if is_range { (first + n).min(65535) } else { self.port() });
        let ports: Vec<String> = ports.map(|port| format!("'{port}'")).collect();
        ports.join(", ")
    }

    /// A rule in YAML.
    fn rule(&mut self) -> String {
        let mut parts = Vec::new();
        if self.chance(70) {
            let not = if self.chance(4) { "notIpBlocks" } else { "ipBlocks" };
            parts.push(format!("from: [{{source: {{{not}: [{}]}}}}]", self.blocks()));
        }
        if self.chance(70) {
            let values = if self.chance(4) { "notValues" } else { "values" };
            parts.push(format!("when: [{{key: destination.ip, {values}: [{}]}}]", self.blocks()));
        }
        if parts.is_empty() || self.chance(60) {
            let not = if self.chance(4) { "notPorts" } else { "ports" };
            parts.push(format!("to: [{{operation: {{{not}: [{}]}}}}]", self.ports()));
        }
        // Of those that leave most open there are few, or nothing else would be decided by.
        if parts.len() == 1 && self.chance(90) || parts.iter().any(|part| part.contains("not")) && parts.len() < 3 {
            return self.rule();
        }
        format!("{{{}}}", parts.join(", "))
    }

    fn policies(&mut self, rules: usize, audits: bool) -> String {
        let mut text = String::new();
        for n in 0..rules {
            let action = match self.below(20) {
                0..6 => "DENY",
                6 if audits => "AUDIT",
                _ => "ALLOW",
            };
            let rule = self.rule();
            writeln!(
                text,
                "---\n{{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {{name: rule-{n}, namespace: foo}}, \
                 spec: {{action: {action}, rules: [{rule}]}}}}"
            )
            .unwrap();
        }
        text
    }
}

/// Whatever way a connection is asked about, the answer is that of the plain evaluator.
fn decides_as_explained(authorizer: &Authorizer, connection: &Connection<'_>) -> Verdict {
    let decision = authorizer.decide(connection);
    assert_eq!(decision, authorizer.explain(connection).decision, "{connection:?}");
    assert_eq!(authorizer.allows(connection), decision.verdict() == Verdict::Allow, "{connection:?}");
    if let EarlyDecision::Decided(early) = authorizer.decide_early(connection) {
        assert_eq!(early, decision, "{connection:?}");
    }
    decision.verdict()
}

fn compile(text: &str, index_bytes: usize) -> Authorizer {
    let limits = Limits { index_bytes, ..Limits::default() };
    let policies = PolicyLoader::new(&Mesh::default()).limits(limits).source("a.yaml", text).lenient().load().unwrap();
    policies.authorizer_for(&Workload::new("foo"))
}

#[test]
fn rules_of_addresses_and_ports_decide_as_they_are_explained() {
    let seed: u64 = std::env::var("AUTHZ_SEED").map_or(1, |seed| seed.parse().expect("AUTHZ_SEED is a number"));
    for (rules, connections, rounds) in [(300, 200, 4), (900, 150, 2), (2500, 60, 2)] {
        for round in 0..rounds {
            let mut draw = Draw(seed << 32 ^ u64::try_from(rules).unwrap() << 8 ^ round);
            // What AUDIT rules match is told beside the reason, and without any the reason is found on a shorter way.
            let text = draw.policies(rules, round % 2 == 1);
            for index_bytes in [64 << 20, 0] {
                let authorizer = compile(&text, index_bytes);
                let stats = authorizer.stats();
                if index_bytes > 0 && !cfg!(feature = "small") {
                    // Rows of all, or boxes of nearly all.
                    let is_reached = if rules == 900 { stats.small > 256 } else { rules < 900 || stats.boxed > stats.keyed / 2 };
                    assert!(is_reached, "{stats}");
                }
                let mut passed = 0;
                for _ in 0..connections {
                    let port = u16::try_from(draw.port()).unwrap();
                    let (source, destination) = (draw.address(), draw.address());
                    let connection = Connection::new(source, (destination, port).into()).plaintext();
                    passed += usize::from(decides_as_explained(&authorizer, &connection) == Verdict::Allow);
                    decides_as_explained(&authorizer, &connection.source_ip(Fact::Unknown));
                    decides_as_explained(&authorizer, &connection.destination_ip(Fact::Unknown));
                    decides_as_explained(&authorizer, &connection.destination_port(Fact::Unknown));
                    decides_as_explained(&authorizer, &Connection::unknown().destination_port(Fact::Known(port)));
                }
                assert!(
                    passed > 0 && passed < connections,
                    "{passed} of {connections} with {rules} rules: {}",
                    authorizer.stats()
                );
            }
        }
    }
}
