// The tests: a suite about the policies in the editor, run with its progress, and what fails.
import type { CaseReport, Connection, Decision, Mesh, Source, SuiteCase, SuiteReport, Workload } from "authz-wasm-web";

import { PolicyEditor } from "./editor";
import { byId, count, el } from "./element";
import type { Engine } from "./engine";
import { EDITOR } from "./examples";

const pane = byId("pane-tests");

/** Larger files are run as they are, without the editor. */
const EDITABLE = 200_000;
/** How many cases of an outcome are listed. */
const SHOWN = 200;

interface Current {
  policies: string;
  workload: Workload;
  mesh: Mesh;
  connection: Connection;
  decision: Decision | undefined;
}

export interface TestActions {
  engine: Engine;
  /** What the page shows. */
  current(): Current;
  change(suite: string): void;
  /** Shows a case in the form. */
  open(found: SuiteCase): void;
}

export class TestsPane {
  #editor: PolicyEditor;
  #actions: TestActions;
  #bar = el("progress", { "aria-label": "Cases that were run", hidden: true });
  #results = el("div", { class: "results", "aria-live": "polite" });
  #run: HTMLButtonElement;

  constructor(actions: TestActions) {
    this.#actions = actions;
    const file = el("input", { type: "file", accept: ".yaml,.yml,.jsonl", id: "suite-file", class: "hidden-text" });
    file.addEventListener("change", () => void this.#open(file));
    this.#run = el("button", { type: "button", class: "primary", onclick: () => void this.#start("suite.yaml", this.#editor.text) }, "Run");
    const holder = el("div", { class: "editor short" });
    pane.append(
      el("p", { class: "muted" }, "A suite says what the policies are meant to do. It calls the text in the editor ", el("code", {}, EDITOR), "."),
      el(
        "div",
        { class: "buttons" },
        this.#run,
        el("button", { type: "button", onclick: () => this.#add() }, "Add the connection above"),
        el("label", { class: "button", for: "suite-file" }, "Open a file"),
        file,
      ),
      holder,
      this.#bar,
      this.#results,
    );
    this.#editor = new PolicyEditor(holder, "The test suite", (text) => actions.change(text), false);
  }

  set text(text: string) {
    this.#editor.text = text;
    this.#results.replaceChildren();
  }

  #files(): Source[] {
    return [{ name: EDITOR, text: this.#actions.current().policies }];
  }

  async #open(input: HTMLInputElement): Promise<void> {
    const [file] = input.files ?? [];
    if (!file) return;
    const text = await file.text();
    input.value = "";
    if (text.length <= EDITABLE && !file.name.endsWith(".jsonl")) this.#editor.text = text;
    await this.#start(file.name, text);
  }

  async #start(name: string, text: string): Promise<void> {
    const files = this.#files();
    this.#run.disabled = true;
    this.#bar.hidden = false;
    this.#bar.removeAttribute("value");
    this.#results.replaceChildren();
    try {
      const report = await this.#actions.engine.run({ name, text, files }, (done, size) => {
        this.#bar.max = size;
        this.#bar.value = done;
      });
      this.#show(report, name, text, files);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.#results.replaceChildren(el("p", { class: "tally failed" }, `The suite cannot be run: ${why}`));
    } finally {
      this.#bar.hidden = true;
      this.#run.disabled = false;
    }
  }

  #show(report: SuiteReport, name: string, text: string, files: Source[]): void {
    const skipped = report.skipped > 0 ? `, ${report.skipped} skipped` : "";
    const tally = el("p", { class: `tally ${report.failed > 0 ? "failed" : "passed"}` }, `${report.passed} passed, ${report.failed} failed${skipped}`);
    const open = async (chosen: CaseReport): Promise<void> => {
      const cases = await this.#actions.engine.cases(name, text, files);
      const found = cases.find((other) => other.name === chosen.name);
      if (found) this.#actions.open(found);
    };
    const list = (outcome: CaseReport["outcome"]): HTMLElement[] => {
      const cases = report.cases.filter((each) => each.outcome === outcome);
      const items = cases.slice(0, SHOWN).map((each) => item(each, () => void open(each)));
      return cases.length > SHOWN ? [...items, el("li", { class: "muted" }, `and ${cases.length - SHOWN} more`)] : items;
    };
    this.#results.replaceChildren(
      tally,
      el("ul", { class: "cases" }, ...list("failed"), ...list("skipped")),
      el("details", { open: report.failed === 0 && report.passed <= 20 }, el("summary", {}, `${count(report.passed, "case")} passed`), el("ul", { class: "cases" }, ...list("passed"))),
    );
  }

  /** Writes the connection of the form as a case that holds now. */
  #add(): void {
    const { workload, mesh, connection, decision } = this.#actions.current();
    if (!decision) return;
    const verb = decision.verdict === "allow" ? "allowed" : "denied";
    const port = connection.destinationPort === undefined ? "a port that is not known yet" : `port ${connection.destinationPort}`;
    const lines = [
      `- name: ${port} is ${verb} from ${connection.sourceIp ?? "anywhere"}`,
      ...(Object.keys(mesh).length > 0 ? [`  mesh: ${flow(mesh)}`] : []),
      `  workload: ${flow(workload)}`,
      `  connection: ${flow(connection)}`,
      `  expect: ${decision.verdict}`,
      `  because: {reason: ${decision.reason}}`,
    ];
    const before = this.#editor.text.trimEnd();
    const start = /^cases:/m.test(before) ? before : `policies: [${EDITOR}]\ncases:`;
    // As far in as the cases that are there.
    const [, indent = ""] = /^cases:[^\n]*\n(?:\s*#[^\n]*\n|\s*\n)*( *)-/m.exec(start) ?? [];
    this.#editor.text = `${start}\n${lines.map((line) => indent + line).join("\n")}\n`;
  }
}

/** JSON as people write it in YAML. */
const flow = (value: unknown): string => JSON.stringify(value).replaceAll('":', '": ').replaceAll(/,(?=["{[])/g, ", ");

function item(report: CaseReport, open: () => void): HTMLElement {
  return el(
    "li",
    { class: `case ${report.outcome}` },
    el("button", { type: "button", class: "case-go", onclick: open }, report.name),
    report.message ? el("pre", {}, once(report.message)) : undefined,
  );
}

/** A message without what both ways to a decision say. */
function once(message: string): string {
  const lines = message.split("\n");
  const decided = new Set(lines.flatMap((line) => (line.startsWith("decide: ") ? [line.slice(8)] : [])));
  const both = (line: string): boolean => line.startsWith("explain: ") && decided.has(line.slice(9));
  return lines
    .filter((line) => !both(line))
    .map((line) => line.replace(/^decide: /, ""))
    .join("\n");
}
