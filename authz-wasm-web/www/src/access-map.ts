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

/** How many rows are drawn at once, which is more than one sees, and how many at a time then. */
const FIRST = 24;
const STEP = 12;

type Version = AccessMap["versions"][number];

/** What a version decides in a cell. */
function decision({ decisions, cells }: Version, line: number, column: number): Decision {
  const found = decisions[cells[line]?.[column] ?? -1];
  if (!found) throw new Error("a cell of the map has no decision");
  return found;
}

const connectionOf = ({ row, port }: Cell): Connection => ({ ...row.connection, destinationPort: port.value });

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

/** Touches an element only where its text differs. */
function write(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text;
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
  #columns: HTMLElement[] = [];
  /** What the table that is drawn has for rows and columns. */
  #drawn = "";
  #table = el("table");
  #body = el("tbody");
  /** A row that holds nothing yet. */
  #template = el("tr");
  #connection: Connection = {};
  #drawing: ReturnType<typeof setTimeout> | undefined;
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
    // Laid out it stays, so that it comes back at once.
    this.#holder.classList.add("away");
  }

  /** Shows a map around a connection: its first version, or what the second changes. */
  show(map: AccessMap, connection: Connection, compares: boolean): void {
    const [first, other] = map.versions;
    if (!first || (compares && !other)) return;
    this.#message.hidden = true;
    this.#holder.classList.remove("away");
    this.#ports = map.ports;
    this.#connection = connection;
    const rows = map.groups.flatMap((group) => group.rows.map((row) => ({ row, fact: group.fact })));
    this.#cells = rows.map(({ row, fact }, line) =>
      map.ports.map((port, column): Cell => {
        const before = decision(first, line, column);
        const after = compares && other ? decision(other, line, column) : undefined;
        return { row, fact, port, before, after };
      }),
    );
    // Laying out thousands of cells takes longer than deciding them, so that a table is kept while it fits.
    const drawn = JSON.stringify([compares, map.leftOut, map.ports.map((port) => port.rest), rows.map(({ row, fact }) => [fact, row.label, row.rest])]);
    if (drawn !== this.#drawn) {
      this.#drawn = drawn;
      this.#build(map, compares);
      this.#grow(Math.max(FIRST, this.#at[0] + 1));
    }
    for (const [column, port] of map.ports.entries()) {
      const head = this.#columns[column];
      if (head) write(head, this.#portName(port));
    }
    this.#paint(0);
    if (compares) this.#summary.textContent = summary(this.#cells);
    const told = this.#told && this.#cells[this.#told[0]]?.[this.#told[1]];
    if (this.#told && told) this.#tell(told, this.#told);
    const [line, column] = [Math.min(this.#at[0], this.#tds.length - 1), Math.min(this.#at[1], map.ports.length - 1)];
    this.#move(Math.max(line, 0), Math.max(column, 0), false);
    this.#continue();
  }

  /** Draws the rows that are not there yet, a few at a time. */
  #continue(): void {
    clearTimeout(this.#drawing);
    const from = this.#tds.length;
    if (from >= this.#cells.length) return this.#table.removeAttribute("aria-busy");
    this.#table.setAttribute("aria-busy", "true");
    this.#drawing = setTimeout(() => {
      this.#grow(from + STEP);
      this.#paint(from);
      this.#continue();
    });
  }

  #portName(port: AccessMap["ports"][number]): string {
    if (!port.rest) return String(port.value);
    return this.#ports.length === 1 ? "every port" : "any other";
  }

  /** Makes the table of a map, without its rows. */
  #build(map: AccessMap, compares: boolean): void {
    this.#tds = [];
    this.#heads = [];
    this.#told = undefined;
    this.#body = el("tbody");
    const cells = map.ports.map(() => el("td", { role: "gridcell", tabindex: "-1" }));
    this.#template = el("tr", {}, el("th", { scope: "row" }, el("span")), ...cells);
    this.#columns = map.ports.map((port) => el("th", { scope: "col", class: port.rest ? "rest" : undefined }));
    const corner = el("th", { scope: "col", class: "corner" }, "Port");
    this.#table = el(
      "table",
      { class: map.ports.length <= FEW ? "map few" : "map", role: "grid", "aria-label": compares ? "What the other version changes" : "Access map" },
      el("colgroup", {}, el("col", { class: "labels" }), ...map.ports.map((port) => el("col", { class: port.rest ? "rest" : "port" }))),
      el("thead", {}, el("tr", {}, corner, ...this.#columns)),
      this.#body,
    );
    const table = this.#table;
    table.addEventListener("click", (event) => this.#act(event, (cell) => this.#choose(connectionOf(cell))));
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

  /** Adds rows up to a number of them. */
  #grow(to: number): void {
    const rows = document.createDocumentFragment();
    for (const cells of this.#cells.slice(this.#tds.length, to)) {
      const line = this.#tds.length;
      const fact = cells[0]?.fact ?? "connection";
      if (fact !== this.#cells[line - 1]?.[0]?.fact) {
        rows.append(el("tr", { class: "group" }, el("th", { colspan: String(cells.length + 1), scope: "rowgroup" }, GROUPS[fact])));
      }
      const row = this.#template.cloneNode(true) as HTMLTableRowElement;
      row.dataset["line"] = String(line);
      const [head, ...tds] = row.cells;
      if (cells[0]?.row.rest) head?.classList.add("rest");
      this.#heads.push(head?.firstElementChild as HTMLElement);
      this.#tds.push(tds);
      rows.append(row);
    }
    this.#body.append(rows);
  }

  /** Shows what is decided in the rows from one on, as far as they are drawn. */
  #paint(from: number): void {
    for (const [line, tds] of this.#tds.entries()) {
      const cells = this.#cells[line];
      const own = cells?.[0];
      if (!own || line < from) continue;
      const isOwn = own.fact === "connection";
      const label = isOwn ? described(this.#connection) : own.row.label;
      const head = this.#heads[line];
      if (head && head.textContent !== label) {
        head.textContent = label;
        head.title = own.row.value ?? label;
      }
      for (const [column, cell] of cells.entries()) {
        const isCurrent = isOwn && this.#holds(cell.port, this.#connection.destinationPort);
        const td = tds[column];
        if (td) this.#show(td, cell, label, isCurrent);
      }
    }
  }

  /** Shows in a cell what is decided; touches what differs. */
  #show(td: HTMLTableCellElement, cell: Cell, label: string, isCurrent: boolean): void {
    const now = look(cell.after ?? cell.before);
    const was = look(cell.before);
    const changed = isChanged(cell);
    const classes = `${now.name}${changed ? " changed" : ""}${isCurrent ? " current" : ""}`;
    const shape = changed ? `${was.shape}→${now.shape}` : now.shape;
    const change = changed ? `${was.word}, then ${now.word}` : now.word;
    const name = `${label}, port ${this.#portName(cell.port)}: ${change}${isCurrent ? ", as in the form" : ""}`;
    if (td.className !== classes) td.className = classes;
    write(td, shape);
    if (td.getAttribute("aria-label") !== name) td.setAttribute("aria-label", name);
  }

  /** Whether a column stands for a port. */
  #holds(port: AccessMap["ports"][number], value: number | undefined): boolean {
    if (value === undefined) return false;
    return port.rest ? !this.#ports.some((other) => !other.rest && other.value === value) : port.value === value;
  }

  #act(event: Event, action: (cell: Cell, at: [number, number]) => void): void {
    const td = (event.target as HTMLElement).closest("td");
    if (!td) return;
    const row = Number(td.closest("tr")?.dataset["line"]);
    const column = td.cellIndex - 1;
    const cell = this.#cells[row]?.[column];
    if (cell) action(cell, [row, column]);
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
      if (cell) this.#choose(connectionOf(cell));
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
