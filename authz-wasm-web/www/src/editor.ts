// An editor of YAML: highlighting, findings as one types, quick fixes, completion, the deciding line.
import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { yaml } from "@codemirror/lang-yaml";
import { HighlightStyle, bracketMatching, indentOnInput, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { type Diagnostic, lintGutter, lintKeymap, setDiagnostics } from "@codemirror/lint";
import { ChangeSet, EditorState, type Extension, StateEffect, StateField, type Text } from "@codemirror/state";
import {
  Decoration,
  type DecorationSet,
  EditorView,
  drawSelection,
  highlightActiveLine,
  highlightActiveLineGutter,
  highlightSpecialChars,
  keymap,
  lineNumbers,
  tooltips,
} from "@codemirror/view";
import { tags } from "@lezer/highlight";
import type { Finding, Location, Span, Verdict, Vocabulary } from "authz-wasm-web";

import { completion } from "./completion";

const colors = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: "var(--code-key)" },
  { tag: [tags.string, tags.content], color: "var(--code-text)" },
  { tag: [tags.comment, tags.lineComment], color: "var(--code-comment)", fontStyle: "italic" },
  { tag: [tags.keyword, tags.atom, tags.bool, tags.typeName, tags.labelName], color: "var(--code-word)" },
  { tag: [tags.punctuation, tags.separator, tags.squareBracket, tags.brace, tags.meta], color: "var(--code-mark)" },
]);

const look = EditorView.theme({
  "&": { height: "100%", fontSize: "13px", color: "var(--text)", backgroundColor: "var(--field)" },
  // The frame around it shows the focus.
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "1.55" },
  ".cm-content": { caretColor: "var(--text)", padding: "8px 0" },
  ".cm-cursor": { borderLeftColor: "var(--text)" },
  ".cm-gutters": { backgroundColor: "var(--field)", color: "var(--muted)", border: "none" },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "var(--line)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": {
    backgroundColor: "var(--selection)",
  },
  ".cm-deciding": { boxShadow: "inset 3px 0 0 var(--deny)", backgroundColor: "var(--deny-soft)" },
  ".cm-deciding-allow": { boxShadow: "inset 3px 0 0 var(--allow)", backgroundColor: "var(--allow-soft)" },
  ".cm-tooltip": {
    backgroundColor: "var(--panel)",
    color: "var(--text)",
    border: "1px solid var(--border)",
    borderRadius: "6px",
    boxShadow: "0 4px 16px rgb(0 0 0 / 18%)",
    maxWidth: "min(34rem, 90vw)",
    fontFamily: "var(--sans)",
  },
  ".cm-tooltip-autocomplete > ul > li": { padding: "2px 8px" },
  ".cm-tooltip-autocomplete > ul > li[aria-selected]": { backgroundColor: "var(--accent)", color: "var(--on-accent)" },
  ".cm-completionDetail": { fontStyle: "normal", color: "inherit", opacity: "0.8" },
  ".cm-diagnostic": { padding: "6px 10px", borderLeftWidth: "4px" },
  ".cm-diagnostic-error": { borderLeftColor: "var(--deny)" },
  ".cm-diagnostic-warning": { borderLeftColor: "var(--warn)" },
  ".cm-diagnostic-info": { borderLeftColor: "var(--accent)" },
  ".cm-diagnosticAction": {
    backgroundColor: "var(--accent)",
    color: "var(--on-accent)",
    borderRadius: "4px",
    padding: "2px 8px",
    margin: "6px 0 0",
    display: "block",
    font: "inherit",
  },
  ".finding-code": { color: "var(--muted)", fontFamily: "var(--mono)", fontSize: "12px" },
});

/** The lines that decided, and how. */
const setDeciding = StateEffect.define<{ from: number; to: number; verdict: Verdict } | undefined>();

const deciding = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update(lines, transaction) {
    let changed = lines.map(transaction.changes);
    for (const effect of transaction.effects) {
      if (!effect.is(setDeciding)) continue;
      if (!effect.value) {
        changed = Decoration.none;
        continue;
      }
      const { from, to, verdict } = effect.value;
      const mark = Decoration.line({ class: verdict === "allow" ? "cm-deciding cm-deciding-allow" : "cm-deciding" });
      const marks = [];
      for (let at = from; at <= to; ) {
        const line = transaction.state.doc.lineAt(at);
        marks.push(mark.range(line.from));
        at = line.to + 1;
      }
      changed = Decoration.set(marks);
    }
    return changed;
  },
  provide: (field) => EditorView.decorations.from(field),
});

/** The offset of a line and a column, which counts characters, though not the mark that a text may start with. */
function offset(doc: Text, line: number, column: number): number {
  if (line < 1) return 0;
  if (line > doc.lines) return doc.length;
  const { from, text } = doc.line(line);
  if (line === 1 && text.startsWith("\uFEFF")) column++;
  let at = 0;
  for (const character of text) {
    if (--column < 1) break;
    at += character.length;
  }
  return from + at;
}

function range(doc: Text, span: Span): { from: number; to: number } {
  const from = offset(doc, span.line, span.column);
  const to = Math.max(from, offset(doc, span.endLine, span.endColumn));
  // What is about nothing in particular is shown on its line.
  return from === to ? { from, to: Math.min(doc.length, Math.max(to, doc.lineAt(from).to)) } : { from, to };
}

/**
 * Types over what is selected. Left to itself, Chromium keeps the look of what was there in an inline style, which the
 * policy of the page forbids and the console would tell.
 */
function typeOver(event: InputEvent, view: EditorView): boolean {
  const { main } = view.state.selection;
  if (event.inputType !== "insertText" || !event.data || main.empty || view.composing) return false;
  event.preventDefault();
  const text = event.data;
  const insert = () => view.state.update(view.state.replaceSelection(text), { userEvent: "input.type", scrollIntoView: true });
  const handlers = view.state.facet(EditorView.inputHandler);
  if (!handlers.some((handler) => handler(view, main.from, main.to, text, insert))) view.dispatch(insert());
  return true;
}

export class PolicyEditor {
  #view: EditorView;
  #words: Vocabulary | undefined;
  /** What was found, in which text, and what was typed since. */
  #findings: Finding[] = [];
  #about: Text;
  #since: ChangeSet;

  /** An editor in an element. Its style is in a shadow, where a strict policy of the page lets it be. */
  constructor(parent: HTMLElement, label: string, change: (text: string) => void, completes = true) {
    const root = parent.attachShadow({ mode: "open" });
    const host = document.createElement("div");
    host.style.height = "100%";
    root.append(host);
    const extensions: Extension[] = [
      lineNumbers(),
      highlightActiveLineGutter(),
      highlightSpecialChars(),
      history(),
      drawSelection(),
      indentOnInput(),
      indentUnit.of("  "),
      bracketMatching(),
      closeBrackets(),
      highlightActiveLine(),
      EditorState.tabSize.of(2),
      keymap.of([...closeBracketsKeymap, ...defaultKeymap, ...historyKeymap, ...completionKeymap, ...lintKeymap]),
      yaml(),
      syntaxHighlighting(colors),
      look,
      deciding,
      lintGutter(),
      tooltips({ position: "fixed" }),
      EditorView.contentAttributes.of({ "aria-label": label, spellcheck: "false", tabindex: "0" }),
      EditorView.domEventHandlers({ beforeinput: typeOver }),
      EditorView.updateListener.of((update) => {
        if (!update.docChanged) return;
        this.#since = this.#since.compose(update.changes);
        change(update.state.doc.toString());
      }),
    ];
    const keys = (): string[] => this.#words?.conditionKeys ?? [];
    if (completes) extensions.push(autocompletion({ override: [completion(keys)], icons: false }));
    this.#view = new EditorView({ parent: host, root, state: EditorState.create({ extensions }) });
    this.#about = this.#view.state.doc;
    this.#since = ChangeSet.empty(this.#about.length);
  }

  get text(): string {
    return this.#view.state.doc.toString();
  }

  /** Replaces the text; who listens hears of it as of any change. */
  set text(text: string) {
    if (text === this.text) return;
    this.#view.dispatch({ changes: { from: 0, to: this.#view.state.doc.length, insert: text }, selection: { anchor: 0 } });
  }

  /** What the codes of findings are about, and what may be written. */
  set words(words: Vocabulary) {
    this.#words = words;
  }

  /** Shows what was found in the text that is there. */
  show(findings: Finding[]): void {
    const { doc } = this.#view.state;
    this.#findings = findings;
    this.#about = doc;
    this.#since = ChangeSet.empty(doc.length);
    const diagnostics = findings.map((finding): Diagnostic => {
      const { from, to } = range(doc, finding.location);
      return {
        from,
        to,
        severity: finding.severity === "note" ? "info" : finding.severity,
        message: finding.message,
        renderMessage: () => this.#message(finding),
        actions: finding.fix ? [{ name: fixName(finding), apply: () => this.apply(finding) }] : [],
      };
    });
    this.#view.dispatch(setDiagnostics(this.#view.state, diagnostics));
  }

  #message(finding: Finding): Node {
    const about = this.#words?.findingKinds.find((kind) => kind.code === finding.code)?.description;
    const message = document.createElement("div");
    const code = document.createElement("div");
    code.className = "finding-code";
    code.textContent = `${finding.severity}[${finding.code}]`;
    message.append(code, finding.help ? `${finding.message}; ${finding.help}` : finding.message);
    if (about) message.title = about;
    return message;
  }

  /** Makes the change that answers a finding, once, and where it was found, whatever was typed elsewhere since. */
  apply(finding: Finding): void {
    const { fix } = finding;
    if (!fix || !this.#findings.includes(finding)) return;
    const from = offset(this.#about, fix.line, fix.column);
    const to = Math.max(from, offset(this.#about, fix.endLine, fix.endColumn));
    if (this.#since.touchesRange(from, to)) return;
    const changes = { from: this.#since.mapPos(from), to: this.#since.mapPos(to), insert: fix.replacement };
    this.#view.dispatch({ changes, userEvent: "input.fix" });
  }

  /** Marks the lines that decided; without a place, none. */
  decide(location: Location | undefined, verdict: Verdict): void {
    const { doc } = this.#view.state;
    const value = location && location.line >= 1 && location.line <= doc.lines ? { ...range(doc, location), verdict } : undefined;
    this.#view.dispatch({ effects: setDeciding.of(value) });
  }

  /** Goes to a place. */
  reveal(location: Span): void {
    const { from } = range(this.#view.state.doc, location);
    this.#view.dispatch({ selection: { anchor: from }, effects: EditorView.scrollIntoView(from, { y: "center" }) });
    this.#view.focus();
  }
}

/** What a fix does, in a few words. */
export function fixName(finding: Finding): string {
  const replacement = finding.fix?.replacement ?? "";
  const line = replacement.trim().split("\n")[0] ?? "";
  if (line === "") return "Take it out";
  return replacement.trim().includes("\n") ? `Write ${line} …` : `Write ${line}`;
}
