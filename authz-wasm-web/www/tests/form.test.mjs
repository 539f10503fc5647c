// What the form says of a connection is what the connection is: over every case of the project's suites.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { runnerImport } from "vite";

const www = join(dirname(fileURLToPath(import.meta.url)), "..");
const root = join(www, "../..");
const { Policies, Suite } = await import(join(process.env.AUTHZ_PACKAGE ?? join(root, "target/web/authz"), "node.js"));

let toForm, toConnection, applied, all;
before(async () => {
  all = [...cases()];
  const { module } = await runnerImport(join(www, "src/state.ts"), { configFile: false, logLevel: "error" });
  ({ toForm, toConnection, applied } = module);
});

/** Every case about a connection, with its authorizer, where the policies load. */
function* cases() {
  const known = new Map();
  const folders = ["conformance", "cases", "walkthroughs", "mistakes"].map((name) => join(root, "testdata", name));
  const paths = folders.flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)));
  for (const path of paths.filter((path) => /\.(yaml|jsonl)$/.test(path))) {
    const suite = new Suite({ name: path, text: readFileSync(path, "utf8") });
    for (const found of suite.cases()) {
      if (!found) continue;
      const { mesh, lenient, workload } = found;
      const key = JSON.stringify([found.policies, mesh, lenient, workload]);
      if (!known.has(key)) known.set(key, new Policies({ policies: found.policies, mesh, lenient }).authorizer(workload));
      const authorizer = known.get(key);
      if (authorizer) yield { ...found, authorizer };
    }
    suite.free();
  }
}

test("every connection is decided in the form as it is", () => {
  let count = 0;
  for (const { name, authorizer, connection } of all) {
    const read = toConnection(toForm(connection));
    assert.deepEqual(authorizer.decide(read), authorizer.decide(connection), `${name}: ${JSON.stringify([connection, read])}`);
    count += 1;
  }
  assert.ok(count > 6000, `${count}`);
});

test("facts that are not known yet stay so, whatever else is stated", () => {
  const facts = ["sourceIp", "remoteIp", "destinationIp", "destinationPort", "transport", "peer", "sni", "metadata"];
  const text = (name, when) =>
    `{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {name: ${name}, namespace: foo}, spec: {action: DENY, rules: [{when: [${when}]}]}}`;
  const asks = { sni: "{key: connection.sni, values: [x]}", peer: "{key: source.principal, values: [x]}", metadata: "{key: 'experimental.envoy.filters.a[k]', values: [x]}", sourceIp: "{key: source.ip, values: [1.1.1.1]}", remoteIp: "{key: remote.ip, values: [1.1.1.1]}" };
  const authorizers = Object.entries(asks).map(([name, when]) => new Policies({ policies: text(name.toLowerCase(), when) }).authorizer({ namespace: "foo" }));
  for (let mask = 0; mask < 1 << facts.length; mask++) {
    const unknown = facts.filter((_, at) => mask & (1 << at));
    for (const stated of [{}, { tls: true }, { sni: "x" }, { sni: "" }, { principal: [] }, { principal: ["spiffe://x"], sni: "x" }, { remoteIp: "1.1.1.1" }, { metadata: { "envoy.filters.a|k": ["x", "y"] } }]) {
      const connection = { sourceIp: "1.1.1.1", destinationIp: "10.0.0.2", destinationPort: 80, ...stated, unknown };
      const read = toConnection(toForm(connection));
      for (const authorizer of authorizers) {
        assert.deepEqual(authorizer.decide(read), authorizer.decide(connection), JSON.stringify([connection, read]));
      }
    }
  }
});

test("what a near miss offers to try is allowed", () => {
  const failed = [];
  let tried = 0;
  const tryAll = (name, authorizer, form) => {
    for (const miss of authorizer.explain(toConnection(form)).nearest) {
      if (miss.then !== "allow") continue;
      const then = authorizer.decide(toConnection(miss.changes.reduce(applied, form)));
      if (then.verdict !== "allow") failed.push([name, form, miss.message, then.message]);
      tried += 1;
    }
  };
  for (const { name, authorizer, connection } of all) tryAll(name, authorizer, toForm(connection));
  // The original client is the source until somebody says otherwise, so that both move together.
  const policy = (name, spec) => `{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {name: ${name}, namespace: foo}, spec: ${spec}}`;
  const text = `${policy("a", "{rules: [{from: [{source: {ipBlocks: [10.0.0.0/8]}}]}]}")}\n---\n${policy("b", "{action: DENY, rules: [{from: [{source: {remoteIpBlocks: [10.0.0.0/8]}}]}]}")}`;
  const authorizer = new Policies({ policies: text }).authorizer({ namespace: "foo" });
  const connection = { sourceIp: "192.0.2.1", destinationIp: "10.0.0.2", destinationPort: 80 };
  assert.equal(authorizer.explain(connection).nearest[0].then, "deny");
  assert.equal(authorizer.explain({ ...connection, remoteIp: "192.0.2.1" }).nearest[0].then, "allow");
  assert.deepEqual(failed, []);
  assert.ok(tried > 1000, `${tried}`);
});

test("every cell of the map is what its connection is decided, by itself and in the form", () => {
  let cells = 0;
  const drawn = new Set();
  for (const { name, authorizer, connection } of all) {
    if (drawn.has(authorizer)) continue;
    drawn.add(authorizer);
    const { groups, ports, versions: [version] } = authorizer.accessMap(connection);
    const rows = groups.flatMap((group) => group.rows);
    assert.equal(rows.length, version.cells.length);
    for (const [line, row] of rows.entries()) {
      for (const [column, port] of ports.entries()) {
        const cell = { ...row.connection, destinationPort: port.value };
        const expected = version.decisions[version.cells[line][column]];
        for (const asked of [cell, toConnection(toForm(cell))]) {
          assert.deepEqual(authorizer.decide(asked), expected, `${name}: ${row.label}, ${port.value}`);
        }
        cells += 1;
      }
    }
  }
  assert.ok(cells > 10_000, `${cells}`);
});
