//! The workloads that policies speak of.

use crate::policy::Scope;
use crate::policy_set::PolicySet;
use crate::value::Labels;
use crate::workload::Workload;

/// How many workloads are named at most.
const MOST: usize = 200;

impl PolicySet {
    /// The workloads that the policies speak of, for somebody to choose from: one for each selector, for each
    /// gateway that is targeted, and for each namespace; at most 200.
    ///
    /// A selector in the root namespace is named for each of the other namespaces.
    ///
    /// ```
    /// use authz_core::{Mesh, PolicySet, Workload};
    ///
    /// let text = "{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {name: a, namespace: foo},
    ///              spec: {selector: {matchLabels: {app: tcp-echo}}}}";
    /// let policies = PolicySet::from_yaml(text, &Mesh::default())?;
    /// assert_eq!(policies.workloads(), [Workload::new("foo").label("app", "tcp-echo"), Workload::new("foo")]);
    /// # Ok::<(), authz_core::LoadError>(())
    /// ```
    pub fn workloads(&self) -> Vec<Workload> {
        let mut asked: Vec<(&str, Labels)> = Vec::new();
        for policy in &*self.policies {
            let namespace = policy.id.name().namespace();
            match &policy.scope {
                Scope::Workloads(selector) => asked.push((namespace, selector.clone().unwrap_or_default())),
                Scope::Targets(gateways) => {
                    let labels = |gateway: &str| [("gateway.networking.k8s.io/gateway-name", gateway)].into_iter().collect();
                    asked.extend(gateways.iter().flatten().map(|gateway| (namespace, labels(gateway))));
                }
            }
        }
        for policy in &self.peer_authentications {
            asked.push((policy.id.name().namespace(), policy.selector.clone().unwrap_or_default()));
        }
        let root = self.mesh.root_namespace.as_str();
        let mut namespaces: Vec<&str> = Vec::new();
        for (namespace, _) in &asked {
            if *namespace != root && !namespaces.contains(namespace) && namespaces.len() < MOST {
                namespaces.push(namespace);
            }
        }
        if namespaces.is_empty() && !asked.is_empty() {
            namespaces.push("default");
        }
        let mut workloads = Vec::new();
        for (namespace, labels) in asked.into_iter().filter(|(_, labels)| !labels.is_empty()) {
            let everywhere = namespaces.iter().copied().filter(|_| namespace == root);
            for namespace in everywhere.chain(Some(namespace).filter(|namespace| *namespace != root)) {
                add(Workload::new(namespace).with_labels(labels.clone()), &mut workloads);
            }
        }
        namespaces.into_iter().for_each(|namespace| add(Workload::new(namespace), &mut workloads));
        workloads
    }
}

fn add(workload: Workload, workloads: &mut Vec<Workload>) {
    if workloads.len() < MOST && !workloads.contains(&workload) {
        workloads.push(workload);
    }
}
