// Metadata as one types it: `FILTER|KEY=VALUE; FILTER|KEY=[VALUE, VALUE]`, as on the command line.

type Metadata = Record<string, string | string[]>;

export const metadataText = (metadata: Metadata): string =>
  Object.entries(metadata)
    .map(([key, value]) => `${key}=${Array.isArray(value) ? `[${value.join(", ")}]` : value}`)
    .join("; ");

/** What is typed. What has another form becomes a key that the engine refuses in its own words. */
export function readMetadata(text: string): Metadata {
  const found = new Map<string, string | string[]>();
  for (const entry of text.split(";").map((entry) => entry.trim())) {
    if (entry === "") continue;
    const [key, written] = split(entry);
    const value = /^\[.*\]$/s.test(written) ? listed(written.slice(1, -1)) : written;
    const known = found.get(key);
    // A key that stands there twice has a list.
    found.set(key, known === undefined ? value : [known, value].flat());
  }
  return Object.fromEntries(found);
}

const listed = (text: string): string[] => (text === "" ? [] : text.split(",").map((item) => item.trim()));

/** The key and the value of an entry; a key may be written as a condition writes it. */
function split(entry: string): [key: string, value: string] {
  const condition = /^experimental\.(envoy\.filters\.[^[]*)\[(.*?)\]=(.*)$/s.exec(entry);
  if (condition) return [`${condition[1]}|${condition[2]}`, condition[3] ?? ""];
  const at = entry.indexOf("=", entry.indexOf("|") + 1);
  return at < 0 ? [entry, ""] : [entry.slice(0, at), entry.slice(at + 1)];
}
