// The access map: who may reach which port, coloured and shaped by verdict; of one version or of two.
import type { AccessMap, Connection, Decision, MapGroup, MapRow } from "authz-wasm-web";

import { count, el } from "./element";
import { sentence } from "./verdict";

const GROUPS: Record<MapGroup["fact"], string> = {
  connection: "The connection above",
  peer: "Who: transport and identity",
  sourceIp: "From where: source",
  remoteIp: "From where: original client",
  destinationIp: "To where: destination",
  sni: "Server name",
};

/** How a cell looks and what it is called. No two share a shape, so that colours are not needed. */
interface Look {
  name: "allow" | "deny" | "unknown" | "provider";
  shape: string;
  word: string;
}

const LOOKS: Record<Look["name"], Look> = {
  allow: { name: "allow", shape: "✓", word: "allowed" },
  deny: { name: "deny", shape: "✕", word: "denied" },
  unknown: { name: "unknown", shape: "?", word: "not decided yet" },
  provider: { name: "provider", shape: "◆", word: "asks a provider" },
};

function look(decision: Decision): Look {
  if (decision.reason === "unknown-fact") return LOOKS.unknown;
  if (decision.provider) return LOOKS.provider;
  return LOOKS[decision.verdict];
}

/** What one cell is about. */
interface Cell {
  row: MapRow;
  fact: MapGroup["fact"];
  port: AccessMap["ports"][number];
  before: Decision;
  after: Decision | undefined;
}

export class MapView {
  #parent: HTMLElement;
  #choose: (connection: Connection) => void;
  #cells: Cell[][] = [];
  #tds: HTMLTableCellElement[][] = [];
  #ports: AccessMap["ports"] = [];
  #detail = el("p", { class: "map-detail", role: "status" });
  #at: [row: number, column: number] = [0, 0];

  /** A map in an element; a click on a cell chooses its connection. */
  constructor(parent: HTMLElement, choose: (connection: Connection) => void) {
    this.#parent = parent;
    this.#choose = choose;
  }

  clear(why: string): void {
    this.#parent.replaceChildren(el("p", { class: "muted" }, why));
  }

  /** Shows a map around a connection: its first version, or what the second changes. */
  show(map: AccessMap, connection: Connection, compares: boolean): void {
    const [own, other] = map.versions;
    if (!own || (compares && !other)) return;
    this.#ports = map.ports;
    this.#cells = [];
    this.#tds = [];
    const body = el("tbody");
    let row = 0;
    for (const group of map.groups) {
      const title = el("th", { colspan: String(map.ports.length + 1), scope: "rowgroup" }, GROUPS[group.fact]);
      body.append(el("tr", { class: "group" }, title));
      for (const entry of group.rows) {
        const cells = map.ports.map((port, column): Cell | undefined => {
          const before = own.decisions[own.cells[row]?.[column] ?? -1];
          const after = compares ? other?.decisions[other.cells[row]?.[column] ?? -1] : undefined;
          return before && { row: entry, fact: group.fact, port, before, after };
        });
        const kept = cells.filter((cell) => cell !== undefined);
        this.#cells.push(kept);
        body.append(this.#row(entry, kept, row, group.fact === "connection" ? connection : undefined));
        row++;
      }
    }
    const heads = map.ports.map((port) => el("th", { scope: "col", class: port.rest ? "rest" : undefined }, this.#portName(port)));
    const corner = el("th", { scope: "col", class: "corner" }, "Port");
    const table = el(
      "table",
      { class: "map", role: "grid", "aria-label": compares ? "What the other version changes" : "Access map" },
      el("thead", {}, el("tr", {}, corner, ...heads)),
      body,
    );
    table.addEventListener("click", (event) => this.#act(event, (cell) => this.#choose(this.#connection(cell))));
    table.addEventListener("mouseover", (event) => this.#act(event, (cell) => this.#tell(cell)));
    table.addEventListener("focusin", (event) => this.#act(event, (cell, at) => this.#focused(cell, at)));
    table.addEventListener("keydown", (event) => this.#key(event));
    this.#detail.textContent = "Point at a cell, or walk with the arrow keys, to see the rule that decides; choose one to fill the form.";
    const leftOut = map.leftOut > 0 ? el("p", { class: "muted" }, `${count(map.leftOut, "value")} of the policies are left out.`) : undefined;
    this.#parent.replaceChildren(
      ...(compares && other ? [summary(this.#cells)] : []),
      legend(compares),
      el("div", { class: "map-scroll", tabindex: "-1" }, table),
      this.#detail,
      ...(leftOut ? [leftOut] : []),
    );
    const [first, column] = [Math.min(this.#at[0], this.#tds.length - 1), Math.min(this.#at[1], map.ports.length - 1)];
    this.#move(Math.max(first, 0), Math.max(column, 0), false);
  }

  #portName(port: AccessMap["ports"][number]): string {
    if (!port.rest) return String(port.value);
    return this.#ports.length === 1 ? "every port" : "any other";
  }

  /** A row; that of the form's own connection is told so. */
  #row(entry: MapRow, cells: Cell[], row: number, own: Connection | undefined): HTMLElement {
    const tds = cells.map((cell, column) => {
      const now = look(cell.after ?? cell.before);
      const was = look(cell.before);
      const isChanged = cell.after !== undefined && (cell.after.verdict !== cell.before.verdict || now.name !== was.name);
      const isCurrent = own !== undefined && this.#holds(cell.port, own.destinationPort);
      const classes = [now.name, isChanged ? "changed" : "", isCurrent ? "current" : ""].filter((name) => name !== "").join(" ");
      const td = document.createElement("td");
      td.className = classes;
      td.tabIndex = -1;
      td.dataset["at"] = `${row} ${column}`;
      td.setAttribute("role", "gridcell");
      const change = isChanged ? `${was.word}, then ${now.word}` : now.word;
      td.setAttribute("aria-label", `${entry.label}, port ${this.#portName(cell.port)}: ${change}${isCurrent ? ", as in the form" : ""}`);
      td.textContent = isChanged ? `${was.shape}→${now.shape}` : now.shape;
      return td;
    });
    this.#tds.push(tds);
    const label = el("th", { scope: "row", class: entry.rest ? "rest" : undefined }, el("span", { title: entry.value ?? entry.label }, entry.label));
    const tr = el("tr", {}, label);
    tr.append(...tds);
    return tr;
  }

  /** Whether a column stands for a port. */
  #holds(port: AccessMap["ports"][number], value: number | undefined): boolean {
    if (value === undefined) return false;
    return port.rest ? !this.#ports.some((other) => !other.rest && other.value === value) : port.value === value;
  }

  #act(event: Event, action: (cell: Cell, at: [number, number]) => void): void {
    const at = (event.target as HTMLElement).closest<HTMLElement>("td")?.dataset["at"]?.split(" ").map(Number);
    if (!at) return;
    const [row = 0, column = 0] = at;
    const cell = this.#cells[row]?.[column];
    if (cell) action(cell, [row, column]);
  }

  #connection({ row, port }: Cell): Connection {
    return { ...row.connection, destinationPort: port.value };
  }

  #tell({ row, port, before, after }: Cell): void {
    const head = `${row.label}${row.value && row.value !== row.label ? ` (${row.value})` : ""} → ${port.rest ? `${this.#portName(port)}, such as ${port.value}` : port.value}`;
    const text = (decision: Decision): (Node | string)[] => [
      el("b", { class: look(decision).name }, look(decision).word),
      ` ${sentence(decision.message)}`,
      decision.location ? ` (line ${decision.location.line})` : "",
    ];
    const children = [el("span", { class: "map-head" }, head), ...text(before)];
    if (after) children.push(el("span", { class: "map-then" }, " then "), ...text(after));
    this.#detail.replaceChildren(...children);
  }

  #focused(cell: Cell, [row, column]: [number, number]): void {
    this.#move(row, column, false);
    this.#tell(cell);
  }

  /** One cell takes part in the order of tabs; the arrow keys lead to the others. */
  #move(row: number, column: number, focus: boolean): void {
    const old = this.#tds[this.#at[0]]?.[this.#at[1]];
    if (old) old.tabIndex = -1;
    const next = this.#tds[row]?.[column];
    if (!next) return;
    this.#at = [row, column];
    next.tabIndex = 0;
    if (focus) next.focus();
  }

  #key(event: KeyboardEvent): void {
    const [row, column] = this.#at;
    const last = (this.#tds[row]?.length ?? 1) - 1;
    const moves: Record<string, [number, number]> = {
      ArrowUp: [row - 1, column],
      ArrowDown: [row + 1, column],
      ArrowLeft: [row, column - 1],
      ArrowRight: [row, column + 1],
      Home: [row, 0],
      End: [row, last],
    };
    const move = moves[event.key];
    if (move) {
      event.preventDefault();
      this.#move(move[0], move[1], true);
    } else if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      const cell = this.#cells[row]?.[column];
      if (cell) this.#choose(this.#connection(cell));
    }
  }

  /** Gives the keyboard back to the cell that had it, once the map is drawn anew. */
  focus(): void {
    this.#move(this.#at[0], this.#at[1], true);
  }

  get hasFocus(): boolean {
    return this.#parent.contains(document.activeElement) && document.activeElement?.tagName === "TD";
  }
}

function legend(compares: boolean): HTMLElement {
  const entries = Object.values(LOOKS).map(({ name, shape, word }) => el("li", {}, el("span", { class: `key ${name}`, "aria-hidden": "true" }, shape), word));
  if (compares) entries.push(el("li", {}, el("span", { class: "key changed allow", "aria-hidden": "true" }, "✕→✓"), "changes"));
  else entries.push(el("li", {}, el("span", { class: "key current", "aria-hidden": "true" }, ""), "its port"));
  return el("ul", { class: "legend", "aria-label": "Legend" }, ...entries);
}

function summary(cells: Cell[][]): HTMLElement {
  const all = cells.flat().filter((cell) => cell.after);
  const opened = all.filter(({ before, after }) => before.verdict === "deny" && after?.verdict === "allow").length;
  const closed = all.filter(({ before, after }) => before.verdict === "allow" && after?.verdict === "deny").length;
  const text =
    opened + closed === 0
      ? `None of the ${count(all.length, "cell")} changes.`
      : `${opened + closed} of ${count(all.length, "cell")} change: ${opened} newly allowed, ${closed} newly denied.`;
  return el("p", { class: "summary", role: "status" }, text);
}
