// The package in Node: what it answers, that it throws for nothing, and every suite of the project.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { gzipSync } from "node:zlib";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const folder = process.env.AUTHZ_PACKAGE ?? join(root, "target/web/authz");
const { Policies, Suite, failure, vocabulary } = await import(join(folder, "node.js"));
const { around } = await import(join(folder, "api.js"));

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

test("the example of the README shows what it says", async () => {
  const [, code] = /```js\n([^]*?)```/.exec(readFileSync(join(folder, "README.md"), "utf8"));
  const [, ...lines] = code.split("\n");
  const yaml = policy("{rules: [{to: [{operation: {ports: ['9000']}}]}]}");
  const body = lines.join("\n").replace("authorizer?.decide(connection);", "const decision = authorizer?.decide(connection);");
  const run = new Function("Policies", "yaml", `${body}; return decision;`);
  assert.equal(run(Policies, yaml).reason, "no-allow-match");
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
  assert.equal(typeof new Suite({ name: "suite.yaml", text: "cases: 7" }).report().error, "string");
  assert.equal(new Policies({ policies: "" }).authorizer({ namespace: [7] }), undefined);
  const circle = {};
  circle.connection = circle;
  for (const wrong of [undefined, { ...connection, destinationPort: 1n }, circle, { ...connection, destinationPort: NaN }]) {
    assert.equal(typeof authorizer.decide(wrong).error, "string");
  }
  for (const beside of [{}, null, 7]) assert.equal(typeof authorizer.accessMap(connection, { beside }).error, "string");
  for (const wrong of [undefined, null, 7, {}, { name: "s.yaml" }, { name: "s.yaml", text: "cases: []", files: 7 }]) {
    assert.equal(typeof new Suite(wrong).report().error, "string");
  }
  assert.equal(failure(), undefined);
});

test("what is no text is not taken for one, least of all for one without policies", () => {
  for (const policies of [undefined, null, 7, true, {}, ["a: 1"], [null], [undefined], [{ name: "a.yaml", text: null }], [{ text: "" }], new Uint8Array(3)]) {
    const loaded = new Policies({ policies });
    assert.match(loaded.report().error, /^policies: /, JSON.stringify(policies));
    assert.equal(loaded.authorizer({ namespace: "foo" }), undefined);
  }
  for (const request of [undefined, null, 7]) assert.equal(typeof new Policies(request).report().error, "string");
});

test("what was given back answers nothing, and may be given back again", () => {
  const policies = new Policies({ policies: "" });
  const authorizer = policies.authorizer({ namespace: "foo" });
  const suite = new Suite({ name: "s.yaml", text: "cases: []" });
  for (const object of [policies, authorizer, suite, policies, authorizer, suite]) object.free();
  const other = new Policies({ policies: "" }).authorizer({ namespace: "foo" });
  const answers = [policies.report(), suite.run(), authorizer.decide(connection), other.accessMap(connection, { beside: authorizer })];
  for (const answer of answers) assert.match(answer.error, /given back/);
  assert.equal(policies.authorizer({ namespace: "foo" }), undefined);
  assert.equal(other.decide(connection).verdict, "allow");
});

test("an engine that panicked decides nothing any more", () => {
  // Stands in for a module of which one call panics.
  let calls = 0;
  class Authorizer {
    decide = () => '{"verdict":"allow"}';
    explain() {
      throw new WebAssembly.RuntimeError("unreachable");
    }
    free() {
      calls += 1;
    }
  }
  class Inner {
    report = () => '{"loaded":true}';
    authorizer = () => new Authorizer();
    free() {
      calls += 1;
    }
  }
  const broken = around({ Policies: Inner, Suite: Inner, vocabulary: () => "{}" });
  const policies = new broken.Policies({ policies: "" });
  const authorizer = policies.authorizer({});
  assert.deepEqual(authorizer.decide(connection), { verdict: "allow" });
  assert.match(authorizer.explain(connection).error, /^the engine stopped \(unreachable\)/);
  assert.match(broken.failure(), /load the module anew/);
  for (const answer of [authorizer.decide(connection), policies.report(), new broken.Policies({ policies: "" }).report(), new broken.Suite({ name: "", text: "" }).report(), broken.vocabulary()]) {
    assert.deepEqual(answer, { error: broken.failure() });
  }
  assert.equal(policies.authorizer({}), undefined);
  authorizer.free();
  assert.equal(calls, 0);
});

test("a module that is not ready says so, and can be made ready", () => {
  let isReady = false;
  const early = around({ vocabulary: () => "{}" }, () => isReady);
  assert.throws(() => early.vocabulary(), /call `init`/);
  isReady = true;
  assert.deepEqual(early.vocabulary(), {});
});

test("findings carry their fixes", () => {
  const report = new Policies({ policies: policy("{acton: DENY}") }).report();
  assert.equal(report.loaded, false);
  assert.equal(report.findings[0].fix.replacement, "action");
  const { findingKinds, conditionKeys } = vocabulary();
  assert.ok(findingKinds.some((kind) => kind.code === report.findings[0].code));
  assert.ok(conditionKeys.includes("source.ip"));
});

/** A text with a finding's change made; columns count characters. */
function fixed(text, { line, column, endLine, endColumn, replacement }) {
  const lines = text.split("\n");
  const at = (line, column) => lines.slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0) + [...lines[line - 1]].slice(0, column - 1).join("").length;
  return text.slice(0, at(line, column)) + replacement + text.slice(at(endLine, endColumn));
}

test("every fix answers its finding", () => {
  const folder = join(root, "authz-core/tests/diagnostics");
  const seen = new Set();
  for (const name of readdirSync(folder).filter((name) => name.endsWith(".yaml"))) {
    const text = readFileSync(join(folder, name), "utf8");
    const key = ({ code, resource, path, message }) => JSON.stringify([code, resource, path, message]);
    for (const finding of new Policies({ policies: text }).report().findings) {
      if (!finding.fix) continue;
      const left = new Policies({ policies: fixed(text, finding.fix) }).report().findings.map(key);
      assert.ok(!left.includes(key(finding)), `${name}: ${finding.message}`);
      seen.add(finding.code);
    }
  }
  assert.ok(seen.size >= 8, [...seen].join());
});

test("a port that the map has no room for stands for itself", () => {
  const ports = Array.from({ length: 60 }, (_, index) => String(9000 + index));
  const authorizer = new Policies({ policies: policy(`{rules: [{to: [{operation: {ports: ${JSON.stringify(ports)}}}]}]}`) }).authorizer({ namespace: "foo" });
  const map = authorizer.accessMap({ ...connection, destinationPort: 9055 });
  const { decisions, cells } = map.versions[0];
  const verdicts = map.ports.map((port, column) => [port.value, port.rest, decisions[cells[0][column]].verdict]);
  assert.equal(map.leftOut, 10);
  assert.deepEqual(verdicts.slice(-2), [[80, true, "deny"], [9055, false, "allow"]]);
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

test("a worker uses the entry of the web", async () => {
  const code = `
    import { parentPort, workerData } from "node:worker_threads";
    const { readFileSync } = await import("node:fs");
    const { default: init, Policies } = await import("file://" + workerData + "/web.js");
    let early;
    try { new Policies({ policies: "" }); } catch (error) { early = error.message; }
    await init({ module_or_path: readFileSync(workerData + "/web/authz_bg.wasm") });
    parentPort.postMessage([early, new Policies({ policies: "" }).authorizer({ namespace: "foo" }).decide(${JSON.stringify(connection)}).reason]);
  `;
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(code)}`), { workerData: folder });
  const [early, reason] = await new Promise((resolve, reject) => worker.once("message", resolve).once("error", reject));
  assert.match(early, /call `init`/);
  assert.equal(reason, "no-policy");
});

test("what is published is all that the entries need, and nothing else", () => {
  const [{ files }] = JSON.parse(execFileSync("npm", ["pack", "--dry-run", "--json"], { cwd: folder, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }));
  const own = ["LICENSE", "README.md", "package.json", "api.d.ts", "api.js"];
  const entries = ["bundler", "node", "web"].flatMap((name) => [`${name}.d.ts`, `${name}.js`]);
  const module = ["authz.js", "authz_bg.js", "authz_bg.wasm", "bundler.js"].map((name) => `web/${name}`);
  assert.deepEqual(files.map(({ path }) => path).sort(), [...own, ...entries, ...module].sort());
  // Somebody who installed it has no other files of the project.
  const links = [...readFileSync(join(folder, "README.md"), "utf8").matchAll(/\]\(([^)#]+)/g)].map(([, link]) => link);
  for (const link of links) assert.ok(existsSync(join(folder, link)), link);
});

test("the module is at most 250 KB when it is compressed", () => {
  const size = gzipSync(readFileSync(join(folder, "web/authz_bg.wasm")), { level: 9 }).length;
  console.log(`the module is ${size} bytes compressed`);
  assert.ok(size <= 250_000, `${size} bytes`);
});
