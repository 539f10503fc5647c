// Two versions side by side: another text of the policies, and the cells of the map that it changes.
import type { AccessMap, Connection } from "authz-wasm-web";

import { MapView } from "./access-map";
import { PolicyEditor } from "./editor";
import { byId, count, el } from "./element";
import type { Other } from "./protocol";

const pane = byId("pane-compare");

export interface CompareActions {
  /** The text of the version in the main editor. */
  own(): string;
  change(other: string | undefined): void;
  choose(connection: Connection): void;
}

export class Compare {
  #editor: PolicyEditor;
  #view: MapView;
  #text: string | undefined;
  #result = el("div", { class: "compare-result" });
  #holder = el("div", { class: "editor short" });

  constructor({ own, change, choose }: CompareActions) {
    const button = (label: string, act: () => void): HTMLElement => el("button", { type: "button", onclick: act }, label);
    pane.append(
      el("p", { class: "muted" }, "Paste another version of the policies, or copy and change this one; the map then shows what becomes of each connection."),
      el(
        "div",
        { class: "buttons" },
        button("Copy from the editor", () => (this.#editor.text = own())),
        button("Clear", () => (this.#editor.text = "")),
      ),
      this.#holder,
      this.#result,
    );
    this.#editor = new PolicyEditor(this.#holder, "The other version of the policies", (text) => {
      this.#text = text === "" ? undefined : text;
      change(this.#text);
    });
    this.#view = new MapView(this.#result, choose);
    this.#view.clear("Nothing to compare with yet.");
  }

  set text(text: string | undefined) {
    this.#editor.text = text ?? "";
  }

  show(map: AccessMap | undefined, other: Other | undefined, connection: Connection): void {
    if (this.#text === undefined) this.#view.clear("Nothing to compare with yet.");
    else if (!map || !other) this.#view.clear("There is nothing to compare until the policies load and the connection can be read.");
    else if (!other.loaded) this.#view.clear(`The other version does not load: ${count(other.errors, "error")}; ${other.first ?? ""}`);
    else this.#view.show(map, connection, true);
  }
}
