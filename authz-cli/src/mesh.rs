//! The mesh that policies are read for, as options of a command.

use authz_core::{Mesh, ProviderKind};
use clap::Args;
use clap::builder::NonEmptyStringValueParser;

use crate::exit::Failure;

/// Settings that all policies of a mesh share; the defaults are Istio's.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Mesh")]
pub(crate) struct MeshArgs {
    /// The namespace whose policies hold for the whole mesh
    #[arg(long, value_name = "NAMESPACE", default_value = "istio-system", value_parser = NonEmptyStringValueParser::new())]
    root_namespace: String,

    /// The trust domain of the mesh
    #[arg(long, value_name = "DOMAIN", default_value = "cluster.local", value_parser = NonEmptyStringValueParser::new())]
    trust_domain: String,

    /// A further trust domain whose identities count as the mesh's own; may be repeated
    #[arg(long = "trust-domain-alias", value_name = "DOMAIN", value_delimiter = ',', value_parser = NonEmptyStringValueParser::new())]
    trust_domain_aliases: Vec<String>,

    /// An extension provider that CUSTOM policies may name, and its kind: `grpc` or `http`; may be repeated
    #[arg(long = "provider", value_name = "NAME=KIND", value_delimiter = ',', value_parser = provider)]
    providers: Vec<(String, ProviderKind)>,

    /// A workload may have several CUSTOM providers (PILOT_ENABLE_MULTIPLE_CUSTOM_AUTHZ_PROVIDERS)
    #[arg(long)]
    multiple_custom_providers: bool,
}

impl MeshArgs {
    pub(crate) fn mesh(&self) -> Result<Mesh, Failure> {
        if let Some(name) = repeated(&self.providers) {
            return Err(Failure::new(format!("provider `{name}` is given twice; leave one of them out")));
        }
        Ok(Mesh {
            root_namespace: self.root_namespace.clone(),
            trust_domain: self.trust_domain.clone(),
            trust_domain_aliases: self.trust_domain_aliases.clone(),
            extension_providers: self.providers.iter().cloned().collect(),
            multiple_custom_providers: self.multiple_custom_providers,
        })
    }
}

/// The first key that stands twice among some pairs: which of its values counts, nobody can say.
pub(crate) fn repeated<V>(pairs: &[(String, V)]) -> Option<&str> {
    let is_repeated = |(at, (key, _)): &(usize, &(String, V))| pairs.iter().skip(at + 1).any(|(other, _)| other == key);
    pairs.iter().enumerate().find(is_repeated).map(|(_, (key, _))| key.as_str())
}

fn provider(text: &str) -> Result<(String, ProviderKind), String> {
    let (name, kind) = text.split_once('=').ok_or("write NAME=grpc or NAME=http")?;
    if name.is_empty() {
        return Err("the name before `=` is empty".into());
    }
    let kind = kind.parse().map_err(|error: authz_core::UnknownProviderKind| error.to_string())?;
    Ok((name.to_owned(), kind))
}
