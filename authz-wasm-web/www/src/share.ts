// A state as the fragment of an address: compressed, and never sent to a server.
import type { Connection, Mesh } from "authz-wasm-web";

import { START, type State } from "./state";

/** The most that a link may unfold to. A megabyte of policies is much; what is packed a thousandfold is an attack. */
const MOST = 8_000_000;

/** How much is unfolded at once: a browser unfolds all that it is given before anybody can count it. */
const PORTION = 1024;

/** Sends bytes through a stream, up to the most that may come out. */
async function through(bytes: Uint8Array<ArrayBuffer>, stream: CompressionStream | DecompressionStream): Promise<Uint8Array> {
  let sent = 0;
  const portions = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull(controller) {
      if (sent < bytes.length) controller.enqueue(bytes.subarray(sent, (sent += PORTION)));
      else controller.close();
    },
  });
  const reader = portions.pipeThrough(stream).getReader();
  const parts: Uint8Array[] = [];
  let size = 0;
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    size += part.value.length;
    if (size > MOST) {
      await reader.cancel();
      throw new Error("too large");
    }
    parts.push(part.value);
  }
  const all = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** The fragment that stands for a state. */
export async function toFragment(state: State): Promise<string> {
  const bytes = new TextEncoder().encode(JSON.stringify(state));
  if (bytes.length > MOST) throw new Error("This is too much for a link.");
  const packed = await through(bytes, new CompressionStream("deflate-raw"));
  const text = Array.from(packed, (byte) => String.fromCharCode(byte)).join("");
  return `#1.${btoa(text).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "")}`;
}

/** The state that a fragment stands for; nothing where it stands for none. */
export async function fromFragment(fragment: string): Promise<State | undefined> {
  if (!fragment.startsWith("#1.")) return undefined;
  try {
    const text = atob(fragment.slice(3).replaceAll("-", "+").replaceAll("_", "/"));
    const packed = Uint8Array.from(text, (character) => character.charCodeAt(0));
    const bytes = await through(packed, new DecompressionStream("deflate-raw"));
    return checked(JSON.parse(new TextDecoder().decode(bytes)));
  } catch {
    return undefined;
  }
}

type Members = Record<string, unknown>;

/** The members of an object; none where it is something else. */
const members = (value: unknown): Members => (typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : {});
const text = (value: unknown, otherwise: string): string => (typeof value === "string" ? value : otherwise);
const isText = (value: unknown): value is string => typeof value === "string";

/** A state of which every part has the shape that it should, whatever a link says; nothing where it holds no policies. */
function checked(value: unknown): State | undefined {
  const found = members(value);
  // Without them it would show what an empty cluster does: that everything passes.
  if (!isText(found["policies"])) return undefined;
  const given = members(found["form"]);
  const form = { ...START.form };
  for (const key of ["sourceIp", "remoteIp", "destinationIp", "destinationPort", "principal", "sni", "metadata"] as const) {
    form[key] = text(given[key], "");
  }
  const transport = ["plaintext", "tls", "mtls", "unknown"] as const;
  form.transport = transport.find((choice) => choice === given["transport"]) ?? "unknown";
  const unknown: unknown[] = Array.isArray(given["unknown"]) ? given["unknown"] : [];
  // What is no fact the engine refuses.
  form.unknown = unknown.filter(isText) as NonNullable<Connection["unknown"]>;
  const workload = members(found["workload"]);
  const labels = Object.entries(members(workload["labels"])).filter((label): label is [string, string] => isText(label[1]));
  const state: State = {
    policies: found["policies"],
    mesh: mesh(members(found["mesh"])),
    lenient: found["lenient"] === true,
    workload: { namespace: text(workload["namespace"], "default"), labels: Object.fromEntries(labels) },
    form,
    suite: text(found["suite"], ""),
  };
  return found["other"] === undefined ? state : { ...state, other: text(found["other"], "") };
}

function mesh(given: Members): Mesh {
  const mesh: Mesh = {};
  if (isText(given["rootNamespace"])) mesh.rootNamespace = given["rootNamespace"];
  if (isText(given["trustDomain"])) mesh.trustDomain = given["trustDomain"];
  if (Array.isArray(given["trustDomainAliases"])) mesh.trustDomainAliases = given["trustDomainAliases"].filter(isText);
  const isKind = (kind: unknown): kind is "grpc" | "http" => kind === "grpc" || kind === "http";
  const providers = Object.entries(members(given["extensionProviders"])).filter((entry): entry is [string, "grpc" | "http"] => isKind(entry[1]));
  if (providers.length > 0) mesh.extensionProviders = Object.fromEntries(providers);
  if (given["multipleCustomProviders"] === true) mesh.multipleCustomProviders = true;
  return mesh;
}
