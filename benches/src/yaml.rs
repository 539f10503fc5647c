//! What reading YAML costs by itself.

use saphyr_parser::{Event, Parser};

/// Reads all events of a text, as the loader does, and does nothing with them. Answers how many scalars there are.
///
/// ```
/// use authz_benches::yaml_scalars;
///
/// assert_eq!(yaml_scalars("a: [b, c]"), 3);
/// ```
pub fn yaml_scalars(text: &str) -> usize {
    Parser::new_from_str(text).flatten().filter(|(event, _)| matches!(event, Event::Scalar(..))).count()
}
