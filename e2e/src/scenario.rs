//! A suite's case as something that can be done with sockets, or why it cannot.

use std::collections::BTreeMap;
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::{Client, Door, Seen, config};

/// A connection, the configuration that decides it, and what must become of it.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// What its suite calls it, behind the name of the suite.
    pub name: String,
    /// What its suite says that it is about; the suite's own name, if it says nothing.
    pub tags: Vec<String>,
    /// The configuration of the filter.
    pub config: String,
    /// Where the connection comes from.
    pub source: IpAddr,
    /// Where a PROXY header says that it comes from.
    pub remote: Option<IpAddr>,
    /// Where it goes to.
    pub destination: IpAddr,
    /// The port there.
    pub port: u16,
    /// The URI SANs of the peer's certificate, if it has one.
    pub principals: Option<Vec<String>>,
    /// The server name that it asks for.
    pub server_name: Option<String>,
    /// Whether it is let through.
    pub is_allowed: bool,
}

/// A case that no socket can carry, and the kind of reason.
pub type NotCarried = &'static str;

/// The root of the project.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

/// The cases of a suite, each as a scenario or with the reason why it is none.
pub fn read_suite(path: &Path) -> Vec<Result<Scenario, NotCarried>> {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let bad = |error: String| -> Value { panic!("{}: {error}", path.display()) };
    let suite: Value = if path.extension().is_some_and(|extension| extension == "jsonl") {
        let line = |line| serde_json::from_str(line).unwrap_or_else(|error: serde_json::Error| bad(error.to_string()));
        json!({"cases": text.lines().map(line).collect::<Vec<Value>>()})
    } else {
        serde_yaml::from_str(&text).unwrap_or_else(|error| bad(error.to_string()))
    };
    let resources =
        suite["resources"].as_array().into_iter().flatten().map(|_| Err("a resource to be validated, without a connection"));
    let cases = suite["cases"].as_array().into_iter().flatten();
    cases.map(|case| scenario(path, &suite, case)).chain(resources).collect()
}

fn scenario(path: &Path, suite: &Value, case: &Value) -> Result<Scenario, NotCarried> {
    let connection = &case["connection"];
    let own = |key: &str| if case[key].is_null() { &suite[key] } else { &case[key] };
    if !case["skip"].is_null() {
        return Err("skipped by its suite");
    }
    if !case["unknown"].is_null() || !connection["unknown"].is_null() {
        return Err("facts that are unknown for good, which a real connection does not have");
    }
    if !connection["metadata"].is_null() {
        return Err("dynamic metadata, which the filters do not read");
    }
    if own("policies").to_string().contains("experimental.envoy.filters.") {
        return Err("policies about dynamic metadata, which the filters do not read and cannot know to be absent");
    }
    if case["lenient"] == true {
        return Err("a lenient load, which the filters do not offer");
    }
    let address = |key: &str| -> Option<IpAddr> {
        let text = connection[key].as_str()?;
        let address: IpAddr = text.parse().unwrap_or_else(|_| panic!("{}: {text}", path.display()));
        Some(address.to_canonical())
    };
    let source = address("sourceIp").ok_or("no source address")?;
    let destination = address("destinationIp").ok_or("no destination address")?;
    if source.is_ipv4() != destination.is_ipv4() {
        return Err("a connection between IPv4 and IPv6");
    }
    let port = connection["destinationPort"].as_u64().and_then(|port| u16::try_from(port).ok()).ok_or("no port")?;
    if port == 0 {
        return Err("port 0");
    }
    let principals = match &connection["principal"] {
        Value::Null => None,
        Value::String(one) => Some(vec![one.clone()]),
        many => Some(many.as_array().into_iter().flatten().map(|one| one.as_str().unwrap_or_default().to_owned()).collect()),
    };
    let server_name = connection["sni"].as_str().map(str::to_owned);
    let mut tags: Vec<String> =
        case["tags"].as_array().into_iter().flatten().map(|tag| tag.as_str().unwrap_or_default().to_owned()).collect();
    let file = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    if tags.is_empty() {
        tags.push(file.clone());
    }
    Ok(Scenario {
        name: format!("{file}: {}", case["name"].as_str().unwrap_or_default()),
        tags,
        config: configuration(path, case, &own),
        source,
        remote: address("remoteIp").filter(|remote| *remote != source),
        destination,
        port,
        principals,
        server_name,
        is_allowed: case["expect"] == "allow",
    })
}

/// The filter's configuration for a case.
fn configuration<'v>(path: &Path, case: &'v Value, own: &dyn Fn(&str) -> &'v Value) -> String {
    let mut mesh = own("mesh").clone();
    if let Some(mesh) = mesh.as_object_mut() {
        // A matter of ztunnel's; these are sidecars.
        mesh.remove("ambientDryRun");
    }
    let mut answers = BTreeMap::new();
    for (name, provider) in case["customProviders"].as_object().into_iter().flatten() {
        let passes = provider["decision"] == "allow" || (provider["decision"] == "error" && provider["failOpen"] == true);
        answers.insert(name, if passes { "allow" } else { "deny" });
        if mesh["extensionProviders"].is_null() {
            mesh["extensionProviders"] = json!({});
        }
        mesh["extensionProviders"][name] = provider["kind"].clone();
    }
    let policies = match own("policies") {
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let text = |item: &Value| match item {
                Value::String(file) => {
                    fs::read_to_string(path.with_file_name(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
                }
                resource => resource.to_string(),
            };
            items.iter().map(text).collect::<Vec<_>>().join("\n---\n")
        }
        _ => String::new(),
    };
    let workload = own("workload");
    let workload = json!({
        "namespace": workload["namespace"].as_str().unwrap_or("default"),
        "labels": if workload["labels"].is_null() { json!({}) } else { workload["labels"].clone() },
    });
    // The listener of a replay inspects every connection.
    let trust = json!({"serverName": true});
    let mut more = json!({"workload": workload, "logDenialsPerSecond": 0, "trust": trust});
    if !mesh.is_null() {
        more["mesh"] = mesh;
    }
    if !answers.is_empty() {
        more["customProviders"] = json!(answers);
    }
    if !own("profile").is_null() {
        more["profile"] = own("profile").clone();
    }
    config::ours(&policies, more).to_string()
}

impl Scenario {
    /// Whether a filter can be told all of it.
    pub fn carried_by(&self, door: Door) -> Result<(), NotCarried> {
        match (door, &self.principals) {
            (Door::Wasm, Some(many)) if many.len() > 2 => Err("more than two identities, which a property cannot tell apart"),
            _ => Ok(()),
        }
    }

    /// Its peer.
    pub fn client(&self, authority: &crate::Authority) -> Result<Client, NotCarried> {
        let mut client = Client::to((self.destination, self.port)).from(self.source);
        if let Some(remote) = self.remote {
            client = client.on_behalf_of(remote);
        }
        let identity = match &self.principals {
            None => None,
            Some(principals) => {
                let principals: Vec<&str> = principals.iter().map(String::as_str).collect();
                Some(authority.issue(&principals).ok_or("an identity with characters that no certificate can have")?)
            }
        };
        if self.principals.is_some() || self.server_name.is_some() {
            client = client.over_tls_to(identity.as_ref(), self.server_name.as_deref());
        }
        Ok(client)
    }

    /// What its peer sees if the filter does what the suite says.
    pub fn expected(&self) -> Seen {
        if self.is_allowed { Seen::Answer("hello world".into()) } else { Seen::Closed }
    }
}
