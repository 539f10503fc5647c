//! The configuration as users write it: every key known, every mistake reported with its place.

use std::fmt;

use authz_core::{Labels, LoadError, Mesh, PolicyLoader, PolicySet, Profile, ProviderAnswer, Severity, Workload};

use crate::config::{Config, Fields as FieldsOf, FilterStateKeys, Mode, Options, Trust};
use crate::struct_value;
use crate::yaml::{self, Kind, Place, Value};

const KEYS: &[&str] = &[
    "name",
    "mesh",
    "workload",
    "profile",
    "mode",
    "policies",
    "customProviders",
    "logDenialsPerSecond",
    "policyCounters",
    "fields",
    "filterState",
    "trust",
];

/// A configuration that was read; [`compile`](Self::compile) makes it decide.
#[derive(Clone, Debug)]
pub struct Settings {
    policies: PolicySet,
    options: Options,
    namespace: Option<String>,
    labels: Option<Labels>,
}

/// What a proxy knows of the workload that it serves, for what the configuration leaves out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// The namespace.
    pub namespace: Option<String>,
    /// The labels.
    pub labels: Option<Labels>,
}

/// A configuration that is refused: everything that is wrong with it, a line each.
///
/// ```
/// use authz_filter::Settings;
///
/// let error = Settings::read("mode: enforced\nworklod: {}\npolicies: []").unwrap_err();
/// let lines: Vec<&str> = error.lines().collect();
/// assert_eq!(lines[0], "config:1:7: error[bad-value]: mode: `enforced` is not a mode; write `enforce` or `shadow`");
/// assert_eq!(lines[1], "config:2:1: error[unknown-field]: worklod: `worklod` is not a field here; did you mean `workload`?");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError(Vec<String>);

impl ConfigError {
    /// What is wrong, a line each.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    pub(crate) fn new(line: String) -> Self {
        Self(vec![line])
    }

    pub(crate) fn of(lines: Vec<String>) -> Self {
        Self(lines)
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

impl std::error::Error for ConfigError {}

impl Settings {
    /// Reads a configuration: YAML, JSON, or the JSON that a protobuf Struct arrives as.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it, in the order of the text; findings of the policies come last and name
    /// their place in `config` if they are listed there, or in `policies` if they stand there as a text.
    pub fn read(text: &str) -> Result<Self, ConfigError> {
        let document = yaml::read(text, "policies").map_err(|error| {
            let Place { line, column } = error.place;
            ConfigError::new(format!("config:{line}:{column}: error[yaml-syntax]: {}", error.why))
        })?;
        let mut reader = Reader::default();
        let settings = reader.settings(&document, text);
        // Core reports what stands twice around the policies too.
        reader.of_policies.retain(|line| !reader.problems.iter().any(|(_, own)| line.starts_with(own.as_str())));
        let lines: Vec<String> = reader.problems.into_iter().map(|(_, line)| line).chain(reader.of_policies).collect();
        match settings {
            Some(settings) if lines.is_empty() => Ok(settings),
            _ => Err(ConfigError(lines)),
        }
    }

    /// Reads a configuration as a proxy hands it over: a text, or a protobuf Struct in its own encoding.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read), and for bytes that are neither.
    pub fn read_bytes(bytes: &[u8]) -> Result<Self, ConfigError> {
        let neither =
            || ConfigError::new("config:1:1: error[not-utf8]: the configuration is neither UTF-8 nor a protobuf Struct".into());
        if struct_value::is_likely(bytes) {
            return Self::read(&struct_value::to_json(bytes).ok_or_else(neither)?);
        }
        Self::read(std::str::from_utf8(bytes).map_err(|_| neither())?)
    }

    /// Whether the workload has to be completed by what the proxy knows.
    pub fn needs_node(&self) -> bool {
        self.namespace.is_none() || self.labels.is_none()
    }

    /// What the load of the policies found and went on with, a line each.
    pub fn warnings(&self) -> impl Iterator<Item = String> {
        self.policies.findings().iter().map(ToString::to_string)
    }

    /// Compiles the policies for the workload, completed by what the proxy knows of it.
    ///
    /// # Errors
    ///
    /// When neither says which workload it is. Without its labels too: a policy that selects by labels would
    /// silently not apply.
    pub fn compile(self, node: &Node) -> Result<Config, ConfigError> {
        let missing = |what: &str, instead: &str| {
            let help = format!("this proxy's node metadata has none; write `workload: {{{instead}}}`");
            ConfigError::new(format!("config:1:1: error[missing-field]: workload.{what}: it is left out, and {help}"))
        };
        let namespace = self.namespace.as_ref().or(node.namespace.as_ref());
        let namespace = namespace.ok_or_else(|| missing("namespace", "namespace: NAME"))?;
        let labels = self.labels.as_ref().or(node.labels.as_ref());
        let labels = labels.ok_or_else(|| missing("labels", "labels: {}"))?;
        let workload = Workload::new(namespace).with_labels(labels.clone());
        Ok(Config::around(self.policies.authorizer_for(&workload), self.options))
    }
}

/// Collects what is wrong.
#[derive(Debug, Default)]
struct Reader {
    problems: Vec<(Place, String)>,
    of_policies: Vec<String>,
}

/// The fields of a mapping.
#[derive(Clone, Copy, Debug)]
struct Fields<'v> {
    entries: &'v [(Value, Value)],
    path: &'v str,
}

/// A string, and where it stands.
#[derive(Clone, Debug)]
struct Word<'v> {
    place: Place,
    path: String,
    text: &'v str,
}

impl<'v> Fields<'v> {
    fn get(self, name: &str) -> Option<&'v Value> {
        let mut named = self.entries.iter().filter(|(key, _)| matches!(&key.kind, Kind::Scalar(own) if own == name));
        named.next().map(|(_, value)| value)
    }

    fn path(self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }
}

impl Reader {
    fn report(&mut self, place: Place, code: &str, path: &str, message: &str) {
        let path = if path.is_empty() { String::new() } else { format!("{path}: ") };
        let Place { line, column } = place;
        // In the order of the text; of those of one place in that in which they were found.
        let behind = self.problems.partition_point(|(other, _)| *other <= place);
        self.problems.insert(behind, (place, printable(&format!("config:{line}:{column}: error[{code}]: {path}{message}"))));
    }

    fn settings(&mut self, document: &Value, text: &str) -> Option<Settings> {
        let fields = self.fields(document, "", Some(KEYS))?;
        let mesh = self.mesh(fields);
        let providers = self.providers(fields, &mesh);
        let (namespace, labels) = self.workload(fields);
        let default = Options::default();
        let profile = self.one(fields, "profile", Profile::default(), |text| text.parse().map_err(|error| format!("{error}")));
        let mode = self.one(fields, "mode", default.mode, |text| match text {
            "enforce" => Ok(Mode::Enforce),
            "shadow" => Ok(Mode::Shadow),
            _ => Err(format!("`{}` is not a mode; write `enforce` or `shadow`", clip(text))),
        });
        let name = self.one(fields, "name", default.name, name);
        let log_denials_per_second = self.one(fields, "logDenialsPerSecond", default.log_denials_per_second, number);
        let policy_counters = self.one(fields, "policyCounters", default.policy_counters, number);
        let fields_of = self.one(fields, "fields", default.fields, |text| match text {
            "denied" => Ok(FieldsOf::Denied),
            "all" => Ok(FieldsOf::All),
            _ => Err(format!("`{}` is no such choice; write `denied` or `all`", clip(text))),
        });
        let keys = self.keys(fields);
        let trust = self.trust(fields);
        let policies = self.policies(document.place, fields, text, &mesh, profile)?;
        let options = Options { name, mode, providers, log_denials_per_second, policy_counters, fields: fields_of, keys, trust };
        Some(Settings { policies, options, namespace, labels })
    }

    /// The fields of a mapping, of which each is known, if they are ours, and stands once.
    fn fields<'v>(&mut self, value: &'v Value, path: &'v str, known: Option<&[&str]>) -> Option<Fields<'v>> {
        let Kind::Mapping(entries) = &value.kind else {
            let instead = if path.is_empty() { "a configuration is a mapping" } else { "the field takes a mapping" };
            self.report(value.place, "wrong-type", path, instead);
            return None;
        };
        let fields = Fields { entries, path };
        for (at, (key, _)) in entries.iter().enumerate() {
            let Kind::Scalar(name) = &key.kind else {
                self.report(key.place, "wrong-type", path, "a key is a string");
                continue;
            };
            if entries.iter().take(at).any(|(earlier, _)| matches!(&earlier.kind, Kind::Scalar(own) if own == name)) {
                self.report(
                    key.place,
                    "duplicate-key",
                    &fields.path(name),
                    &format!("`{}` stands here a second time", clip(name)),
                );
            }
            let Some(known) = known.filter(|known| !known.contains(&name.as_str())) else { continue };
            let help = match nearest(name, known) {
                Some(right) => format!("did you mean `{right}`?"),
                None => format!("the fields are `{}`", known.join("`, `")),
            };
            let message = format!("`{}` is not a field here; {help}", clip(name));
            self.report(key.place, "unknown-field", &fields.path(&clip(name)), &message);
        }
        Some(fields)
    }

    fn text<'v>(&mut self, value: &'v Value, path: &str) -> Option<&'v str> {
        match &value.kind {
            Kind::Scalar(text) => Some(text),
            Kind::Null | Kind::List(_) | Kind::Mapping(_) => {
                self.report(value.place, "wrong-type", path, "the field takes a string");
                None
            }
        }
    }

    fn word<'v>(&mut self, value: &'v Value, path: String) -> Option<Word<'v>> {
        let text = self.text(value, &path)?;
        Some(Word { place: value.place, path, text })
    }

    /// What a word means, if it means something here.
    fn meaning<T>(&mut self, word: &Word<'_>, read: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        read(word.text).map_err(|why| self.report(word.place, "bad-value", &word.path, &why)).ok()
    }

    fn word_at<'v>(&mut self, fields: Fields<'v>, key: &str) -> Option<Word<'v>> {
        self.word(fields.get(key)?, fields.path(key))
    }

    /// A field of one word that has a default.
    fn one<T>(&mut self, fields: Fields<'_>, key: &str, default: T, read: impl FnOnce(&str) -> Result<T, String>) -> T {
        self.word_at(fields, key).and_then(|word| self.meaning(&word, read)).unwrap_or(default)
    }

    fn texts(&mut self, fields: Fields<'_>, key: &str) -> Vec<String> {
        let Some(value) = fields.get(key) else { return Vec::new() };
        let path = fields.path(key);
        let Kind::List(items) = &value.kind else {
            self.report(value.place, "wrong-type", &path, "the field takes a list");
            return Vec::new();
        };
        items.iter().filter_map(|item| self.text(item, &path).map(str::to_owned)).collect()
    }

    /// A mapping whose keys are the user's.
    fn map<'v>(&mut self, fields: Fields<'v>, key: &str) -> Option<Vec<(&'v str, Word<'v>)>> {
        let value = fields.get(key)?;
        let path = fields.path(key);
        self.fields(value, &path, None)?;
        let Kind::Mapping(entries) = &value.kind else { return None };
        let mut map = Vec::new();
        for (key, value) in entries {
            let Kind::Scalar(name) = &key.kind else { continue };
            map.extend(self.word(value, format!("{path}.{}", clip(name))).map(|word| (name.as_str(), word)));
        }
        Some(map)
    }

    fn mesh(&mut self, fields: Fields<'_>) -> Mesh {
        let mesh = Mesh::default();
        let known = ["rootNamespace", "trustDomain", "trustDomainAliases", "extensionProviders", "multipleCustomProviders"];
        let Some(value) = fields.get("mesh") else { return mesh };
        let Some(fields) = self.fields(value, "mesh", Some(&known)) else { return mesh };
        let kind =
            |text: &str| text.parse().map_err(|_| format!("`{}` is not a kind of provider; write `grpc` or `http`", clip(text)));
        let mut extension_providers = mesh.extension_providers;
        // One by one: to sort them first takes kilobytes of code.
        for (name, word) in self.map(fields, "extensionProviders").unwrap_or_default() {
            if let Some(kind) = self.meaning(&word, kind) {
                extension_providers.insert(name.to_owned(), kind);
            }
        }
        Mesh {
            extension_providers,
            root_namespace: self.one(fields, "rootNamespace", mesh.root_namespace, filled),
            trust_domain: self.one(fields, "trustDomain", mesh.trust_domain, filled),
            trust_domain_aliases: self.texts(fields, "trustDomainAliases"),
            multiple_custom_providers: self.one(fields, "multipleCustomProviders", false, flag),
        }
    }

    fn providers(&mut self, fields: Fields<'_>, mesh: &Mesh) -> Vec<(String, ProviderAnswer)> {
        let answer = |text: &str| match text {
            "allow" => Ok(ProviderAnswer::Allow),
            "deny" => Ok(ProviderAnswer::Deny),
            _ => Err(format!("`{}` is not an answer; write `allow` or `deny`", clip(text))),
        };
        let place = fields.get("customProviders").map_or(Place::default(), |value| value.place);
        let mut providers = Vec::new();
        for (name, word) in self.map(fields, "customProviders").unwrap_or_default() {
            let Some(answer) = self.meaning(&word, answer) else { continue };
            if !mesh.extension_providers.contains_key(name) {
                let message =
                    format!("`{0}` is not a provider of the mesh; add `{0}: grpc` to `mesh.extensionProviders`", clip(name));
                self.report(place, "undefined-provider", &word.path, &message);
            }
            providers.push((name.to_owned(), answer));
        }
        providers
    }

    fn workload(&mut self, fields: Fields<'_>) -> (Option<String>, Option<Labels>) {
        let Some(value) = fields.get("workload") else { return (None, None) };
        let Some(fields) = self.fields(value, "workload", Some(&["namespace", "labels"])) else { return (None, None) };
        let namespace = self.one(fields, "namespace", None, |text| filled(text).map(Some));
        let labels = self.map(fields, "labels").map(|labels| {
            let mut own = Labels::default();
            for (name, word) in labels {
                own.insert(name, word.text);
            }
            own
        });
        (namespace, labels)
    }

    fn keys(&mut self, fields: Fields<'_>) -> FilterStateKeys {
        let known = ["directPeer", "uriSans", "handshake"];
        let Some(value) = fields.get("filterState") else { return FilterStateKeys::default() };
        let Some(fields) = self.fields(value, "filterState", Some(&known)) else { return FilterStateKeys::default() };
        let mut key = |name| self.one(fields, name, None, |text| filled(text).map(Some));
        FilterStateKeys { direct_peer: key("directPeer"), uri_sans: key("uriSans"), handshake: key("handshake") }
    }

    fn trust(&mut self, fields: Fields<'_>) -> Trust {
        let known = ["firstUriSan", "sourceAddress", "serverName"];
        let Some(value) = fields.get("trust") else { return Trust::default() };
        let Some(fields) = self.fields(value, "trust", Some(&known)) else { return Trust::default() };
        let mut trusts = |name| self.one(fields, name, false, flag);
        Trust { first_uri_san: trusts("firstUriSan"), source_address: trusts("sourceAddress"), server_name: trusts("serverName") }
    }

    fn policies(&mut self, start: Place, fields: Fields<'_>, text: &str, mesh: &Mesh, profile: Profile) -> Option<PolicySet> {
        let loader = PolicyLoader::new(mesh).profile(profile);
        let (place, loader) = match fields.get("policies") {
            Some(Value { place, kind: Kind::Scalar(policies) }) => (*place, loader.source("policies", policies)),
            Some(Value { place, kind: Kind::List(_) }) => (*place, loader.section("config", text, "policies")),
            Some(value) => {
                self.report(value.place, "wrong-type", "policies", "the field takes YAML text or a list of resources");
                return None;
            }
            None => {
                let message = "it is left out; write `policies: []` if everything is to be allowed";
                self.report(start, "missing-field", "policies", message);
                return None;
            }
        };
        let is_list = matches!(fields.get("policies"), Some(Value { kind: Kind::List(_), .. }));
        let policies = loader.load().map_err(|error| self.of_policies = lines(&error)).ok()?;
        // An empty list is an answer; a text about other things, or about nothing, is an oversight.
        let is_meant = policies.has_empty_list() || (is_list && policies.other_kinds().next().is_none());
        if policies.is_empty() && !is_meant {
            let message =
                "no AuthorizationPolicy or PeerAuthentication stands here; write the list `policies: []` to allow everything";
            self.report(place, "no-policies", "policies", message);
        }
        Some(policies)
    }
}

fn lines(error: &LoadError) -> Vec<String> {
    let errors = error.findings().iter().filter(|finding| finding.severity() == Severity::Error);
    errors.map(|finding| printable(&finding.to_string())).collect()
}

fn filled(text: &str) -> Result<String, String> {
    if text.is_empty() { Err("it is empty; write a value, or leave the field out".into()) } else { Ok(text.to_owned()) }
}

/// A name that counters, filter state and metadata can start with.
fn name(text: &str) -> Result<String, String> {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if (1..=63).contains(&text.len()) && text.chars().all(is_plain) {
        return Ok(text.to_owned());
    }
    Err(format!("`{}` is not a name; it takes up to 63 of a-z, 0-9 and `_`", clip(text)))
}

fn flag(text: &str) -> Result<bool, String> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(format!("`{}` is not `true` or `false`", clip(text))),
    }
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("`{}` is not a whole number from 0", clip(text)))
}

fn nearest<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    let lower = clip(word).to_ascii_lowercase();
    let distance = |candidate: &str| strsim::damerau_levenshtein(&lower, &candidate.to_ascii_lowercase());
    let near = known.iter().map(|candidate| (distance(candidate), *candidate));
    near.filter(|(distance, candidate)| *distance <= 1 + candidate.len() / 4).min().map(|(_, candidate)| candidate)
}

/// The start of a text that may be long.
fn clip(text: &str) -> String {
    const MOST: usize = 80;
    let mut characters = text.chars();
    let start: String = characters.by_ref().take(MOST).collect();
    if characters.next().is_some() { format!("{start}…") } else { start }
}

/// A text as one line of a log.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests;
