// The form of one connection. Each of its facts may be said not to be known yet.
import type { AccessMap, Fact } from "authz-wasm-web";

import { byId, el } from "./element";
import type { Form, TransportChoice } from "./state";

const TEXTS = ["sourceIp", "remoteIp", "destinationIp", "destinationPort", "principal", "sni", "metadata"] as const;
const inputs = Object.fromEntries(TEXTS.map((id) => [id, byId<HTMLInputElement>(id)])) as Record<
  (typeof TEXTS)[number],
  HTMLInputElement
>;
const transports = [...document.querySelectorAll<HTMLInputElement>("input[name=transport]")];
const toggles = new Map<Fact, HTMLButtonElement>();
const placeholders = new Map<HTMLInputElement, string>(Object.values(inputs).map((input) => [input, input.placeholder]));

const factOf = (id: (typeof TEXTS)[number]): Fact => (id === "principal" ? "peer" : id);

/** Tells of every change. */
export function onForm(change: (form: Form) => void): void {
  for (const id of TEXTS) {
    const fact = factOf(id);
    const toggle = el(
      "button",
      { type: "button", class: "unknown", "aria-pressed": "false", title: "Not known yet" },
      el("span", { "aria-hidden": "true" }, "?"),
      el("span", { class: "hidden-text" }, `${inputs[id].labels?.[0]?.textContent ?? id} is not known yet`),
    );
    toggle.addEventListener("click", () => {
      toggle.setAttribute("aria-pressed", String(toggle.getAttribute("aria-pressed") !== "true"));
      settle();
      change(read());
    });
    inputs[id].after(toggle);
    toggles.set(fact, toggle);
    inputs[id].addEventListener("input", () => change(read()));
  }
  for (const transport of transports) {
    transport.addEventListener("change", () => {
      // Plaintext has no server name, so that there is none to wait for.
      if (transport.value === "plaintext") toggles.get("sni")?.setAttribute("aria-pressed", "false");
      settle();
      change(read());
    });
  }
  byId("connection").addEventListener("submit", (event) => event.preventDefault());
}

export function showForm(form: Form): void {
  for (const id of TEXTS) {
    inputs[id].value = form[id];
    toggles.get(factOf(id))?.setAttribute("aria-pressed", String(form.unknown.includes(factOf(id))));
  }
  for (const transport of transports) transport.checked = transport.value === form.transport;
  settle();
  showMetadata();
}

const metadata = inputs.metadata.closest<HTMLElement>(".field");
let isAsked = false;

/** Says whether rules ask for metadata; few do, and the form has a field for it only then. */
export function askMetadata(asked: boolean): void {
  if (asked === isAsked) return;
  isAsked = asked;
  showMetadata();
}

function showMetadata(): void {
  const isStated = inputs.metadata.value !== "" || toggles.get("metadata")?.getAttribute("aria-pressed") === "true";
  if (metadata) metadata.hidden = !isAsked && !isStated;
}

function read(): Form {
  const choice = transports.find((transport) => transport.checked)?.value ?? "plaintext";
  const form: Form = { ...valuesOf(), transport: choice as TransportChoice, unknown: [] };
  for (const [fact, toggle] of toggles) {
    if (toggle.getAttribute("aria-pressed") === "true") form.unknown.push(fact);
  }
  return form;
}

const valuesOf = (): Record<(typeof TEXTS)[number], string> =>
  Object.fromEntries(TEXTS.map((id) => [id, inputs[id].value])) as Record<(typeof TEXTS)[number], string>;

/** What can be typed follows from what is known and from the transport. */
function settle(): void {
  const transport = transports.find((choice) => choice.checked)?.value;
  for (const id of TEXTS) {
    const input = inputs[id];
    const toggle = toggles.get(factOf(id));
    const isPressed = toggle?.getAttribute("aria-pressed") === "true";
    let why: string | undefined;
    if (id === "principal" && transport === "plaintext") why = "none: plaintext has no identity";
    else if (id === "principal" && transport === "tls") why = "none: the TLS is not the mesh's";
    else if (id === "principal" && transport === "unknown") why = "not known before the handshake";
    else if (id === "sni" && transport === "plaintext" && !isPressed) why = "none: plaintext has no server name";
    if (toggle) toggle.disabled = why !== undefined;
    const isUnknown = why === undefined && isPressed;
    input.disabled = why !== undefined || isUnknown;
    input.placeholder = why ?? (isUnknown ? "not known yet" : (placeholders.get(input) ?? ""));
    input.classList.toggle("without", input.disabled);
  }
}

/** Offers the values that the policies write. */
export function offer(map: AccessMap): void {
  byId("ports").replaceChildren(...map.ports.map((port) => el("option", { value: String(port.value) })));
  const peers = map.groups.find((group) => group.fact === "peer")?.rows ?? [];
  byId("identities").replaceChildren(...peers.flatMap(({ value }) => (value ? [el("option", { value })] : [])));
}
