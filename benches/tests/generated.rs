//! What generated sets and streams promise.

use std::collections::HashSet;

use authz_benches::{Action, Input, LENGTH, generate};
use authz_core::Severity;
use ipnet::IpNet;

const SMALL: [&str; 9] =
    ["mesh-1", "mesh-10", "mesh-100", "acl-200", "fw-200", "ipc-200", "block4-1000", "route4-allow-1000", "block6-1000"];

#[test]
fn a_name_gives_the_same_set_every_time() {
    for name in SMALL {
        assert_eq!(generate(name), generate(name), "{name}");
    }
    let (one, other) = (Input::generate("mesh-100").unwrap(), Input::generate("mesh-100").unwrap());
    assert_eq!(one.streams, other.streams);
}

/// Figures of one year are compared with those of another: a change here makes them strangers.
#[test]
fn the_sets_are_those_that_earlier_figures_are_about() {
    let hash = |text: &str| {
        text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
    };
    let hashes = SMALL.map(|name| {
        let input = Input::generate(name).unwrap();
        hash(&format!("{}{:?}", input.text, input.streams))
    });
    assert_eq!(
        hashes,
        [
            0x8653_2804_c90e_dbdd,
            0xf474_38b7_1098_d0c4,
            0xc8dd_4840_a921_8d84,
            0x2da3_d9ce_d618_acb1,
            0x5a65_14c0_86ee_0239,
            0x576f_3134_55b3_8bd8,
            0xf5f4_b73a_bcfb_d1a9,
            0x4f5a_1467_099e_8bf7,
            0xfd94_fa55_2c0d_d29e
        ]
    );
}

#[test]
fn every_set_loads_without_an_error_and_has_its_size() {
    for name in ["mesh-1", "mesh-10", "mesh-1000", "acl-1000", "fw-1000", "ipc-1000", "block4-10000", "block6-allow-10000"] {
        let input = Input::generate(name).unwrap();
        let errors = input.policies.findings().iter().filter(|finding| finding.severity() == Severity::Error);
        assert_eq!(errors.count(), 0, "{name}");
        let size: usize = name.rsplit('-').next().unwrap().parse().unwrap();
        let set = input.set.as_ref().unwrap();
        let is_list = name.starts_with("block");
        assert_eq!(if is_list { input.prefixes() } else { set.rules() }, size, "{name}");
        assert_eq!(input.policies.len(), set.policies.len(), "{name}");
    }
}

#[test]
fn verdicts_are_those_of_the_plain_evaluator() {
    for name in SMALL {
        Input::generate(name).unwrap().check(64).unwrap();
    }
}

#[test]
fn streams_hit_and_miss_as_they_say() {
    for name in SMALL {
        let input = Input::generate(name).unwrap();
        let set = input.set.as_ref().unwrap();
        let is_hit = |stream: &str| {
            let stream = input.stream(stream).unwrap();
            assert_eq!(stream.queries.len(), LENGTH, "{name}");
            let hits = stream.connections().into_iter().filter(|connection| {
                let code = input.authorizer.decide(connection).reason().code();
                code == "deny-policy" || (code == "allow-policy" && !set.allows_all())
            });
            hits.count()
        };
        assert_eq!((is_hit("hit"), is_hit("miss")), (LENGTH, 0), "{name}");
        // Half of the flows, of which the busiest is a fifth of the stream.
        assert!((LENGTH / 4..LENGTH * 3 / 4).contains(&is_hit("zipf")), "{name}: {}", is_hit("zipf"));
    }
}

#[test]
fn the_worst_stream_repeats_as_little_as_it_can() {
    let input = Input::generate("mesh-1000").unwrap();
    let worst = input.stream("worst").unwrap();
    let distinct = |stream: &authz_benches::Stream| {
        stream.queries.iter().filter_map(|query| query.principal.clone()).collect::<HashSet<_>>().len()
    };
    assert!(distinct(worst) > 1000, "{}", distinct(worst));
    assert!(distinct(worst) >= 2 * distinct(input.stream("zipf").unwrap()));
    assert!(generate("block4-10").is_some_and(|set| !set.allows_all()));
}

#[test]
fn a_mesh_has_the_proportions_of_the_sets_that_it_stands_for() {
    let set = generate("mesh-1000").unwrap();
    let denied = set.policies.iter().filter(|policy| policy.action == Action::Deny).count();
    assert!((18..=32).contains(&(denied * 100 / set.policies.len())), "{denied}");
    let sources = || set.policies.iter().flat_map(|policy| &policy.rules).flat_map(|rule| &rule.from);
    let share = |count: usize| count * 100 / sources().count();
    let with_principals = sources().filter(|source| !source.principals.is_empty()).count();
    let with_blocks = sources().filter(|source| !source.ip_blocks.is_empty()).count();
    let with_holes = sources().filter(|source| !source.not_ip_blocks.is_empty()).count();
    assert!((45..=62).contains(&share(with_principals)), "{with_principals}");
    assert!((24..=38).contains(&share(with_blocks)), "{with_blocks}");
    assert!((5..=16).contains(&share(with_holes)), "{with_holes}");
}

#[test]
fn block_lists_have_the_lengths_of_their_kind() {
    let share = |name: &str, len: u8| {
        let set = generate(name).unwrap();
        let blocks = &set.policies[0].rules[0].from[0].ip_blocks;
        let distinct: HashSet<&IpNet> = blocks.iter().collect();
        assert_eq!(distinct.len(), 10_000, "{name}");
        blocks.iter().filter(|block| block.prefix_len() == len).count() / 100
    };
    assert!((53..=57).contains(&share("block4-10000", 32)) && (22..=26).contains(&share("block4-10000", 24)));
    assert!((58..=62).contains(&share("route4-10000", 24)));
    assert!((24..=28).contains(&share("block6-10000", 64)) && share("block6-10000", 40) == 0);
}
