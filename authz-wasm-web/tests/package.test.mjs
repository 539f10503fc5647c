// The package in Node: what it answers, that it throws for nothing, and every suite of the project.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const folder = process.env.AUTHZ_PACKAGE ?? join(root, "target/web/authz");
const { Policies, Suite, findingKinds } = await import(join(folder, "node.js"));

const policy = (spec) =>
  `{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {name: a, namespace: foo}, spec: ${spec}}`;
const connection = { sourceIp: "10.0.0.1", destinationIp: "10.0.0.2", destinationPort: 9002 };

test("a connection is decided and explained", () => {
  const policies = new Policies({ policies: policy("{rules: [{to: [{operation: {ports: ['9000', '9001']}}]}]}") });
  assert.equal(policies.report().loaded, true);
  const authorizer = policies.authorizer({ namespace: "foo" });
  assert.equal(authorizer.decide(connection).reason, "no-allow-match");
  const [nearest] = authorizer.explain(connection).nearest;
  assert.equal(nearest.changes[0].example, "9000");
  assert.deepEqual(authorizer.policies().map((applied) => applied.policy), ["foo/a"]);
  authorizer.free();
  policies.free();
});

test("nothing throws, whatever it is handed", () => {
  for (const text of ["", "{", "a: [", policy("{acton: DENY}"), "\u0000", "- ".repeat(5000), "{".repeat(5000)]) {
    const policies = new Policies({ policies: text });
    assert.ok("findings" in policies.report());
    policies.authorizer({ namespace: "foo" })?.decide(connection);
  }
  const authorizer = new Policies({ policies: "" }).authorizer({ namespace: "foo" });
  for (const wrong of [null, 7, {}, { sourceIp: "x" }, { ...connection, unknown: ["host"] }, { ...connection, port: 1 }]) {
    assert.equal(typeof authorizer.decide(wrong).error, "string");
    assert.equal(typeof authorizer.explain(wrong).error, "string");
    assert.equal(typeof authorizer.accessMap(wrong).error, "string");
  }
  assert.equal(typeof new Policies({ policies: "", mesh: 7 }).report().error, "string");
  assert.equal(new Policies(7).report().loaded, false);
  assert.equal(typeof new Suite({ name: "suite.yaml", text: "cases: 7" }).report().error, "string");
  assert.equal(new Policies({ policies: "" }).authorizer({ namespace: [7] }), undefined);
});

test("findings carry their fixes", () => {
  const report = new Policies({ policies: policy("{acton: DENY}") }).report();
  assert.equal(report.loaded, false);
  assert.equal(report.findings[0].fix.replacement, "action");
  assert.ok(findingKinds().some((kind) => kind.code === report.findings[0].code));
});

test("the map of two versions shows what changes", () => {
  const of = (ports) => new Policies({ policies: policy(`{rules: [{to: [{operation: {ports: ${ports}}}]}]}`) }).authorizer({ namespace: "foo" });
  const map = of("['80']").accessMap(connection, { beside: of("['80', '81']") });
  assert.deepEqual(map.ports.map((port) => port.value), [80, 81, 9002]);
  assert.deepEqual(map.groups.map((group) => group.fact), ["connection", "peer"]);
  const verdicts = map.versions.map(({ decisions, cells }) => cells[0].map((place) => decisions[place].verdict));
  assert.deepEqual(verdicts, [["allow", "deny", "deny"], ["allow", "allow", "deny"]]);
});

function run(path) {
  const beside = readdirSync(dirname(path)).filter((name) => name.endsWith(".yaml"));
  const files = beside.map((name) => ({ name, text: readFileSync(join(dirname(path), name), "utf8") }));
  const suite = new Suite({ name: basename(path), text: readFileSync(path, "utf8"), files });
  const report = suite.run();
  suite.free();
  const failures = report.cases?.filter((report) => report.outcome === "failed").slice(0, 5);
  assert.deepEqual(failures, [], JSON.stringify(report).slice(0, 500));
  return report;
}

const figures = { "envoy.jsonl": [6017, 1], "rules.yaml": [411, 0], "validation.yaml": [144, 0] };
for (const [name, [passed, skipped]] of Object.entries(figures)) {
  test(`${name} passes as it does natively`, () => {
    const report = run(join(root, "testdata/conformance", name));
    assert.deepEqual([report.passed, report.failed, report.skipped], [passed, 0, skipped]);
  });
}

for (const name of ["walkthroughs", "mistakes", "cases"]) {
  test(`the suites in ${name} pass`, () => {
    const folder = join(root, "testdata", name);
    for (const file of readdirSync(folder)) {
      assert.ok(run(join(folder, file)).passed > 0, file);
    }
  });
}

test("the bundler's entry is the same", async () => {
  const bundled = await import(join(folder, "bundler.js"));
  assert.equal(new bundled.Policies({ policies: "" }).report().loaded, true);
});

test("the module is at most 250 KB when it is compressed", () => {
  const size = gzipSync(readFileSync(join(folder, "web/authz_bg.wasm")), { level: 9 }).length;
  console.log(`the module is ${size} bytes compressed`);
  assert.ok(size <= 250_000, `${size} bytes`);
});
