// The findings below the editor: what is the matter, where, and the fix.
import type { Finding, LoadReport } from "authz-wasm-web";

import { type PolicyEditor, fixName } from "./editor";
import { byId, count, el } from "./element";

const list = byId("findings");
const counts = byId("findings-count");

/** More are not read by anybody. */
const SHOWN = 50;

/** Shows what was found in the text of the editor. */
export function showFindings(report: LoadReport, editor: PolicyEditor): void {
  editor.show(report.findings);
  const parts = [
    report.errors > 0 ? count(report.errors, "error") : undefined,
    report.warnings > 0 ? count(report.warnings, "warning") : undefined,
    report.notes > 0 ? count(report.notes, "note") : undefined,
  ].filter((part) => part !== undefined);
  const others = Object.entries(report.otherKinds).map(([kind, number]) => `${number} ${kind}`);
  const passedOver = others.length > 0 ? `; passed over: ${others.join(", ")}` : "";
  counts.textContent = `${parts.join(", ") || "nothing wrong"} in ${count(report.resources, "resource")}${passedOver}`;
  const weights = { error: 0, warning: 1, note: 2 };
  const sorted = report.findings.toSorted((a, b) => weights[a.severity] - weights[b.severity]);
  const items = sorted.slice(0, SHOWN).map((finding) => item(finding, editor));
  if (sorted.length > SHOWN) items.push(el("li", { class: "muted" }, `and ${sorted.length - SHOWN} more, underlined above`));
  list.replaceChildren(...items);
}

function item(finding: Finding, editor: PolicyEditor): HTMLElement {
  const go = el(
    "button",
    { type: "button", class: "finding-go", onclick: () => editor.reveal(finding.location) },
    el("span", { class: "place" }, `line ${finding.location.line}`),
    el("span", {}, finding.help ? `${finding.message}; ${finding.help}` : finding.message),
  );
  const fix = finding.fix
    ? el("button", { type: "button", class: "small", onclick: () => editor.apply(finding) }, fixName(finding))
    : undefined;
  return el(
    "li",
    { class: `finding ${finding.severity}` },
    el("span", { class: "severity" }, finding.severity),
    el("div", {}, go, el("span", { class: "code" }, finding.code)),
    fix,
  );
}
