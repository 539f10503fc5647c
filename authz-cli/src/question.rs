//! What `check` and `explain` are asked: policies, a workload, and a connection to it.

use std::path::PathBuf;

use authz_core::{Authorizer, Connection, Labels, Workload};
use clap::Args;
use clap::builder::NonEmptyStringValueParser;

use crate::connection::ConnectionArgs;
use crate::console::{Console, Format};
use crate::exit::Failure;
use crate::mesh::repeated;
use crate::policies::{self, LoadArgs};

/// The input of a decision.
#[derive(Args, Clone, Debug)]
pub(crate) struct Question {
    /// Files, folders, globs, or `-` for standard input
    ///
    /// Folders are searched for *.yaml, *.yml and *.json, without hidden files. A file may hold many
    /// documents, lists and other kinds, in YAML or JSON.
    #[arg(long, value_name = "PATH", num_args = 1.., required = true)]
    policies: Vec<PathBuf>,

    /// Go on without what cannot be read; this can only deny more
    #[arg(long)]
    lenient: bool,

    /// What to print
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) output: Format,

    #[command(flatten)]
    load: LoadArgs,

    /// The namespace of the workload
    #[arg(long, value_name = "NAMESPACE", value_parser = NonEmptyStringValueParser::new(), help_heading = "Workload")]
    namespace: String,

    /// A label of the workload; may be repeated
    #[arg(long = "label", value_name = "KEY=VALUE", value_delimiter = ',', value_parser = label, help_heading = "Workload")]
    labels: Vec<(String, String)>,

    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}

impl Question {
    /// Loads the policies and hands the authorizer and the connection to `work`.
    pub(crate) fn ask<R>(&self, console: Console, work: impl FnOnce(&Authorizer, &Connection<'_>) -> R) -> Result<R, Failure> {
        if let Some(key) = repeated(&self.labels) {
            return Err(Failure::new(format!("label `{key}` is given twice, and a workload has it once; leave one of them out")));
        }
        let load = self.load.load(&self.policies, self.lenient)?;
        let policies = policies::loaded(load, &self.policies, console)?;
        let labels: Labels = self.labels.iter().cloned().collect();
        let authorizer = policies.authorizer_for(&Workload::new(&self.namespace).with_labels(labels));
        self.connection.with(|connection| work(&authorizer, connection))
    }
}

fn label(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("write KEY=VALUE".into()),
    }
}
