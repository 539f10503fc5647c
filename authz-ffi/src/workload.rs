//! The workload that connections reach, as C states it.

use authz_core::{Labels, Workload};

use crate::boundary::{Caller, Growing};
use crate::mesh::stated;
use crate::status::authz_status;
use crate::text::authz_text;

/// A label of a workload.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct authz_label {
    /// The key.
    pub key: authz_text,
    /// The value; may be empty.
    pub value: authz_text,
}

/// The workload that connections reach: its namespace and its labels, by which policies select it.
///
/// Owned by the caller and only read during the call.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct authz_workload {
    /// `sizeof(authz_workload)`.
    pub size: usize,
    /// The namespace; an empty one is an error.
    pub namespace_name: authz_text,
    /// The labels, each key once.
    pub labels: *const authz_label,
    /// How many they are.
    pub labels_len: usize,
}

// SAFETY: `repr(C)` with the size first; integers and pointers of one size.
unsafe impl Growing for authz_workload {
    const FIRST: usize = size_of::<usize>() * 5;
}

const _: () = assert!(size_of::<authz_workload>() == authz_workload::FIRST);

/// The workload that C states.
pub(crate) fn workload(caller: &Caller, workload: *const authz_workload) -> Result<Workload, authz_status> {
    let given = caller.growing(workload)?;
    let mut labels = Labels::default();
    for label in caller.slice(given.labels, given.labels_len)? {
        let key = stated(caller, label.key)?;
        if labels.get(key).is_some() {
            return Err(authz_status::Contradiction);
        }
        labels.insert(key, caller.text(label.value)?);
    }
    Ok(Workload::new(stated(caller, given.namespace_name)?).with_labels(labels))
}
