//! The measurement: rounds in which each variant has a batch of connections, in an order that is never the same.

use std::time::Duration;

use authz_benches::{Random, float};
use authz_e2e::{Authority, Chain, Client, Envoy, Identity, Network, Seen};

use crate::bootstrap::bootstrap;
use crate::cpu::{Cpu, Ran};
use crate::policies::{self, CLIENT, OUTSIDER};
use crate::service;
use crate::variant::{Counts, VARIANTS, Variant};

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    /// Rounds that count.
    pub(crate) rounds: usize,
    /// The connections of a batch.
    pub(crate) batch: usize,
    /// The connections of each variant before anything counts: V8 compiles once more what is called often.
    pub(crate) warm_up: usize,
}

/// Connections that are open at a time. Each step is taken on all of them before the next one, so that Envoy has
/// several to do whenever it wakes, and one thread is enough for the client.
pub(crate) const AT_ONCE: usize = 8;

/// What a batch cost, divided by its connections, in µs.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Cost {
    /// Of Envoy's worker.
    pub(crate) worker: f64,
    /// Of all of Envoy's threads.
    pub(crate) all: f64,
}

/// A round: a cost for each variant, in the order of [`VARIANTS`], and when in the round it had its turn.
#[derive(Clone, Debug)]
pub(crate) struct Round {
    pub(crate) costs: Vec<Cost>,
    pub(crate) turns: Vec<usize>,
}

/// Who connects.
struct Peers {
    chain: Chain,
    client: Option<Identity>,
    outsider: Option<Identity>,
}

/// Measures in an Envoy and a network of its own.
///
/// Every connection has to be answered, and afterwards every filter has to have counted every connection, or
/// nothing comes back but a panic that says what was wrong.
pub(crate) fn measure(chain: Chain, effort: Effort) -> Vec<Round> {
    let authority = Authority::new();
    let peers = Peers {
        chain,
        client: authority.issue(&[&format!("spiffe://{CLIENT}")]),
        outsider: authority.issue(&["spiffe://cluster.local/ns/foo/sa/outsider"]),
    };
    Network::run(|_| {
        let service = service::start();
        let envoy = Envoy::start_with(|admin| bootstrap(VARIANTS, chain, &authority, service, admin));
        for variant in VARIANTS {
            peers.check(variant, &envoy);
        }
        let before: Vec<Counts> = VARIANTS.iter().map(|variant| variant.counts(&envoy)).collect();
        let rounds = run(&peers, &envoy, effort);
        let made = u64::try_from(effort.warm_up + effort.rounds * effort.batch).expect("fewer");
        for (variant, before) in VARIANTS.iter().zip(before) {
            let decided = before.decided.map(|(allowed, denied)| (allowed + made, denied));
            let expected = Counts { connections: before.connections + made, decided };
            assert_eq!(variant.counts(&envoy), expected, "{}: what Envoy counted is not what was made", variant.name);
        }
        rounds
    })
}

fn run(peers: &Peers, envoy: &Envoy, effort: Effort) -> Vec<Round> {
    let cpu = Cpu::of(envoy.process());
    let mut random = Random::new(1);
    let mut order: Vec<usize> = (0..VARIANTS.len()).collect();
    for variant in VARIANTS {
        peers.connect(variant, effort.warm_up);
    }
    let mut rounds = Vec::new();
    for _ in 0..effort.rounds {
        random.shuffle(&mut order);
        let mut round = Round { costs: vec![Cost::default(); order.len()], turns: vec![0; order.len()] };
        for (turn, place) in order.iter().enumerate() {
            let before = settled(&cpu);
            peers.connect(&VARIANTS[*place], effort.batch);
            round.costs[*place] = cost(settled(&cpu).since(before), effort.batch);
            round.turns[*place] = turn;
        }
        rounds.push(round);
    }
    rounds
}

/// What Envoy ran, once it has nothing left to do: connections that are over for their peers are put away then.
fn settled(cpu: &Cpu) -> Ran {
    std::thread::sleep(Duration::from_millis(2));
    cpu.ran()
}

fn cost(ran: Ran, connections: usize) -> Cost {
    let each = |time: Duration| time.as_secs_f64() * 1e6 / float(connections);
    Cost { worker: each(ran.worker), all: each(ran.all) }
}

impl Peers {
    fn client(&self, variant: &Variant, identity: Option<&Identity>) -> Client {
        let client = Client::to(variant.address());
        if self.chain == Chain::Plain { client } else { client.over_tls(identity) }
    }

    /// Checks that the variant lets a client in and, if it decides, an outsider not.
    fn check(&self, variant: &Variant, envoy: &Envoy) {
        self.connect(variant, AT_ONCE);
        let outsider = self.client(variant, self.outsider.as_ref()).from(OUTSIDER);
        let seen = outsider.ask("").expect("an answer, or an end");
        let expected = if variant.decides() { Seen::Closed } else { Seen::Answer(String::new()) };
        assert_eq!(seen, expected, "{}: an outsider", variant.name);
        if variant.decides() {
            let expected = u64::try_from(AT_ONCE).map(|allowed| (allowed, 1)).ok();
            assert_eq!(variant.counts(envoy).decided, expected, "{}: what was allowed and denied", variant.name);
        }
    }

    /// Makes so many connections: each says a byte, hears it back, and closes.
    fn connect(&self, variant: &Variant, count: usize) {
        let client = self.client(variant, self.client.as_ref());
        let failed = |step: &str, seen: &dyn std::fmt::Debug| -> ! { panic!("{}: {step}: {seen:?}", variant.name) };
        for start in (0..count).step_by(AT_ONCE) {
            let connect = |number| client.clone().from(policies::client(number)).connect();
            let mut open: Vec<_> = (start..count.min(start + AT_ONCE))
                .map(|number| connect(number).unwrap_or_else(|error| failed("connecting", &error)))
                .collect();
            for one in &mut open {
                one.say("").unwrap_or_else(|error| failed("a byte", &error));
            }
            for one in &mut open {
                match one.listen() {
                    Ok(Seen::Answer(line)) if line.is_empty() => {}
                    seen => failed("the echo", &seen),
                }
            }
            for one in &mut open {
                one.half_close().unwrap_or_else(|error| failed("closing", &error));
            }
            for one in &mut open {
                match one.listen() {
                    Ok(Seen::Closed) => {}
                    seen => failed("the end", &seen),
                }
            }
        }
    }
}
