// The tabs below the verdict, as a keyboard expects them.
import { byId } from "./element";

export type Tab = "map" | "walk" | "compare" | "tests";

const TABS: Tab[] = ["map", "walk", "compare", "tests"];

export class Tabs {
  #current: Tab = "map";
  #change: (tab: Tab) => void;

  constructor(change: (tab: Tab) => void) {
    this.#change = change;
    for (const [at, tab] of TABS.entries()) {
      const button = byId(`tab-${tab}`);
      button.addEventListener("click", () => this.select(tab));
      button.addEventListener("keydown", (event) => {
        const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
        const next = step && TABS[(at + step + TABS.length) % TABS.length];
        if (!next) return;
        this.select(next);
        byId(`tab-${next}`).focus();
      });
    }
  }

  get current(): Tab {
    return this.#current;
  }

  select(chosen: Tab): void {
    this.#current = chosen;
    for (const tab of TABS) {
      const button = byId(`tab-${tab}`);
      button.setAttribute("aria-selected", String(tab === chosen));
      button.tabIndex = tab === chosen ? 0 : -1;
      byId(`pane-${tab}`).hidden = tab !== chosen;
    }
    this.#change(chosen);
  }
}
