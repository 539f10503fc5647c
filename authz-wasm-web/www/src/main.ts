// The page: what is typed goes to the engine, and what it says is shown.
import "./style.css";

import type { AccessMap, Connection, Explanation, LoadReport } from "authz-wasm-web";

import { MapView } from "./access-map";
import { Compare } from "./compare";
import { askMetadata, offer, onForm, showForm } from "./connection-form";
import { PolicyEditor } from "./editor";
import { byId, el } from "./element";
import { Engine } from "./engine";
import { EXAMPLES, type Example } from "./examples";
import { showFindings } from "./findings";
import { EDITOR, type Other, type Question } from "./protocol";
import { fromFragment, toFragment } from "./share";
import { START, type State, toConnection, toForm } from "./state";
import { Tabs } from "./tabs";
import { TestsPane } from "./tests-pane";
import { startTheme } from "./theme";
import { type Actions, errorsOf, showDecision, showNearest, showNothing } from "./verdict";
import { clearWalk, showWalk } from "./walk";
import { onWorkload, showApplied, showWorkload, suggest } from "./workload";

const FIRST = "tcp-task-02-allow-two-ports";
/** How long work may take before the page says that it is at work. */
const PATIENCE = 100;

let state: State = structuredClone(START);
let report: LoadReport | undefined;
let shown: { map: AccessMap; other: Other | undefined } | undefined;
let explained: Explanation | undefined;

const progress = byId("progress");
const select = byId<HTMLSelectElement>("examples");
const about = byId("about");
const status = byId("shared");
const main = byId("main");

let showingProgress: ReturnType<typeof setTimeout> | undefined;
function busy(isBusy: boolean): void {
  document.body.dataset["busy"] = String(isBusy);
  if (!isBusy) {
    clearTimeout(showingProgress);
    showingProgress = undefined;
    late(false);
  } else if (showingProgress === undefined) {
    showingProgress = setTimeout(() => late(true), PATIENCE);
  }
}

/** Says that the engine is at work, and that what is shown still answers what was asked before. */
function late(isLate: boolean): void {
  progress.hidden = !isLate;
  document.body.classList.toggle("late", isLate);
  if (isLate) main.setAttribute("aria-busy", "true");
  else main.removeAttribute("aria-busy");
}

const actions: Actions = {
  reveal: (location) => editor.reveal(location),
  change(change) {
    state.form = change(state.form);
    showForm(state.form);
    ask();
  },
};

const choose = (connection: Connection): void => {
  const hadFocus = mapView.hasFocus;
  state.form = toForm(connection);
  showForm(state.form);
  ask();
  refocus = hadFocus;
};
/** Whether the keyboard was in the map, which is drawn anew. */
let refocus = false;

const engine = new Engine({
  ready(words) {
    editor.words = words;
  },
  verdict({ load, applied, decision, error }, question) {
    if (load) found(load, question);
    showApplied(applied);
    if (decision) {
      tests.decided = { question, decision };
      showDecision(decision, actions);
      if (question.policies === state.policies) editor.decide(decision.location, decision.verdict);
      return;
    }
    if (error !== undefined) showNone("This is no connection", error);
    else showNone("The policies do not load", report ? errorsOf(report) : "", report);
  },
  findings: (load, question) => found(load, question),
  explanation({ hints, walk }) {
    showNearest(hints, actions);
    explained = walk;
    if (tabs.current !== "walk") return;
    if (walk) draw();
    else ask();
  },
  map(answer) {
    shown = answer.map && { map: answer.map, other: answer.other };
    if (answer.map) offer(answer.map);
    if (tabs.current !== "walk") draw();
  },
  busy,
  broken(why) {
    busy(false);
    showApplied([]);
    showNone("The engine stopped", `${why}. Nothing is decided; the next change starts it anew.`);
  },
});

function found(load: LoadReport, question: Question): void {
  report = load;
  // Where more was typed since, places are those of another text, and its own answer follows.
  if (question.policies === state.policies) showFindings(load, editor);
  if (load.loaded) suggest(load.workloads);
}

/** Shows that nothing is decided, and so nothing of what was decided before. */
function showNone(title: string, why: string, report?: LoadReport): void {
  shown = undefined;
  explained = undefined;
  tests.decided = undefined;
  editor.decide(undefined, "deny");
  showNothing(title, why, report, actions);
  draw();
}

const mapView = new MapView(byId("pane-map"), choose);
const editor = new PolicyEditor(byId("editor"), "Policies", (text) => {
  state.policies = text;
  ask();
});
const compare = new Compare({
  own: () => state.policies,
  change(other) {
    if (other === undefined) delete state.other;
    else state.other = other;
    ask();
  },
  choose,
});
const tests = new TestsPane({
  engine,
  policies: () => state.policies,
  change: (suite) => {
    state.suite = suite;
  },
  open(found) {
    // A suite hands texts on without what stands behind their last line.
    if (found.policies.trimEnd() !== state.policies.trimEnd()) editor.text = found.policies;
    else found = { ...found, policies: state.policies };
    show({ ...state, ...found, form: toForm(found.connection) }, false);
  },
});
let tabs: Tabs;
/** The example that was chosen last. */
let opening: Example | undefined;

/** Draws what the open tab shows; what nobody looks at can wait. */
function draw(): void {
  const connection = toConnection(state.form);
  switch (tabs.current) {
    case "map":
      if (shown) mapView.show(shown.map, connection, false);
      else mapView.clear("There is no map until the policies load and the connection can be read.");
      if (refocus && shown) {
        refocus = false;
        mapView.focus();
      }
      return;
    case "walk":
      return explained ? showWalk(explained, actions.reveal) : clearWalk();
    case "compare":
      return compare.show(shown?.map, shown?.other, connection);
    case "tests":
      return;
  }
}

function ask(): void {
  const { policies, mesh, lenient, workload, other } = state;
  const connection = toConnection(state.form);
  const question: Question = { policies, mesh, lenient, workload, connection, walk: tabs.current === "walk" };
  askMetadata(policies.includes("experimental.envoy.filters."));
  tests.outdated(policies);
  engine.ask(other === undefined ? question : { ...question, other });
}

/** Shows a state in all parts of the page. */
function show(next: State, withTexts = true): void {
  const { policies, mesh, lenient, workload, form, other, suite } = next;
  state = { policies, mesh, lenient, workload, form, suite, ...(other === undefined ? {} : { other }) };
  showWorkload(state);
  showForm(state.form);
  if (withTexts) {
    editor.text = state.policies;
    compare.text = state.other;
    tests.text = state.suite;
  }
  ask();
}

async function open(example: Example): Promise<void> {
  opening = example;
  about.textContent = example.about;
  const files = [{ name: EDITOR, text: example.policies }];
  const first = await engine.caseAt("example.yaml", example.suite, files, 0);
  // Somebody may have chosen another meanwhile.
  if (opening !== example) return;
  const form = first ? toForm(first.connection) : START.form;
  const { mesh = {}, workload = START.workload, lenient = false } = first ?? {};
  show({ policies: example.policies, mesh, workload, lenient, form, suite: example.suite });
}

function listExamples(): void {
  for (const example of EXAMPLES) {
    let group = [...select.querySelectorAll("optgroup")].find((other) => other.label === example.group);
    if (!group) {
      group = el("optgroup", { label: example.group });
      select.append(group);
    }
    group.append(el("option", { value: example.id }, example.title));
  }
  select.addEventListener("change", () => {
    const example = EXAMPLES.find((other) => other.id === select.value);
    if (!example) return;
    // The link is about something else now.
    if (location.hash) history.replaceState(null, "", location.pathname + location.search);
    status.textContent = "";
    void open(example);
  });
}

async function share(): Promise<void> {
  try {
    history.replaceState(null, "", await toFragment(state));
  } catch (error) {
    status.textContent = error instanceof Error ? error.message : String(error);
    return;
  }
  try {
    await navigator.clipboard.writeText(location.href);
    status.textContent = "The link is copied. It carries everything in itself; nothing was sent.";
  } catch {
    status.textContent = "The link stands in the address bar. It carries everything in itself; nothing was sent.";
  }
}

const fromLink = el("option", { value: "" }, "from a link");

async function openFragment(): Promise<boolean> {
  const found = await fromFragment(location.hash);
  if (!found) {
    if (location.hash.length > 1) status.textContent = "The link cannot be read, so that nothing was opened from it.";
    return false;
  }
  status.textContent = "";
  about.textContent = "Opened from a link.";
  select.prepend(fromLink);
  select.value = "";
  show(found);
  return true;
}

tabs = new Tabs((tab) => {
  draw();
  // Only what was decided is explained.
  if (tab === "walk" && !explained && tests.decided) ask();
});
startTheme();
listExamples();
onForm((form) => {
  state.form = form;
  ask();
});
onWorkload((part) => {
  Object.assign(state, part);
  ask();
});
byId("share").addEventListener("click", () => void share());
addEventListener("hashchange", () => void openFragment());
if (!(await openFragment())) {
  const first = EXAMPLES.find((example) => example.id === FIRST) ?? EXAMPLES[0];
  if (first) {
    select.value = first.id;
    await open(first);
  }
}
