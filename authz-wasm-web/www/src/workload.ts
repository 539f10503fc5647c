// Whom connections reach: the workload, and the settings of its mesh.
import type { Applied, Mesh, Workload } from "authz-wasm-web";

import { byId, count, el } from "./element";
import { type State, labelsText, readLabels } from "./state";

const suggestions = byId<HTMLSelectElement>("workloads");
const namespace = byId<HTMLInputElement>("namespace");
const labels = byId<HTMLInputElement>("labels");
const rootNamespace = byId<HTMLInputElement>("root-namespace");
const trustDomain = byId<HTMLInputElement>("trust-domain");
const aliases = byId<HTMLInputElement>("aliases");
const providers = byId<HTMLInputElement>("providers");
const several = byId<HTMLInputElement>("several-providers");
const lenient = byId<HTMLInputElement>("lenient");
const summary = byId("mesh-summary");
const applied = byId("applied");

type Part = Pick<State, "workload" | "mesh" | "lenient">;

const sameWorkload = (a: Workload, b: Workload): boolean =>
  a.namespace === b.namespace && labelsText(sorted(a)) === labelsText(sorted(b));

const sorted = ({ namespace, labels = {} }: Workload): Workload => ({
  namespace,
  labels: Object.fromEntries(Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1))),
});

let known: Workload[] = [];

/** Tells of every change. */
export function onWorkload(change: (part: Part) => void): void {
  const tell = (): void => change({ workload: read(), mesh: readMesh(), lenient: lenient.checked });
  for (const input of [namespace, labels, rootNamespace, trustDomain, aliases, providers]) {
    input.addEventListener("input", () => {
      mark();
      tell();
    });
  }
  for (const box of [several, lenient]) box.addEventListener("change", tell);
  suggestions.addEventListener("change", () => {
    const chosen = known[Number(suggestions.value)];
    if (!chosen) return;
    write(chosen);
    tell();
  });
}

export function showWorkload(part: Part): void {
  write(part.workload);
  rootNamespace.value = part.mesh.rootNamespace ?? "";
  trustDomain.value = part.mesh.trustDomain ?? "";
  aliases.value = (part.mesh.trustDomainAliases ?? []).join(", ");
  providers.value = Object.entries(part.mesh.extensionProviders ?? {})
    .map(([name, kind]) => `${name}=${kind}`)
    .join(", ");
  several.checked = part.mesh.multipleCustomProviders ?? false;
  lenient.checked = part.lenient;
  summarize();
}

/** Offers the workloads that the policies speak of. */
export function suggest(workloads: Workload[]): void {
  known = workloads;
  mark();
}

/** Says which policies apply. */
export function showApplied(policies: Applied[]): void {
  applied.textContent =
    policies.length === 0
      ? "No policy applies to the workload."
      : `${count(policies.length, "policy").replace("policys", "policies")} ${policies.length === 1 ? "applies" : "apply"}: ${policies
          .slice(0, 8)
          .map(({ action, kind, policy, dryRun }) => `${action ?? kind} ${policy}${dryRun ? " (dry run)" : ""}`)
          .join(", ")}${policies.length > 8 ? " …" : ""}`;
}

const read = (): Workload => ({ namespace: namespace.value.trim(), labels: readLabels(labels.value) });

function write(workload: Workload): void {
  namespace.value = workload.namespace;
  labels.value = labelsText(workload);
  mark();
}

/** Shows in the list of suggestions which of them the fields say. */
function mark(): void {
  const current = read();
  const at = known.findIndex((workload) => sameWorkload(workload, current));
  const options = known.map((workload, index) => {
    const text = labelsText(workload);
    const label = text ? `${workload.namespace}: ${text}` : `${workload.namespace}: any other workload`;
    return el("option", { value: String(index), selected: index === at }, label);
  });
  const own = el("option", { value: "", selected: at < 0 }, known.length > 0 ? "another workload" : "no workload is named");
  suggestions.replaceChildren(...options, own);
  summarize();
}

function readMesh(): Mesh {
  const mesh: Mesh = {};
  const list = (text: string): string[] => text.split(/[\s,]+/).filter((item) => item !== "");
  if (rootNamespace.value.trim()) mesh.rootNamespace = rootNamespace.value.trim();
  if (trustDomain.value.trim()) mesh.trustDomain = trustDomain.value.trim();
  if (list(aliases.value).length > 0) mesh.trustDomainAliases = list(aliases.value);
  // Half a word is no kind yet.
  const named = list(providers.value)
    .map((pair) => pair.split("="))
    .filter(([name, kind]) => name !== "" && (kind === "grpc" || kind === "http"));
  if (named.length > 0) mesh.extensionProviders = Object.fromEntries(named);
  if (several.checked) mesh.multipleCustomProviders = true;
  return mesh;
}

function summarize(): void {
  const root = rootNamespace.value.trim() || rootNamespace.placeholder;
  const domain = trustDomain.value.trim() || trustDomain.placeholder;
  const more = aliases.value.trim() ? `, aliases ${aliases.value.trim()}` : "";
  summary.textContent = `${domain}${more} · root namespace ${root}${lenient.checked ? " · lenient" : ""}`;
}
