//! authz for JavaScript: the calls that cross the border, each with JSON in and JSON out.
//!
//! What they answer is made in `facade.rs`; the npm package in `npm/` puts objects and types around them. A text
//! that is no policy, connection or suite is an answer too, `{"error": "…"}`: nothing here throws.

#[forbid(unsafe_code)]
mod facade;

use facade::Texts;
use wasm_bindgen::prelude::wasm_bindgen;

/// Policies that were handed over, whether or not they could be loaded.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Policies(facade::Policies);

#[wasm_bindgen]
impl Policies {
    /// Loads policies: texts with names, and how.
    #[wasm_bindgen(constructor)]
    pub fn new(names: Vec<String>, texts: Vec<String>, options: &str) -> Self {
        Self(facade::Policies::load(&Texts { names, texts }, options))
    }

    /// What was found.
    pub fn report(&self) -> String {
        self.0.report()
    }

    /// The authorizer of a workload; nothing where the policies did not load or the workload cannot be read.
    pub fn authorizer(&self, workload: &str) -> Option<Authorizer> {
        self.0.authorizer(workload).map(Authorizer)
    }
}

/// The policies of one workload, compiled.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Authorizer(facade::Authorizer);

#[wasm_bindgen]
impl Authorizer {
    /// The policies that apply.
    pub fn policies(&self) -> String {
        self.0.policies()
    }

    /// Decides a connection.
    pub fn decide(&self, connection: &str) -> String {
        self.0.decide(connection)
    }

    /// Decides a connection, with every step of the way.
    pub fn explain(&self, connection: &str) -> String {
        self.0.explain(connection)
    }

    /// The map of who may reach which port.
    #[wasm_bindgen(js_name = accessMap)]
    pub fn access_map(&self, connection: &str, most: usize) -> String {
        self.0.access_map(None, connection, most)
    }

    /// The same map with what another version of the policies decides.
    #[wasm_bindgen(js_name = accessMapBeside)]
    pub fn access_map_beside(&self, other: &Authorizer, connection: &str, most: usize) -> String {
        self.0.access_map(Some(&other.0), connection, most)
    }
}

/// A policy-test suite.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Suite(facade::Suite);

#[wasm_bindgen]
impl Suite {
    /// Reads a suite, and the files that it may name.
    #[wasm_bindgen(constructor)]
    pub fn new(name: &str, text: &str, names: Vec<String>, texts: Vec<String>) -> Self {
        Self(facade::Suite::read(name, text, &Texts { names, texts }))
    }

    /// How many cases it has, or why it cannot be read.
    pub fn report(&self) -> String {
        self.0.report()
    }

    /// What some of its cases ask: those from a place up to another.
    pub fn cases(&self, from: usize, to: usize) -> String {
        self.0.cases(from, to)
    }

    /// Runs some of its cases: those from a place up to another.
    pub fn run(&self, from: usize, to: usize) -> String {
        self.0.run(from, to)
    }
}

/// The words of the engine.
#[wasm_bindgen]
pub fn vocabulary() -> String {
    facade::vocabulary()
}
