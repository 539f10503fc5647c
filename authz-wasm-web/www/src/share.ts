// A state as the fragment of an address: compressed, and never sent to a server.
import { START, type State } from "./state";

const through = async (bytes: Uint8Array<ArrayBuffer>, stream: CompressionStream | DecompressionStream) =>
  new Uint8Array(await new Response(new Blob([bytes]).stream().pipeThrough(stream)).arrayBuffer());

/** The fragment that stands for a state. */
export async function toFragment(state: State): Promise<string> {
  const bytes = new TextEncoder().encode(JSON.stringify(state));
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

/** A state of which every part has the shape that it should, whatever a link says. */
function checked(found: Partial<State>): State {
  const text = (value: unknown, otherwise: string): string => (typeof value === "string" ? value : otherwise);
  const form = { ...START.form };
  const given: Record<string, unknown> = { ...found.form };
  for (const key of ["sourceIp", "remoteIp", "destinationIp", "destinationPort", "principal", "sni"] as const) {
    form[key] = text(given[key], "");
  }
  const transport = ["plaintext", "tls", "mtls", "unknown"] as const;
  form.transport = transport.find((choice) => choice === given["transport"]) ?? "plaintext";
  form.unknown = Array.isArray(given["unknown"]) ? found.form?.unknown.filter((fact) => typeof fact === "string") ?? [] : [];
  const labels = Object.entries(found.workload?.labels ?? {}).filter(([, value]) => typeof value === "string");
  const state: State = {
    policies: text(found.policies, ""),
    mesh: typeof found.mesh === "object" && found.mesh !== null ? found.mesh : {},
    lenient: found.lenient === true,
    workload: { namespace: text(found.workload?.namespace, "default"), labels: Object.fromEntries(labels) },
    form,
    suite: text(found.suite, ""),
  };
  return found.other === undefined ? state : { ...state, other: text(found.other, "") };
}
