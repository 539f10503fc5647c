// The engine, away from the page: whatever it takes, the page stays awake.
import { type Authorizer, type Explanation, failure, initSync, type LoadReport, Policies, type Source, Suite, type SuiteReport, vocabulary } from "authz-wasm-web";

import type { Answer, Hints, Other, Question, Request } from "./protocol";

/** How many cases are run between two words of progress. */
const PORTION = 200;
/** How many rows and columns of a kind the map has at most. */
const MOST = 50;

/** Says an answer; nothing of an engine that stopped on the way to it. */
function say(answer: Answer): void {
  const why = failure();
  if (why !== undefined) throw new Error(why);
  postMessage(answer);
}
const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

/** A text that is loaded, and the authorizer of the workload that was asked about last. */
class Version {
  #text: string | undefined;
  #how = "";
  #workload = "";
  #policies: Policies | undefined;
  #authorizer: Authorizer | undefined;
  #report: LoadReport | undefined;
  /** Whether the page knows what was found. */
  isTold = false;

  /** Loads what is not loaded yet. */
  load(policies: string, { mesh, lenient }: Question): void {
    const how = JSON.stringify([mesh, lenient]);
    if (policies === this.#text && how === this.#how) return;
    this.#authorizer?.free();
    this.#policies?.free();
    this.#authorizer = undefined;
    this.#workload = "";
    this.#text = policies;
    this.#how = how;
    this.#policies = new Policies({ policies, mesh, lenient });
    this.#report = undefined;
    this.isTold = false;
  }

  /** What was found, which takes longer to write down than to find. */
  report(): LoadReport | undefined {
    const report = this.#report ?? this.#policies?.report();
    if (report && "error" in report) throw new Error(report.error);
    this.#report = report;
    return report;
  }

  authorizer({ workload }: Question): Authorizer | undefined {
    const key = JSON.stringify(workload);
    if (key !== this.#workload) {
      this.#authorizer?.free();
      this.#authorizer = this.#policies?.authorizer(workload);
      this.#workload = key;
    }
    return this.#authorizer;
  }
}

const own = new Version();
const other = new Version();
/** The newest question; whatever belongs to an older one is not worth the work. */
let newest = 0;

async function ask(id: number, question: Question): Promise<void> {
  own.load(question.policies, question);
  const authorizer = own.authorizer(question);
  if (!authorizer) {
    const load = own.report();
    own.isTold = true;
    say(load ? { kind: "verdict", id, load, applied: [] } : { kind: "verdict", id, applied: [] });
    return;
  }
  const decision = authorizer.decide(question.connection);
  const found = authorizer.policies();
  const applied = "error" in found ? [] : found;
  const isNone = "error" in decision;
  say(isNone ? { kind: "verdict", id, applied, error: decision.error } : { kind: "verdict", id, applied, decision });
  if (!own.isTold) {
    await pause();
    // The next question tells it, if it is about the same text.
    if (id !== newest) return;
    const load = own.report();
    own.isTold = true;
    if (load) say({ kind: "findings", id, load });
  }
  if (isNone) return;
  await pause();
  if (id !== newest) return;
  const explanation = authorizer.explain(question.connection);
  if (!("error" in explanation)) {
    say({ kind: "explanation", id, hints: hints(explanation), ...(question.walk ? { walk: explanation } : {}) });
  }
  await pause();
  if (id !== newest) return;
  map(id, question, authorizer);
}

/** How many ALLOW rules that cannot match are named. */
const VOID = 3;

function hints({ nearest, policies, decision }: Explanation): Hints {
  if (decision.reason !== "no-allow-match") return { nearest, void: [] };
  const rules = policies.filter(({ action }) => action === "ALLOW").flatMap((policy) => policy.rules);
  return { nearest, void: rules.filter(({ outcome }) => outcome.result === "void").slice(0, VOID) };
}

function map(id: number, question: Question, authorizer: Authorizer): void {
  let beside: Authorizer | undefined;
  let about: { other?: Other } = {};
  if (question.other !== undefined) {
    other.load(question.other, question);
    beside = other.authorizer(question);
    const report = beside ? undefined : other.report();
    const error = report?.findings.find((finding) => finding.severity === "error");
    const first = error ? { first: `line ${error.location.line}: ${error.message}` } : {};
    about = { other: { loaded: beside !== undefined, errors: report?.errors ?? 0, ...first } };
  }
  const map = authorizer.accessMap(question.connection, beside ? { most: MOST, beside } : { most: MOST });
  say("error" in map ? { kind: "map", id, ...about, error: map.error } : { kind: "map", id, ...about, map });
}

async function run(id: number, name: string, text: string, files: Source[]): Promise<void> {
  const suite = new Suite({ name, text, files });
  try {
    const read = suite.report();
    if ("error" in read) {
      say({ kind: "report", id, error: read.error });
      return;
    }
    const all: SuiteReport = { passed: 0, failed: 0, skipped: 0, cases: [] };
    for (let from = 0; from < read.size; from += PORTION) {
      const part = suite.run(from, from + PORTION);
      if ("error" in part) throw new Error(part.error);
      all.passed += part.passed;
      all.failed += part.failed;
      all.skipped += part.skipped;
      all.cases.push(...part.cases);
      say({ kind: "progress", id, done: Math.min(from + PORTION, read.size), size: read.size });
      await pause();
    }
    say({ kind: "report", id, report: all });
  } finally {
    suite.free();
  }
}

function caseAt(id: number, name: string, text: string, files: Source[], at: number): void {
  const suite = new Suite({ name, text, files });
  const cases = suite.cases(at, at + 1);
  suite.free();
  if ("error" in cases) return say({ kind: "case", id, error: cases.error });
  const [found] = cases;
  say(found ? { kind: "case", id, found } : { kind: "case", id });
}

async function handle(request: Request): Promise<void> {
  switch (request.kind) {
    case "start": {
      initSync({ module: request.module });
      const words = vocabulary();
      if ("error" in words) throw new Error(words.error);
      return say({ kind: "ready", words });
    }
    case "ask":
      newest = request.id;
      return ask(request.id, request.question);
    case "case":
      return caseAt(request.id, request.name, request.text, request.files, request.at);
    case "run":
      return run(request.id, request.name, request.text, request.files);
  }
}

const broken = (error: unknown): void =>
  postMessage({ kind: "broken", why: error instanceof Error ? error.message : String(error) } satisfies Answer);

/** What was asked before the engine was there. */
let early: Request[] | undefined = [];
onmessage = ({ data }: MessageEvent<Request>) => {
  if (early && data.kind !== "start") {
    early.push(data);
    return;
  }
  const requests = [data, ...(early ?? [])];
  early = undefined;
  for (const request of requests) handle(request).catch(broken);
};
