// The tests: a suite about the policies in the editor, run with its progress, and what fails.
import type { CaseReport, Decision, Source, SuiteCase, SuiteReport } from "authz-wasm-web";

import { PolicyEditor } from "./editor";
import { byId, count, el } from "./element";
import type { Engine } from "./engine";
import { EDITOR, type Question } from "./protocol";
import { withCase } from "./suite-text";

const pane = byId("pane-tests");

/** Larger files are run as they are, without the editor. */
const EDITABLE = 200_000;
/** How many cases of an outcome are listed. */
const SHOWN = 200;

/** A question with its answer, which a case can be made of. */
interface Decided {
  question: Question;
  decision: Decision;
}

export interface TestActions {
  engine: Engine;
  /** The text that suites call `policies.yaml`. */
  policies(): string;
  change(suite: string): void;
  /** Shows a case in the form. */
  open(found: SuiteCase): void;
}

export class TestsPane {
  #editor: PolicyEditor;
  #actions: TestActions;
  #bar = el("progress", { "aria-label": "Cases that were run", hidden: true });
  #results = el("div", { class: "results", "aria-live": "polite" });
  #outdated = el("p", { class: "outdated", role: "status" });
  #run: HTMLButtonElement;
  #add: HTMLButtonElement;
  #file: HTMLInputElement;
  #decided: Decided | undefined;
  /** The suite and the policies of the results that are shown. */
  #about: { text: string; policies: string; isFile: boolean } | undefined;

  constructor(actions: TestActions) {
    this.#actions = actions;
    this.#file = el("input", { type: "file", accept: ".yaml,.yml,.jsonl", id: "suite-file", class: "hidden-text" });
    this.#file.addEventListener("change", () => void this.#open(this.#file));
    this.#run = el("button", { type: "button", class: "primary", onclick: () => void this.#start("suite.yaml", this.#editor.text) }, "Run");
    this.#add = el("button", { type: "button", disabled: true, onclick: () => this.#write() }, "Add the connection above");
    const holder = el("div", { class: "editor short" });
    pane.append(
      el("p", { class: "muted" }, "A suite says what the policies are meant to do. It calls the text in the editor ", el("code", {}, EDITOR), "."),
      el(
        "div",
        { class: "buttons" },
        this.#run,
        this.#add,
        // The field stands before what looks like it, so that its focus can be shown there.
        this.#file,
        el("label", { class: "button", for: "suite-file" }, "Open a file"),
      ),
      holder,
      this.#bar,
      this.#outdated,
      this.#results,
    );
    const change = (text: string): void => {
      actions.change(text);
      this.outdated(actions.policies());
    };
    this.#editor = new PolicyEditor(holder, "The test suite", change, false);
  }

  set text(text: string) {
    this.#editor.text = text;
    this.#about = undefined;
    this.#results.replaceChildren();
    this.#outdated.textContent = "";
  }

  /** What was decided last; nothing where nothing is. */
  get decided(): Decided | undefined {
    return this.#decided;
  }

  set decided(decided: Decided | undefined) {
    this.#decided = decided;
    this.#add.disabled = decided === undefined;
  }

  /** Says so where the results are about other policies, or another suite, than those that are there. */
  outdated(policies: string): void {
    const about = this.#about;
    const isOld = about !== undefined && (about.policies !== policies || (!about.isFile && about.text !== this.#editor.text));
    this.#outdated.textContent = isOld ? "Something changed since this run; run it again to see what holds now." : "";
    this.#results.classList.toggle("old", isOld);
  }

  #files(): Source[] {
    return [{ name: EDITOR, text: this.#actions.policies() }];
  }

  async #open(input: HTMLInputElement): Promise<void> {
    const [file] = input.files ?? [];
    if (!file) return;
    const text = await file.text();
    input.value = "";
    const isEditable = text.length <= EDITABLE && !file.name.endsWith(".jsonl");
    if (isEditable) this.#editor.text = text;
    await this.#start(file.name, isEditable ? this.#editor.text : text, !isEditable);
  }

  async #start(name: string, text: string, isFile = false): Promise<void> {
    const files = this.#files();
    this.#run.disabled = this.#file.disabled = true;
    this.#about = undefined;
    this.#outdated.textContent = "";
    this.#bar.hidden = false;
    this.#bar.removeAttribute("value");
    this.#results.replaceChildren();
    try {
      const report = await this.#actions.engine.run({ name, text, files }, (done, size) => {
        this.#bar.max = size;
        this.#bar.value = done;
      });
      this.#show(report, name, text, files);
      this.#about = { text, policies: files[0]?.text ?? "", isFile };
      this.outdated(this.#actions.policies());
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.#results.replaceChildren(el("p", { class: "tally failed" }, `The suite cannot be run: ${why}`));
    } finally {
      this.#bar.hidden = true;
      this.#run.disabled = this.#file.disabled = false;
    }
  }

  #show(report: SuiteReport, name: string, text: string, files: Source[]): void {
    const skipped = report.skipped > 0 ? `, ${report.skipped} skipped` : "";
    const tally = el("p", { class: `tally ${report.failed > 0 ? "failed" : "passed"}` }, `${report.passed} passed, ${report.failed} failed${skipped}`);
    // By its place, as names may stand in a suite twice.
    const open = async (at: number): Promise<void> => {
      const found = await this.#actions.engine.caseAt(name, text, files, at).catch(() => undefined);
      if (found) this.#actions.open(found);
      else this.#outdated.textContent = "This case is not about a connection that could be shown above.";
    };
    const list = (outcome: CaseReport["outcome"]): HTMLElement[] => {
      const cases = [...report.cases.entries()].filter(([, each]) => each.outcome === outcome);
      const items = cases.slice(0, SHOWN).map(([at, each]) => item(each, () => void open(at)));
      return cases.length > SHOWN ? [...items, el("li", { class: "muted" }, `and ${cases.length - SHOWN} more`)] : items;
    };
    this.#results.replaceChildren(
      tally,
      el("ul", { class: "cases" }, ...list("failed"), ...list("skipped")),
      el("details", { open: report.failed === 0 && report.passed <= 20 }, el("summary", {}, `${count(report.passed, "case")} passed`), el("ul", { class: "cases" }, ...list("passed"))),
    );
  }

  /** Writes what was decided last as a case. */
  #write(): void {
    if (!this.#decided) return;
    const { question, decision } = this.#decided;
    const text = withCase(this.#editor.text, question, decision);
    if (text === undefined) this.#outdated.textContent = "The cases of this suite are not a list with a line for each, so that none can be added.";
    else this.#editor.text = text;
  }
}

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
