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

/** With so few ports the names of rows have more room. */
const FEW = 5;

const CELL = el("td", { role: "gridcell", tabindex: "-1" });

type Version = AccessMap["versions"][number];

/** What a version decides in a cell. */
function decision({ decisions, cells }: Version, line: number, column: number): Decision {
  const found = decisions[cells[line]?.[column] ?? -1];
  if (!found) throw new Error("a cell of the map has no decision");
  return found;
}

/** Whether the two versions differ in what one sees: the verdict, or what it waits for. */
const isChanged = ({ before, after }: Cell): boolean =>
  after !== undefined && (after.verdict !== before.verdict || look(after) !== look(before));

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
  #message = el("p", { class: "muted" });
  #holder = el("div");
  #detail = el("p", { class: "map-detail", role: "status" });
  #summary = el("p", { class: "summary", role: "status" });
  #heads: HTMLElement[] = [];
  /** What the table that is drawn has for rows and columns. */
  #drawn = "";
  #at: [row: number, column: number] = [0, 0];
  /** The cell that is told of below the map. */
  #told: [row: number, column: number] | undefined;

  /** A map in an element; a click on a cell chooses its connection. */
  constructor(parent: HTMLElement, choose: (connection: Connection) => void) {
    this.#parent = parent;
    this.#choose = choose;
    parent.append(this.#message, this.#holder);
  }

  /** Shows no map. The table is kept, for the next word that is typed may bring it back. */
  clear(why: string): void {
    this.#message.textContent = why;
    this.#message.hidden = false;
    this.#holder.hidden = true;
  }

  /** Shows a map around a connection: its first version, or what the second changes. */
  show(map: AccessMap, connection: Connection, compares: boolean): void {
    const [first, other] = map.versions;
    if (!first || (compares && !other)) return;
    this.#message.hidden = true;
    this.#holder.hidden = false;
    this.#ports = map.ports;
    const rows = map.groups.flatMap((group) => group.rows.map((row) => ({ row, fact: group.fact })));
    this.#cells = rows.map(({ row, fact }, line) =>
      map.ports.map((port, column): Cell => {
        const before = decision(first, line, column);
        const after = compares && other ? decision(other, line, column) : undefined;
        return { row, fact, port, before, after };
      }),
    );
    // Laying out thousands of cells takes longer than deciding them, so that a table is kept while it fits.
    const drawn = JSON.stringify([compares, map.ports, rows.map(({ row, fact }) => [fact, row.label, row.rest])]);
    if (drawn !== this.#drawn) {
      this.#drawn = drawn;
      this.#build(map, compares);
    }
    for (const [line, cells] of this.#cells.entries()) {
      const isOwn = cells[0]?.fact === "connection";
      const label = isOwn ? described(connection) : (cells[0]?.row.label ?? "");
      const head = this.#heads[line];
      if (head && head.textContent !== label) {
        head.textContent = label;
        head.title = cells[0]?.row.value ?? label;
      }
      for (const [column, cell] of cells.entries()) {
        const isCurrent = isOwn && this.#holds(cell.port, connection.destinationPort);
        const td = this.#tds[line]?.[column];
        if (td) this.#paint(td, cell, label, isCurrent);
      }
    }
    if (compares) this.#summary.textContent = summary(this.#cells);
    const told = this.#told && this.#cells[this.#told[0]]?.[this.#told[1]];
    if (this.#told && told) this.#tell(told, this.#told);
    const [line, column] = [Math.min(this.#at[0], this.#tds.length - 1), Math.min(this.#at[1], map.ports.length - 1)];
    this.#move(Math.max(line, 0), Math.max(column, 0), false);
  }

  #portName(port: AccessMap["ports"][number]): string {
    if (!port.rest) return String(port.value);
    return this.#ports.length === 1 ? "every port" : "any other";
  }

  /** Makes the table of a map, its cells still empty. */
  #build(map: AccessMap, compares: boolean): void {
    this.#tds = [];
    this.#heads = [];
    this.#told = undefined;
    const body = el("tbody");
    for (const group of map.groups) {
      const title = el("th", { colspan: String(map.ports.length + 1), scope: "rowgroup" }, GROUPS[group.fact]);
      body.append(el("tr", { class: "group" }, title));
      for (const row of group.rows) {
        const head = el("span");
        const line = this.#tds.length;
        const tds = map.ports.map((_, column) => {
          const td = CELL.cloneNode() as HTMLTableCellElement;
          td.dataset["at"] = `${line} ${column}`;
          return td;
        });
        this.#heads.push(head);
        this.#tds.push(tds);
        body.append(el("tr", {}, el("th", { scope: "row", class: row.rest ? "rest" : undefined }, head), ...tds));
      }
    }
    const ports = map.ports.map((port) => el("th", { scope: "col", class: port.rest ? "rest" : undefined }, this.#portName(port)));
    const corner = el("th", { scope: "col", class: "corner" }, "Port");
    const table = el(
      "table",
      { class: map.ports.length <= FEW ? "map few" : "map", role: "grid", "aria-label": compares ? "What the other version changes" : "Access map" },
      el("colgroup", {}, el("col", { class: "labels" }), ...map.ports.map((port) => el("col", { class: port.rest ? "rest" : "port" }))),
      el("thead", {}, el("tr", {}, corner, ...ports)),
      body,
    );
    table.addEventListener("click", (event) => this.#act(event, (cell) => this.#choose(this.#connection(cell))));
    table.addEventListener("mouseover", (event) => this.#act(event, (cell, at) => this.#tell(cell, at)));
    table.addEventListener("focusin", (event) => this.#act(event, (cell, at) => this.#focused(cell, at)));
    table.addEventListener("keydown", (event) => this.#key(event));
    this.#detail.textContent = "Point at a cell, or walk with the arrow keys, to see the rule that decides; choose one to fill the form.";
    this.#holder.replaceChildren(
      ...(compares ? [this.#summary] : []),
      legend(compares),
      el("div", { class: "map-scroll", tabindex: "-1" }, table),
      this.#detail,
      ...(map.leftOut > 0 ? [el("p", { class: "muted" }, `${count(map.leftOut, "value")} of the policies left out.`)] : []),
    );
  }

  /** Shows in a cell what is decided; touches what differs. */
  #paint(td: HTMLTableCellElement, cell: Cell, label: string, isCurrent: boolean): void {
    const now = look(cell.after ?? cell.before);
    const was = look(cell.before);
    const changed = isChanged(cell);
    const classes = `${now.name}${changed ? " changed" : ""}${isCurrent ? " current" : ""}`;
    const shape = changed ? `${was.shape}→${now.shape}` : now.shape;
    const change = changed ? `${was.word}, then ${now.word}` : now.word;
    const name = `${label}, port ${this.#portName(cell.port)}: ${change}${isCurrent ? ", as in the form" : ""}`;
    if (td.className !== classes) td.className = classes;
    if (td.textContent !== shape) td.textContent = shape;
    if (td.getAttribute("aria-label") !== name) td.setAttribute("aria-label", name);
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

  #tell({ row, port, before, after }: Cell, at: [number, number]): void {
    this.#told = at;
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
    this.#tell(cell, [row, column]);
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

/** A connection in a few words: who, and from where. */
function described({ principal, tls, sni, sourceIp, unknown = [] }: Connection): string {
  const [identity] = [principal ?? []].flat();
  let who = identity?.replace("spiffe://", "") ?? "plaintext";
  if (unknown.includes("transport") || unknown.includes("peer")) who = "a peer not known yet";
  else if (principal !== undefined && !identity) who = "mesh mTLS without identity";
  else if (principal === undefined && (tls || sni)) who = "TLS";
  return sourceIp ? `${who} from ${sourceIp}` : who;
}

function legend(compares: boolean): HTMLElement {
  const entries = Object.values(LOOKS).map(({ name, shape, word }) => el("li", {}, el("span", { class: `key ${name}`, "aria-hidden": "true" }, shape), word));
  if (compares) entries.push(el("li", {}, el("span", { class: "key changed allow", "aria-hidden": "true" }, "✕→✓"), "changes"));
  else entries.push(el("li", {}, el("span", { class: "key current", "aria-hidden": "true" }, ""), "the connection above"));
  return el("ul", { class: "legend", "aria-label": "Legend" }, ...entries);
}

function summary(cells: Cell[][]): string {
  const all = cells.flat();
  const changed = all.filter(isChanged).length;
  const opened = all.filter(({ before, after }) => before.verdict === "deny" && after?.verdict === "allow").length;
  const closed = all.filter(({ before, after }) => before.verdict === "allow" && after?.verdict === "deny").length;
  if (changed === 0) return `None of the ${count(all.length, "cell")} changes.`;
  const others = changed - opened - closed > 0 ? `, ${changed - opened - closed} for another reason` : "";
  return `${changed} of ${count(all.length, "cell")} change: ${opened} newly allowed, ${closed} newly denied${others}.`;
}
