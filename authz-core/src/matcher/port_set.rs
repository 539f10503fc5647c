//! A set of ports: sorted, disjoint ranges.

use super::ip_set::{contains, merge};
use crate::value::Port;

/// The union of ports.
#[derive(Clone, Debug, Default)]
pub(super) struct PortSet(Box<[(u16, u16)]>);

impl PortSet {
    pub(super) fn new(ports: &[Port]) -> Self {
        Self(merge(ports.iter().map(|port| (port.number(), port.number())).collect(), |last| last.checked_add(1)))
    }

    pub(super) fn contains(&self, port: u16) -> bool {
        contains(&self.0, port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbouring_ports_become_one_range() {
        let ports: Vec<Port> = [9001, 9000, 80, 65535, 0, 9000].map(Port::from).to_vec();
        let set = PortSet::new(&ports);
        assert_eq!(set.0.len(), 4);
        for (port, expected) in [(0, true), (1, false), (80, true), (9000, true), (9001, true), (9002, false), (65535, true)] {
            assert_eq!(set.contains(port), expected, "{port}");
        }
    }
}
