// What the page shows: everything that a share link carries.
import type { Change, Connection, Fact, Mesh, Workload } from "authz-wasm-web";

import { metadataText, readMetadata } from "./metadata";

export type TransportChoice = "plaintext" | "tls" | "mtls" | "unknown";

/** The form of a connection, as typed. */
export interface Form {
  sourceIp: string;
  remoteIp: string;
  destinationIp: string;
  destinationPort: string;
  transport: TransportChoice;
  principal: string;
  sni: string;
  metadata: string;
  /** The facts that are said not to be known yet. */
  unknown: Fact[];
}

export interface State {
  policies: string;
  mesh: Mesh;
  lenient: boolean;
  workload: Workload;
  form: Form;
  /** The other version of the policies; nothing where none is compared with. */
  other?: string;
  suite: string;
}

export const START: State = {
  policies: "",
  mesh: {},
  lenient: false,
  workload: { namespace: "default" },
  form: {
    sourceIp: "10.244.1.46",
    remoteIp: "",
    destinationIp: "10.244.2.10",
    destinationPort: "9000",
    transport: "plaintext",
    principal: "",
    sni: "",
    metadata: "",
    unknown: [],
  },
  suite: "",
};

/** The connection that a form describes. What cannot be read in it the engine says. */
export function toConnection(form: Form): Connection {
  const unknown = new Set<Fact>(form.unknown);
  const connection: Connection = {};
  const address = (fact: "sourceIp" | "remoteIp" | "destinationIp"): void => {
    if (unknown.has(fact)) return;
    const text = form[fact].trim();
    if (text) connection[fact] = text;
    else if (fact !== "remoteIp") unknown.add(fact);
  };
  address("sourceIp");
  address("remoteIp");
  address("destinationIp");
  if (!unknown.has("destinationPort")) {
    const port = form.destinationPort.trim();
    if (/^\d+$/.test(port)) connection.destinationPort = Number(port);
    else if (port === "") unknown.add("destinationPort");
    // Not a number, so that the engine refuses it in its own words.
    else connection.destinationPort = port as unknown as number;
  }
  switch (form.transport) {
    case "plaintext":
      unknown.delete("peer");
      break;
    case "tls":
      connection.tls = true;
      unknown.delete("peer");
      break;
    case "mtls": {
      const identities = form.principal.split(/[\s,]+/).filter((identity) => identity !== "");
      connection.principal = unknown.has("peer") ? [] : identities;
      break;
    }
    case "unknown":
      unknown.add("transport").add("peer");
      break;
  }
  if (form.transport !== "plaintext" && !unknown.has("sni") && form.sni.trim()) connection.sni = form.sni.trim();
  if (!unknown.has("metadata") && form.metadata.trim()) connection.metadata = readMetadata(form.metadata);
  if (unknown.size > 0) connection.unknown = [...unknown];
  return connection;
}

/** The form that describes a connection: read back, it is decided as the connection is. */
export function toForm(connection: Connection): Form {
  const unknown = new Set<Fact>(connection.unknown ?? []);
  const { principal, sni } = connection;
  let transport: TransportChoice = "plaintext";
  // A server name alone says nothing of the handshake behind it.
  const isOpen = unknown.has("peer") && principal === undefined && !connection.tls;
  if (unknown.has("transport") || isOpen) transport = "unknown";
  else if (principal !== undefined) transport = "mtls";
  else if (connection.tls || sni !== undefined) transport = "tls";
  if (transport === "unknown") {
    unknown.delete("transport");
    unknown.delete("peer");
  }
  return {
    sourceIp: connection.sourceIp ?? "",
    remoteIp: connection.remoteIp ?? "",
    destinationIp: connection.destinationIp ?? "",
    destinationPort: connection.destinationPort === undefined ? "" : String(connection.destinationPort),
    transport,
    principal: Array.isArray(principal) ? principal.join(", ") : (principal ?? ""),
    sni: sni ?? "",
    metadata: metadataText(connection.metadata ?? {}),
    unknown: [...unknown],
  };
}

/** The form with one fact changed as a near miss asks. */
export function applied(form: Form, { fact, example }: Change): Form {
  const value = example ?? "";
  const unknown = form.unknown.filter((other) => other !== fact);
  switch (fact) {
    case "peer":
      return { ...form, transport: "mtls", principal: value, unknown: unknown.filter((other) => other !== "transport") };
    case "sni":
      return { ...form, sni: value, unknown, transport: form.transport === "plaintext" && value ? "tls" : form.transport };
    case "sourceIp":
    case "remoteIp":
    case "destinationIp":
    case "destinationPort":
      return { ...form, [fact]: value, unknown };
    case "transport":
    case "metadata":
      return form;
  }
}

/** Labels as one types them: `app=web, version=v1`. */
export const labelsText = (workload: Workload): string =>
  Object.entries(workload.labels ?? {})
    .map(([key, value]) => `${key}=${value}`)
    .join(", ");

export function readLabels(text: string): Record<string, string> {
  const pairs = text
    .split(/[,\n]+/)
    .map((pair) => pair.trim())
    .filter((pair) => pair !== "");
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.search(/[=:]/);
      return at < 0 ? [pair, ""] : [pair.slice(0, at).trim(), pair.slice(at + 1).trim()];
    }),
  );
}
