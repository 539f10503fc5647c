//! Clients that take turns in being allowed, while one policy replaces the other under their connections.

use std::sync::atomic::{AtomicUsize, Ordering};

use authz_benches::Random;

use crate::{Client, Seen, wait_for};

/// As many clients take turns: version `v` of a policy allows client `v % TURNS` of these and no other.
pub const TURNS: usize = 5;

/// How far the versions are, and the connections.
#[derive(Debug)]
pub struct Turns {
    most: usize,
    /// The version that may be in effect somewhere.
    written: AtomicUsize,
    /// The version that is in effect everywhere.
    in_effect: AtomicUsize,
    connections: AtomicUsize,
    allowed: AtomicUsize,
}

impl Turns {
    /// Version 0 is in effect, and as many connections are to be made.
    pub fn new(connections: usize) -> Self {
        Self {
            most: connections,
            written: AtomicUsize::new(0),
            in_effect: AtomicUsize::new(0),
            connections: AtomicUsize::new(0),
            allowed: AtomicUsize::new(0),
        }
    }

    /// A version may come into effect from now on.
    pub fn is_written(&self, version: usize) {
        self.written.store(version, Ordering::SeqCst);
    }

    /// No version before it is in effect any more.
    pub fn is_in_effect(&self, version: usize) {
        self.in_effect.store(version, Ordering::SeqCst);
    }

    /// How many connections were let through.
    pub fn allowed(&self) -> usize {
        self.allowed.load(Ordering::SeqCst)
    }

    /// Waits until as many connections were made.
    pub fn wait_for_connections(&self, due: usize) {
        wait_for("the connections between two versions", || match self.connections.load(Ordering::SeqCst) {
            made if made >= due.min(self.most) => Ok(()),
            made => Err(format!("{made} of {due}")),
        });
    }

    /// Connects until all connections were made, as one of these clients after the other; answers what was decided
    /// by no version of the time, a line each.
    pub fn connect(&self, clients: &[Client], seed: u64) -> Vec<String> {
        let mut random = Random::new(seed);
        let mut wrong = Vec::new();
        while self.connections.fetch_add(1, Ordering::SeqCst) < self.most {
            let number = random.place(TURNS);
            let first = self.in_effect.load(Ordering::SeqCst);
            let seen = clients[number].ask("world");
            let last = self.written.load(Ordering::SeqCst);
            let is_allowed = match seen {
                Ok(Seen::Answer(_)) => true,
                Ok(Seen::Closed) => false,
                Err(error) => {
                    wrong.push(format!("a connection was lost: {error}"));
                    continue;
                }
            };
            self.allowed.fetch_add(usize::from(is_allowed), Ordering::SeqCst);
            if !(first..=last).any(|version| is_allowed == (version % TURNS == number)) {
                wrong.push(format!("allowed is {is_allowed} for client {number}, by none of the versions {first}..={last}"));
            }
        }
        wrong
    }
}
