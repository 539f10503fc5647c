// The whole walk: the mTLS mode, every policy that applies, every rule, and where each rule failed.
import type { Applies, Explanation, FailedTerm, Location, PolicyStep, RuleStep } from "authz-wasm-web";

import { byId, count, el } from "./element";

const pane = byId("pane-walk");

/** How many rules of a policy are listed before the rest is only counted. */
const SHOWN = 100;

const APPLIES: Record<Applies, string> = {
  mesh: "selects every workload of the mesh",
  "mesh-selector": "selects the workload by its labels, in the whole mesh",
  namespace: "selects every workload of its namespace",
  selector: "selects the workload by its labels",
  gateway: "targets the gateway that the workload implements",
  "other-namespace": "is in another namespace",
  "other-labels": "asks for labels that the workload has not",
  "other-target": "targets something that the workload is not",
};

type Reveal = (location: Location) => void;

export function clearWalk(): void {
  pane.replaceChildren(el("p", { class: "muted" }, "There is nothing to walk through until the policies load and the connection can be read."));
}

export function showWalk(explanation: Explanation, reveal: Reveal): void {
  const { mtls, policies, passedOver, decision } = explanation;
  const mode = mtls.mode ?? "depends on the port";
  const by = mtls.policy ? ` by ${mtls.policy}` : mtls.mode ? " by default" : "";
  const passes = mtls.passes === null ? "not known whether the connection passes" : mtls.passes ? "the connection passes" : "the connection does not pass";
  const steps: HTMLElement[] = [
    el(
      "div",
      { class: `step ${mtls.passes === false ? "hit deny" : "plain"}` },
      el("span", { class: "chip" }, "mTLS"),
      el("span", {}, `${mode}${by}: ${passes}`),
    ),
    ...policies.map((policy) => step(policy, decision.policy === policy.policy ? decision.rule : undefined, reveal)),
  ];
  if (policies.length === 0) steps.push(el("p", { class: "muted" }, "No AuthorizationPolicy applies to the workload."));
  const passed =
    passedOver.length === 0
      ? undefined
      : el(
          "details",
          { class: "passed-over" },
          el("summary", {}, `${count(passedOver.length, "policy").replace("policys", "policies")} ${passedOver.length === 1 ? "does" : "do"} not apply`),
          el("ul", {}, ...passedOver.slice(0, SHOWN).map(({ policy, applies }) => el("li", {}, el("b", {}, policy), ` ${APPLIES[applies]}`))),
        );
  pane.replaceChildren(
    el("p", { class: "muted" }, "Asked in this order: the port's mTLS mode, then CUSTOM, AUDIT, DENY and ALLOW policies."),
    ...steps,
    ...(passed ? [passed] : []),
  );
}

function step(policy: PolicyStep, deciding: number | undefined, reveal: Reveal): HTMLElement {
  const matching = policy.rules.some((rule) => rule.outcome.result === "matches");
  const effect = policy.action === "ALLOW" ? "allow" : policy.action === "DENY" ? "deny" : "other";
  const rules = policy.rules
    .slice(0, SHOWN)
    .map((rule) => ruleStep(rule, rule.rule === deciding, reveal));
  if (policy.rules.length === 0) rules.push(el("li", { class: "muted" }, "It has no rules, so it never matches."));
  if (policy.rules.length > SHOWN) rules.push(el("li", { class: "muted" }, `and ${policy.rules.length - SHOWN} more rules`));
  return el(
    "details",
    { class: `step ${matching ? `hit ${effect}` : "plain"}`, open: policy.rules.length <= 20 || deciding !== undefined },
    el(
      "summary",
      {},
      el("span", { class: `chip ${effect}` }, policy.dryRun ? `${policy.action} dry run` : policy.action),
      el("b", {}, policy.policy),
      el("span", { class: "muted" }, ` ${APPLIES[policy.applies]}`),
    ),
    el("ul", { class: "rules" }, ...rules),
  );
}

function ruleStep(rule: RuleStep, isDeciding: boolean, reveal: Reveal): HTMLElement {
  const dropped = rule.dropped?.length ? `; without the HTTP attributes ${rule.dropped.join(", ")}, which TCP has not` : "";
  const { outcome } = rule;
  const go = (location: Location): HTMLElement =>
    el("button", { type: "button", class: "link", onclick: () => reveal(location) }, `line ${location.line}`);
  const start = [el("b", {}, `rule ${rule.rule}`), " ", go(rule.location), " "];
  switch (outcome.result) {
    case "matches":
      return el("li", { class: `rule matches${isDeciding ? " decides" : ""}` }, ...start, `matches${isDeciding ? " and decides" : ""}${dropped}`);
    case "undecided":
      return el("li", { class: "rule undecided" }, ...start, `is not decided without ${outcome.needs.join(", ")}${dropped}`);
    case "void":
      return el("li", { class: "rule void" }, ...start, `${outcome.why} `, go(outcome.location));
    case "fails": {
      const terms = outcome.terms.map((term) => el("li", {}, ...failed(term), " ", go(term.location)));
      return el(
        "li",
        { class: "rule fails" },
        ...start,
        "does not match: no entry of ",
        el("code", {}, outcome.part),
        ` holds${dropped}`,
        el("ul", {}, ...terms),
      );
    }
  }
}

function failed({ key, values, negative, found }: FailedTerm): (Node | string)[] {
  const shown = values.slice(0, 4).join(", ") + (values.length > 4 ? ` and ${values.length - 4} more` : "");
  return [el("code", {}, key), negative ? " keeps out " : " asks for ", el("code", {}, shown || "nothing"), ", and it is ", el("code", {}, found)];
}
