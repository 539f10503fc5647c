// Field names and words of the two kinds, offered where they may stand.
import type { Completion, CompletionContext, CompletionResult } from "@codemirror/autocomplete";

/** A field: those inside it, or the words that it takes. */
interface Field {
  about: string;
  fields?: Record<string, Field>;
  words?: string[];
  /** Takes what the engine takes as `key` of a condition. */
  isKey?: boolean;
  /** What stands behind its colon: a list, a mapping, or a value on the line. */
  list?: boolean;
}

const text = (about: string): Field => ({ about });
const list = (about: string, fields?: Record<string, Field>): Field => ({ about, list: true, ...(fields ? { fields } : {}) });
const http = (about: string): Field => list(`${about}; HTTP only, not judged on TCP`);

const both = (field: string, make: (about: string) => Field, about: string): Record<string, Field> => ({
  [field]: make(about),
  [`not${field.charAt(0).toUpperCase()}${field.slice(1)}`]: make(`${about}, to be kept out`),
});

const MODES = ["STRICT", "PERMISSIVE", "DISABLE", "UNSET"];

const selector: Field = { about: "which workloads; all of the namespace without it", fields: { matchLabels: { about: "labels that the workload has", fields: {} } } };

const metadata: Field = {
  about: "name and namespace",
  fields: {
    name: text("the name"),
    namespace: text("where the policy holds; the root namespace means the whole mesh"),
    annotations: { about: "istio.io/dry-run among them", fields: { "istio.io/dry-run": { about: "only tried out", words: ['"true"', '"false"'] } } },
    labels: { about: "of the policy itself", fields: {} },
  },
};

const rule: Record<string, Field> = {
  from: list("who: one of these", {
    source: {
      about: "all of these fields",
      fields: {
        ...both("principals", list, "identities, TRUST_DOMAIN/ns/NAMESPACE/sa/ACCOUNT; mesh mTLS only"),
        ...both("namespaces", list, "namespaces of the peer; mesh mTLS only"),
        ...both("serviceAccounts", list, "NAMESPACE/ACCOUNT or ACCOUNT; mesh mTLS only"),
        ...both("trustDomains", list, "trust domains of the peer; mesh mTLS only"),
        ...both("ipBlocks", list, "addresses of the direct peer"),
        ...both("remoteIpBlocks", list, "addresses of the original client"),
        ...both("requestPrincipals", http, "identities of a JWT"),
      },
    },
  }),
  to: list("what: one of these", {
    operation: {
      about: "all of these fields",
      fields: {
        ...both("ports", list, "ports of the workload, in quotes"),
        ...both("hosts", http, "hosts"),
        ...both("methods", http, "methods"),
        ...both("paths", http, "paths"),
      },
    },
  }),
  when: list("further conditions: all of these", {
    key: { about: "the attribute", isKey: true },
    ...both("values", list, "one of these"),
  }),
};

const target: Record<string, Field> = {
  group: text("gateway.networking.k8s.io for a Gateway"),
  kind: text("Gateway, GatewayClass, Service or ServiceEntry"),
  name: text("its name"),
};

const SPECS: Record<string, Record<string, Field>> = {
  AuthorizationPolicy: {
    selector,
    targetRef: { about: "what the policy is attached to", fields: target },
    targetRefs: list("what the policy is attached to", target),
    action: { about: "what its rules order; ALLOW without it", words: ["ALLOW", "DENY", "AUDIT", "CUSTOM"] },
    provider: { about: "who is asked by CUSTOM", fields: { name: text("its name in the mesh") } },
    rules: list("one that matches is enough", rule),
  },
  PeerAuthentication: {
    selector,
    mtls: { about: "for all ports", fields: { mode: { about: "the mode", words: MODES } } },
    portLevelMtls: { about: "for single ports of the workload", fields: {} },
  },
};

function root(kind: string): Record<string, Field> {
  return {
    apiVersion: { about: "security.istio.io/v1", words: ["security.istio.io/v1"] },
    kind: { about: "AuthorizationPolicy or PeerAuthentication", words: Object.keys(SPECS) },
    metadata,
    spec: { about: "what it orders", fields: SPECS[kind] ?? { ...SPECS["AuthorizationPolicy"], ...SPECS["PeerAuthentication"] } },
  };
}

/** A line that starts a field: its indentation, list dashes included, and its name. */
const LINE = /^(\s*(?:- +)*)([\w./-]+)\s*:/;

/** The fields that the lines above a place are inside of, outermost first. */
function path(lines: string[], column: number): string[] {
  const path: string[] = [];
  let limit = column;
  for (let at = lines.length - 1; at >= 0 && limit > 0; at--) {
    const line = lines[at] ?? "";
    if (/^---/.test(line)) break;
    const match = LINE.exec(line);
    if (!match) continue;
    const [, indent = "", name = ""] = match;
    // A list may stand as far left as the field that it belongs to.
    if (indent.length < limit) {
      path.unshift(name);
      limit = indent.includes("-") ? Math.min(indent.indexOf("-") + 1, indent.length) : indent.length;
    }
  }
  return path;
}

/** Completes the name of a field, or a word behind it; the keys of conditions are those that the engine names. */
export const completion =
  (keys: () => string[]) =>
  (context: CompletionContext): CompletionResult | null =>
    complete(context, keys);

function complete(context: CompletionContext, keys: () => string[]): CompletionResult | null {
  const line = context.state.doc.lineAt(context.pos);
  const before = line.text.slice(0, context.pos - line.from);
  const match = /^(\s*(?:- +)*)(?:([\w./-]+): +)?(["'\w./-]*)$/.exec(before);
  if (!match) return null;
  const [, indent = "", field, word = ""] = match;
  if (word === "" && !context.explicit) return null;
  const text = context.state.doc.sliceString(0, line.from);
  const document = text.split(/^---.*$/m).at(-1) ?? "";
  const rest = context.state.doc.sliceString(line.to).split(/^---.*$/m)[0] ?? "";
  const kind = /^kind: *["']?(\w+)/m.exec(`${document}\n${rest}`)?.[1] ?? "";
  let fields: Record<string, Field> | undefined = root(kind);
  const dash = indent.indexOf("-");
  for (const name of path(document.split("\n"), dash >= 0 ? dash + 1 : indent.length)) {
    // What this item's own first field is inside of does not count twice.
    const inner: Field | undefined = fields?.[name];
    if (inner) fields = inner.fields;
    else if (fields && !(name in fields)) fields = undefined;
  }
  if (!fields) return null;
  const from = context.pos - word.length;
  if (field !== undefined) {
    const words = fields[field]?.isKey ? keys() : fields[field]?.words;
    return words ? { from, options: words.map((label): Completion => ({ label })), validFor: /^["'\w./-]*$/ } : null;
  }
  const options = Object.entries(fields).map(([label, inner]): Completion => {
    const behind = " ".repeat(indent.length);
    const apply = inner.list
      ? `${label}:\n${behind}- `
      : inner.fields
        ? `${label}:\n${behind}  `
        : `${label}: `;
    return { label, detail: inner.about, apply };
  });
  return options.length > 0 ? { from, options, validFor: /^[\w./-]*$/ } : null;
}
