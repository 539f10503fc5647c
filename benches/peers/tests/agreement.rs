//! Every peer agrees with `authz-core`, on inputs that are small enough for a test.

use authz_bench_peers::{PEERS, check};
use authz_benches::Input;

#[test]
fn all_peers_agree_about_small_inputs() {
    for name in ["mesh-1", "mesh-10", "mesh-30", "acl-30", "block4-300", "block4-allow-300", "route4-300", "block6-300"] {
        let input = Input::generate(name).unwrap();
        input.check(64).unwrap();
        let peers = PEERS.iter().filter(|peer| peer.is_for(&input));
        let checked = peers.map(|peer| check(peer, &input, 500).unwrap_or_else(|error| panic!("{error}")));
        assert!(checked.sum::<usize>() > 5 * 500, "{name}");
    }
}
