// What goes wrong around the page: links that somebody made up, an engine that stops, texts of other systems, haste.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { test } from "node:test";
import { deflateRawSync } from "node:zlib";

import { host, on, settled, single } from "./browser.mjs";
import { decided, example, paste, verdict } from "./page.mjs";

const policy = (spec, name = "a") =>
  `apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: ${name}, namespace: foo}\nspec: ${spec}\n`;
const link = (state) => `#1.${deflateRawSync(Buffer.from(typeof state === "string" ? state : JSON.stringify(state)), { level: 9 }).toString("base64url")}`;
const form = { sourceIp: "10.0.0.1", destinationIp: "10.0.0.2", destinationPort: "80", transport: "plaintext" };
const lines = (page, within = "#editor") => page.locator(`${within} .cm-line`).allInnerTexts();

/** Keeps the engine from answering for a while, and lets it fail then, if that is asked. */
const stall = (page, milliseconds, failure) =>
  page.workers()[0].evaluate(([milliseconds, failure]) => setTimeout(() => {
    const end = performance.now() + milliseconds;
    while (performance.now() < end);
    if (failure) throw new Error(failure);
  }), [milliseconds, failure]);

for (const [what, address] of Object.entries({ "the served page": () => host.address, "the page that is one file": single })) {
  on(`neither ${what} nor its worker can ask anybody for anything`, { address, complains: /Content Security Policy|ERR_|CORS/ }, async (page) => {
    let asked = 0;
    const stranger = createServer((_, response) => {
      asked += 1;
      response.writeHead(200, { "access-control-allow-origin": "*" }).end("taken");
    });
    await new Promise((resolve) => stranger.listen(0, "127.0.0.1", resolve));
    const ask = (url) => fetch(url).then((response) => response.text(), () => "blocked");
    const url = `http://127.0.0.1:${stranger.address().port}/`;
    const [worker] = page.workers();
    assert.deepEqual([await worker.evaluate(ask, url), await page.evaluate(ask, url)], ["blocked", "blocked"]);
    assert.equal(asked, 0);
    stranger.close();
  });
}

const HOSTILE = {
  "aliases that are no list": { mesh: { trustDomainAliases: "x" } },
  "a mesh that is none": { mesh: [1] },
  "fields that there are not": { mesh: { other: 1 }, other2: 1 },
  "labels of other types": { workload: { namespace: 7, labels: { a: {}, b: null } } },
  "providers of other kinds": { mesh: { extensionProviders: { a: "ftp", b: null } } },
};
for (const [what, state] of Object.entries(HOSTILE)) {
  on(`a link with ${what} is decided without it`, { address: () => host.address + link({ policies: policy("{rules: [{}]}"), form, ...state }) }, async (page) => {
    await decided(page, "allow");
    assert.equal(await page.locator("#about").innerText(), "Opened from a link.");
  });
}

const UNREADABLE = {
  "no state": "7",
  "no policies": { form },
  "no JSON": "{",
  // 400 MB of spaces.
  "more than fits": deflateRawSync(Buffer.alloc(4e8, 32), { level: 9 }),
};
for (const [what, state] of Object.entries(UNREADABLE)) {
  const fragment = Buffer.isBuffer(state) ? `#1.${state.toString("base64url")}` : link(state);
  on(`a link that holds ${what} opens nothing, and says so`, { address: () => host.address + fragment }, async (page) => {
    assert.match(await page.locator("#shared").innerText(), /The link cannot be read/);
    assert.match((await lines(page)).join("\n"), /tcp-policy/);
    const used = await page.evaluate(() => performance.memory.usedJSHeapSize);
    assert.ok(used < 100e6, `${used} bytes`);
  });
}

on("a link shows texts as texts, whatever they say", { address: () => host.address + link({ policies: policy("{rules: [{from: [{source: {principals: ['<img src=x onerror=alert(1)>']}}]}]}"), form: { ...form, sni: "<b>x" }, workload: { namespace: "foo", labels: { "<i>": "<script>" } }, suite: "<b>" }) }, async (page) => {
  await decided(page, "deny");
  for (const tab of ["walk", "compare", "tests", "map"]) {
    await page.click(`#tab-${tab}`);
    assert.equal(await page.locator("main img, main b b, main script, main i").count(), 0);
  }
  assert.match(await page.locator("#pane-map").innerText(), /<img src=x onerror=alert\(1\)>/);
});

on("a second link replaces the first, and an example replaces a link", {}, async (page) => {
  for (const port of ["81", "82"]) {
    await page.evaluate((hash) => (location.hash = hash), link({ policies: policy("{rules: [{}]}"), form: { ...form, destinationPort: port } }));
    await page.waitForFunction((port) => document.querySelector("#destinationPort").value === port, port);
  }
  assert.equal(await page.locator("#examples option", { hasText: "from a link" }).count(), 1);
  await example(page, "extra-dash");
  assert.equal(await page.evaluate(() => location.hash), "");
});

on("an engine that stops decides nothing, and is started anew", { complains: /it broke/ }, async (page) => {
  assert.equal(await verdict(page), "allow");
  await page.click("#tab-tests");
  await stall(page, 1000, "it broke");
  await page.getByRole("button", { name: "Run" }).click();
  await decided(page, "none");
  assert.match(await page.locator("#verdict").innerText(), /The engine stopped[^]*it broke/);
  // Nothing that it said is shown any more, and who waits for it is told.
  assert.equal(await page.locator("#editor .cm-deciding").count(), 0);
  assert.match(await page.locator("#pane-tests .tally").innerText(), /cannot be run: .*it broke/);
  assert.equal(await page.getByRole("button", { name: "Add the connection above" }).isDisabled(), true);
  await page.click("#tab-map");
  assert.equal(await page.locator("#pane-map td").first().isVisible(), false);
  await page.fill("#destinationPort", "9001");
  await decided(page, "allow");
  await page.click("#tab-tests");
  await page.getByRole("button", { name: "Run" }).click();
  await page.locator(".tally.passed").waitFor();
});

on("what is shown while the engine is late is seen to be of before", {}, async (page) => {
  await stall(page, 1000);
  await page.fill("#destinationPort", "9002");
  await page.locator("body.late").waitFor();
  assert.equal(await page.locator("#progress").isVisible(), true);
  assert.equal(await page.getAttribute("main", "aria-busy"), "true");
  await decided(page, "deny");
  assert.equal(await page.locator("body.late").count(), 0);
  assert.equal(await page.getAttribute("main", "aria-busy"), null);
});

for (const [what, text] of Object.entries({
  "a mark in front": `\uFEFF{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {name: a, namespace: foo}, spec: {acton: ALLOW}}`,
  "two units of UTF-16 for a character": policy("{acton: ALLOW}", "a, annotations: {'😀é': '😀'}").replace("spec: {acton", "# 😀😀\nspec: { acton"),
  "lines as other systems end them": policy("\n  acton: ALLOW").replaceAll("\n", "\r\n"),
  "lines that a carriage return ends": policy("\n  acton: ALLOW").replaceAll("\n", "\r"),
  "several documents": `${policy("{action: DENY, rules: [{}]}")}---\n# another\n${policy("{acton: ALLOW}", "b")}---\n`,
})) {
  on(`a text with ${what} is underlined and fixed where it is wrong`, {}, async (page) => {
    await paste(page, "#editor", text);
    assert.equal(await page.locator("#editor .cm-lintRange-error").first().innerText(), "acton");
    const before = await lines(page);
    await page.locator("#findings .error .small").first().click();
    await page.waitForFunction(() => !document.querySelector("#findings .error code, #findings .error"));
    assert.deepEqual(await lines(page), before.map((line) => line.replace("acton", "action")));
  });
}

on("a fix finds its place after what was typed elsewhere, and is made once", {}, async (page) => {
  await paste(page, "#editor", policy("\n  acton: ALLOW\n  rules: [{}]"));
  const fix = page.locator("#findings .error .small").first();
  await fix.waitFor();
  await stall(page, 1500);
  await page.locator("#editor .cm-line").first().click();
  await page.keyboard.press("Home");
  await page.keyboard.type("# first\n");
  // The findings are still those of the text before it.
  await fix.evaluate((button) => {
    button.click();
    button.click();
  });
  await decided(page, "allow");
  assert.deepEqual((await lines(page)).filter((line) => /act/.test(line)), ["  action: ALLOW"]);
  assert.equal((await lines(page))[0], "# first");
});

on("of haste the last word counts", {}, async (page) => {
  await page.evaluate(() => {
    const port = document.querySelector("#destinationPort");
    for (let value = 8990; value <= 9002; value++) {
      port.value = String(value);
      port.dispatchEvent(new Event("input"));
    }
  });
  await decided(page, "deny");
  await page.locator(".nearest li").first().waitFor();
  assert.match(await page.locator(".nearest").innerText(), /it is 9002/);
  await page.waitForFunction(() => document.querySelector(".map td.current")?.getAttribute("aria-label").includes("any other: denied"));
});

on("results of tests are seen to be of before, once something changed", {}, async (page) => {
  await page.click("#tab-tests");
  await page.getByRole("button", { name: "Run" }).click();
  await page.locator(".tally.passed").waitFor();
  assert.equal(await page.locator(".outdated").innerText(), "");
  await paste(page, "#editor", policy("{rules: [{}]}"));
  assert.match(await page.locator(".outdated").innerText(), /changed since this run/);
  await page.getByRole("button", { name: "Run" }).click();
  await page.locator(".tally.failed").waitFor();
  assert.equal(await page.locator(".outdated").innerText(), "");
});

on("a suite that cannot be read says why, and a case is shown by its place", {}, async (page) => {
  await page.click("#tab-tests");
  await paste(page, "#pane-tests", "cases: 7");
  await page.getByRole("button", { name: "Run" }).click();
  await page.locator(".tally.failed").waitFor();
  assert.match(await page.locator(".tally").innerText(), /cannot be run: suite.yaml: line 1/);
  const one = (port) => `- {name: same, connection: {sourceIp: 10.0.0.1, destinationIp: 10.0.0.2, destinationPort: ${port}}, expect: deny}\n`;
  await paste(page, "#pane-tests", `workload: {namespace: foo, labels: {app: tcp-echo}}\npolicies: [policies.yaml]\ncases:\n${one(9000)}${one(9001)}`);
  await page.getByRole("button", { name: "Run" }).click();
  await page.locator(".case.failed").nth(1).locator(".case-go").click();
  await page.waitForFunction(() => document.querySelector("#destinationPort").value === "9001");
});

on("metadata has a field where rules ask for it", {}, async (page) => {
  assert.equal(await page.isVisible("#metadata"), false);
  await paste(page, "#editor", policy("{rules: [{when: [{key: 'experimental.envoy.filters.network.mysql_proxy[db.table]', values: ['[update]']}]}]}"));
  await decided(page, "deny");
  await page.fill("#metadata", "experimental.envoy.filters.network.mysql_proxy[db.table]=[select, update]");
  await decided(page, "allow");
  await page.fill("#metadata", "envoy.filters.network.mysql_proxy|db.table=update");
  await decided(page, "deny");
  await page.fill("#metadata", "db.table");
  await decided(page, "none");
  await page.getByRole("button", { name: "Metadata of other filters is not known yet" }).click();
  await page.waitForFunction(() => document.querySelector("#verdict .title code")?.textContent === "unknown-fact");
  // A cell of the map keeps it.
  await page.locator(".map td").first().click();
  await settled(page);
  assert.equal(await page.locator("#verdict .title code").innerText(), "unknown-fact");
});

test("a case is added to a suite however that is written", async () => {
  const { runnerImport } = await import("vite");
  const { module } = await runnerImport(new URL("../src/suite-text.ts", import.meta.url).pathname, { configFile: false, logLevel: "error" });
  const { Suite } = await import(new URL("../../../target/web/authz/node.js", import.meta.url));
  const question = {
    workload: { namespace: "foo", labels: { a: 'x":y', b: "[" } },
    mesh: { trustDomain: "td1" },
    lenient: true,
    connection: { sourceIp: "fe80::", destinationIp: "10.0.0.2", destinationPort: 80, sni: "a: b # c" },
  };
  const own = "- {name: own, connection: {sourceIp: 10.0.0.1, destinationIp: 10.0.0.2, destinationPort: 80}, expect: allow}";
  const files = [{ name: "policies.yaml", text: "" }];
  for (const [text, size] of [
    ["", 1],
    ["# nothing but words\n", 1],
    ["policies: [policies.yaml]\ncases: []\n", 1],
    [`policies: [policies.yaml]\ncases:\n${own}\n`, 2],
    [`cases: # with words\n# and more\n    ${own}\n\npolicies: [policies.yaml]\n`, 2],
  ]) {
    const added = module.withCase(text, question, { verdict: "allow", reason: "no-policy" });
    const suite = new Suite({ name: "suite.yaml", text: added, files });
    assert.deepEqual(suite.report(), { size }, added);
    const found = suite.cases().find(({ name }) => name === "port 80 is allowed from fe80::");
    assert.deepEqual([found.connection, found.workload, found.mesh, found.lenient], [question.connection, question.workload, question.mesh, true]);
    assert.equal(suite.run().failed, 0, added);
  }
  assert.equal(module.withCase(`cases: [{name: a}]\n`, question, { verdict: "allow", reason: "no-policy" }), undefined);
});
