// The verdict, why, and what would change it.
import type { Change, Decision, LoadReport, Location, NearMiss } from "authz-wasm-web";

import { byId, count, el } from "./element";
import type { Hints } from "./protocol";
import { type Form, applied } from "./state";

const card = byId("verdict");

export interface Actions {
  reveal(location: Location): void;
  /** Puts other facts into the form. */
  change(change: (form: Form) => Form): void;
}

const SHAPES = {
  allow: "M3 8.5l3.2 3.2L13 4.8",
  deny: "M4 4l8 8M12 4l-8 8",
  none: "M8 3.5v5.5M8 11.8v.7",
};

const icon = (shape: keyof typeof SHAPES): SVGSVGElement => {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", SHAPES[shape]);
  svg.append(path);
  return svg;
};

/** The sentence without the verdict in front of it, and without the place behind it. */
export function sentence(message: string): string {
  const why = message.replace(/^(allow|deny): /, "").replace(/ \([^()]*\.yaml:\d+:\d+\)/g, "");
  return why.charAt(0).toUpperCase() + why.slice(1);
}

const place = (location: Location, actions: Actions): HTMLElement =>
  el("button", { type: "button", class: "link", onclick: () => actions.reveal(location) }, `line ${location.line}`);

/** Nothing is decided: the policies do not load, or the connection is none. */
export function showNothing(title: string, why: string, report: LoadReport | undefined, actions: Actions): void {
  const first = report?.findings.find((finding) => finding.severity === "error");
  card.className = "verdict none";
  card.replaceChildren(
    icon("none"),
    el(
      "div",
      { class: "words" },
      el("p", { class: "title" }, title),
      el("p", {}, why, first ? " " : undefined, first ? place(first.location, actions) : undefined),
    ),
  );
}

export function showDecision(decision: Decision, actions: Actions): void {
  card.className = `verdict ${decision.verdict}`;
  const words = el(
    "div",
    { class: "words" },
    el("p", { class: "title" }, decision.verdict === "allow" ? "Allowed" : "Denied", el("code", {}, decision.reason)),
    el("p", { class: "why" }, sentence(decision.message), decision.location ? " " : undefined, decision.location ? place(decision.location, actions) : undefined),
    ...beside(decision, actions),
    el("ul", { class: "nearest", hidden: true }),
  );
  card.replaceChildren(icon(decision.verdict), words);
}

/** What travels beside a verdict and does not change it. */
function beside(decision: Decision, actions: Actions): HTMLElement[] {
  const lines: HTMLElement[] = [];
  if (decision.audit) {
    const { policy, rule, location } = decision.audit;
    lines.push(el("p", { class: "beside" }, `AUDIT policy ${policy} rule ${rule} matches `, place(location, actions)));
  }
  for (const action of ["deny", "allow"] as const) {
    const shadow = decision.dryRun?.[action];
    if (!shadow) continue;
    const by = shadow.match ? ` by ${shadow.match.policy} rule ${shadow.match.rule} ` : "";
    const result = shadow.result ?? `not decided without ${shadow.needs?.join(", ")}`;
    const where = shadow.match ? place(shadow.match.location, actions) : undefined;
    lines.push(el("p", { class: "beside" }, `Dry run of ${action.toUpperCase()} policies: ${result}${by}`, where));
  }
  if (decision.dryRun?.ifEnforced) {
    lines.push(el("p", { class: "beside" }, `If the dry-run policies were enforced: ${decision.dryRun.ifEnforced}`));
  }
  return lines;
}

/** How many near misses are seen at once; the others are folded away. */
const NEAR = 3;

/** Adds what would have to differ, each with a button that makes it so, and the rules that cannot match at all. */
export function showNearest({ nearest, void: rules }: Hints, actions: Actions): void {
  const list = card.querySelector<HTMLElement>(".nearest");
  if (!list) return;
  const items = nearest.map((miss) => nearMiss(miss, actions));
  for (const { policy, rule, outcome } of rules) {
    if (outcome.result !== "void") continue;
    items.push(el("li", {}, el("span", {}, `${policy} rule ${rule}: ${outcome.why} `, place(outcome.location, actions))));
  }
  list.hidden = items.length === 0;
  const more = items.slice(NEAR);
  const folded =
    more.length > 0
      ? [el("li", { class: "more" }, el("details", {}, el("summary", {}, `${more.length} more`), el("ul", { class: "nearest" }, ...more)))]
      : [];
  list.replaceChildren(...items.slice(0, NEAR), ...folded);
}

function nearMiss(miss: NearMiss, actions: Actions): HTMLElement {
  // Only what was tried, and leads to where somebody wants to go.
  const button = miss.then === "allow"
    ? el(
        "button",
        { type: "button", class: "small", onclick: () => actions.change((form) => miss.changes.reduce(applied, form)) },
        `Try ${miss.changes.map(words).join(", ")}`,
      )
    : undefined;
  const message = miss.message.replace(/ \([^()]*\.yaml:\d+:\d+\)/g, "");
  return el(
    "li",
    {},
    el("span", {}, `${message.charAt(0).toUpperCase()}${message.slice(1)} `, place(miss.location, actions)),
    button,
  );
}

const NAMES: Partial<Record<Change["fact"], string>> = {
  sourceIp: "source",
  remoteIp: "remote",
  destinationIp: "destination",
  destinationPort: "port",
  peer: "",
  sni: "server name",
};

const words = ({ fact, example }: Change): string => {
  const value = example === "" ? (fact === "peer" ? "no identity" : "none") : (example ?? "");
  return `${NAMES[fact] ?? fact} ${value.replace("spiffe://", "")}`.trim();
};

/** How many errors keep the policies from loading, in words. */
export const errorsOf = (report: LoadReport): string => `${count(report.errors, "error")} to correct, the first on`;
