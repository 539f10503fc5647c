// The playground as somebody uses it, in a real Chromium.
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";

import { host, on, pages, root, settled, shot, single } from "./browser.mjs";
import { accessible, decided, example, paste, reason, verdict } from "./page.mjs";

on("from the first screen, why port 9002 is refused takes one action", {}, async (page) => {
  assert.equal(await verdict(page), "allow");
  await shot(page, "1-first-screen");
  await page.fill("#destinationPort", "9002");
  await decided(page, "deny");
  assert.equal(await reason(page), "no-allow-match");
  const nearest = page.locator(".nearest li").first();
  await nearest.waitFor();
  assert.match(await nearest.innerText(), /Would be allowed if destination.port were 9000 or 9001; it is 9002/);
  await shot(page, "2-refused");
  await page.getByRole("button", { name: "Try port 9000" }).click();
  await decided(page, "allow");
  assert.equal(await page.inputValue("#destinationPort"), "9000");
});

on("the deciding lines are marked in the editor, and found from the verdict", {}, async (page) => {
  const marked = page.locator("#editor .cm-deciding");
  await marked.first().waitFor();
  assert.match((await marked.allInnerTexts()).join("\n"), /ports: \["9000", "9001"\]/);
  await page.locator("#verdict .link").first().click();
  assert.match(await page.locator("#editor .cm-activeLine").innerText(), /- to:/);
});

on("findings are underlined as one types, say more when pointed at, and are fixed on the spot", {}, async (page) => {
  await page.locator("#editor .cm-line", { hasText: "action: ALLOW" }).click();
  await page.keyboard.press("Home");
  await page.keyboard.press("Delete");
  await decided(page, "none");
  const underlined = page.locator("#editor .cm-lintRange-error").first();
  await underlined.waitFor();
  assert.match(await page.locator("#findings .error").first().innerText(), /unknown-field/);
  await underlined.hover();
  const tooltip = page.locator("#editor .cm-tooltip-lint");
  await tooltip.waitFor();
  assert.match(await tooltip.innerText(), /error\[unknown-field\]/);
  assert.equal(await tooltip.locator("[title*='A field that the API does not have']").count(), 1);
  await shot(page, "3-finding");
  await accessible(page);
  await tooltip.getByRole("button", { name: /Write action/ }).click();
  await decided(page, "allow");
  assert.match(await page.locator("#findings-count").innerText(), /nothing wrong in 1 resource/);
});

on("a text that is no YAML is a finding, not a failure", {}, async (page) => {
  await paste(page, "#editor", "a: [\n");
  await decided(page, "none");
  assert.match(await page.locator("#verdict").innerText(), /The policies do not load/);
  await page.locator("#findings .finding-go").first().click();
  await paste(page, "#editor", "");
  await decided(page, "allow");
  assert.equal(await reason(page), "no-policy");
});

on("typing over what is selected replaces it, and nothing complains", {}, async (page) => {
  await page.locator("#editor .cm-line", { hasText: "name: tcp-policy" }).dblclick();
  await page.keyboard.press("Home");
  await page.keyboard.press("Shift+End");
  await page.keyboard.type("name: renamed");
  await page.waitForFunction(() => document.querySelector("#verdict .why")?.textContent.includes("foo/renamed rule 0"));
  await page.locator("#editor .cm-content").click();
  await page.keyboard.press("ControlOrMeta+A");
  await page.keyboard.type("a");
  await decided(page, "none");
});

on("names of fields are completed where they may stand", {}, async (page) => {
  await paste(page, "#editor", "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata:\n  name: a\n  namespace: foo\nspec:\n  rules:\n  - from:\n    - source:\n        ");
  await page.keyboard.type("notP");
  const list = page.locator("#editor .cm-tooltip-autocomplete");
  await list.waitFor();
  assert.match(await list.innerText(), /notPrincipals/);
  assert.doesNotMatch(await list.innerText(), /notPorts/);
  await shot(page, "4-completion");
  // What appears is not taken at once, lest somebody who types on takes it unseen.
  await page.waitForTimeout(400);
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => {
    const lines = [...document.querySelector("#editor").shadowRoot.querySelectorAll(".cm-line")].map((line) => line.textContent);
    return /notPrincipals:\n {8}- $/.test(lines.join("\n"));
  });
});

on("workloads are offered from the selectors, and the mesh can be set", {}, async (page) => {
  assert.deepEqual(await page.locator("#workloads option").allInnerTexts(), ["foo: app=tcp-echo", "foo: any other workload", "another workload"]);
  await page.selectOption("#workloads", { label: "foo: any other workload" });
  await decided(page, "allow");
  await page.waitForFunction(() => document.querySelector("#verdict .title code")?.textContent === "no-policy");
  assert.equal(await page.inputValue("#labels"), "");
  await page.fill("#labels", "app=tcp-echo, version=v1");
  await page.waitForFunction(() => document.querySelector("#verdict .title code")?.textContent === "allow-policy");
  await example(page, "cluster-local-is-a-pointer");
  await decided(page, "allow");
  await page.click("#mesh-settings summary");
  assert.equal(await page.inputValue("#trust-domain"), "td1");
  assert.match(await page.locator("#applied").innerText(), /1 policy applies: ALLOW shop\/orders/);
  await shot(page, "5-mesh");
  await page.fill("#trust-domain", "td2");
  await decided(page, "deny");
});

on("each fact may be not known yet", {}, async (page) => {
  await page.getByRole("button", { name: "Port is not known yet" }).click();
  await decided(page, "deny");
  assert.equal(await reason(page), "unknown-fact");
  assert.match(await page.locator("#verdict .why").innerText(), /destinationPort/);
  await shot(page, "6-not-known-yet");
  await accessible(page);
  await page.getByRole("button", { name: "Port is not known yet" }).click();
  await decided(page, "allow");
  for (const fact of ["Source", "Destination", "Remote (original client)", "Identity", "Server name (SNI)"]) {
    await page.getByRole("button", { name: `${fact} is not known yet` }).click();
  }
  await page.locator(".segments label", { hasText: "Not known yet" }).click();
  await settled(page);
  // No rule asks for any of these.
  assert.equal(await verdict(page), "allow");
  await example(page, "deny-by-identity-in-plaintext");
  await decided(page, "deny");
  await page.locator(".segments label", { hasText: "Not known yet" }).click();
  await page.waitForFunction(() => document.querySelector("#verdict .title code")?.textContent === "unknown-fact");
  await page.locator(".segments label", { hasText: "Plaintext" }).click();
  await decided(page, "allow");
  assert.equal(await page.isDisabled("#principal"), true);
});

on("a connection that is none is told so", {}, async (page) => {
  await page.fill("#sourceIp", "10.0.0.300");
  await decided(page, "none");
  assert.match(await page.locator("#verdict").innerText(), /This is no connection\s+invalid IP address/);
  await page.fill("#sourceIp", "10.0.0.30");
  await decided(page, "allow");
});

on("the walk shows every policy and where each rule failed", {}, async (page) => {
  await example(page, "kmesh-14-full-principals");
  await page.fill("#sourceIp", "203.0.113.4");
  await decided(page, "deny");
  await page.click("#tab-walk");
  await page.locator("#pane-walk .rule.fails").waitFor();
  assert.match(await page.locator("#pane-walk").innerText(), /notIpBlocks keeps out 203.0.113.4, and it is 203.0.113.4 line 16/);
  await shot(page, "7-walk");
  await accessible(page);
  const step = page.locator("#pane-walk details.step").first();
  await step.locator("summary").click();
  assert.equal(await step.evaluate((details) => details.open), false);
  await page.selectOption("#workloads", { label: "default: any other workload" });
  await page.locator("#pane-walk .passed-over").waitFor();
  assert.match(await page.locator("#pane-walk .passed-over").innerText(), /1 policy does not apply/);
});

on("the map is read and walked with the keyboard, and a cell fills the form", {}, async (page) => {
  await example(page, "extra-dash");
  const cell = (label) => page.getByRole("gridcell", { name: label });
  await cell("plaintext, port 8080: allowed").waitFor();
  await cell("plaintext, port any other: denied").waitFor();
  await shot(page, "8-map", { fullPage: true });
  await accessible(page);
  await cell("plaintext, port 8080: allowed").hover();
  assert.match(await page.locator(".map-detail").innerText(), /plaintext → 8080\s+allowed ALLOW policy shop\/orders rule 1 matches/);
  // Shapes tell what colours do.
  const shapes = await page.locator(".map td").evaluateAll((cells) => cells.map((cell) => [cell.className.split(" ")[0], cell.textContent]));
  assert.deepEqual(new Set(shapes.map(([name, shape]) => `${name} ${shape}`)), new Set(["allow ✓", "deny ✕"]));
  await page.locator(".map td[tabindex='0']").focus();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowRight");
  assert.match(await page.evaluate(() => document.activeElement.getAttribute("aria-label")), /plaintext, port any other: denied/);
  await page.keyboard.press("Enter");
  await decided(page, "deny");
  assert.equal(await page.isChecked("input[value=plaintext]"), true);
  // The keyboard stays where it was.
  await page.waitForFunction(() => document.activeElement?.tagName === "TD");
});

on("ranges of addresses are rows of the map", {}, async (page) => {
  await example(page, "kmesh-12-allow-one-address");
  await page.getByRole("gridcell", { name: /^10.244.1.46, port every port: allowed/ }).waitFor();
  await page.getByRole("gridcell", { name: /^any other address, port every port: denied/ }).click();
  await decided(page, "deny");
  assert.equal(await page.inputValue("#sourceIp"), "192.0.2.1");
});

on("two versions are compared cell by cell", {}, async (page) => {
  await page.click("#tab-compare");
  await page.getByRole("button", { name: "Copy from the editor" }).click();
  await page.locator("#pane-compare .summary").waitFor();
  assert.match(await page.locator("#pane-compare .summary").innerText(), /None of the \d+ cells changes/);
  const text = (await page.locator("#editor .cm-line").allInnerTexts()).join("\n");
  await paste(page, "#pane-compare", text.replace('"9001"', '"9003"'));
  await page.locator("#pane-compare td.changed").first().waitFor();
  assert.match(await page.locator("#pane-compare .summary").innerText(), /6 of 12 cells change: 3 newly allowed, 3 newly denied/);
  const changed = page.getByRole("gridcell", { name: "plaintext, port 9001: allowed, then denied" });
  assert.equal(await changed.innerText(), "✓→✕");
  await changed.hover();
  assert.match(await page.locator("#pane-compare .map-detail").innerText(), /allowed .* then denied/);
  await shot(page, "9-compare", { fullPage: true });
  await accessible(page);
  await paste(page, "#pane-compare", "spec: [");
  await page.waitForFunction(() => document.querySelector(".compare-result").innerText.includes("does not load"));
});

on("a suite is run, its failures shown, and the connection above becomes a case", {}, async (page) => {
  await page.click("#tab-tests");
  await page.getByRole("button", { name: "Run" }).click();
  await page.locator(".tally.passed").waitFor();
  assert.match(await page.locator(".tally").innerText(), /^\d+ passed, 0 failed$/);
  await page.fill("#destinationPort", "9002");
  await decided(page, "deny");
  await page.getByRole("button", { name: "Add the connection above" }).click();
  await page.getByRole("button", { name: "Run" }).click();
  await page.locator(".tally.passed").waitFor();
  const text = (await page.locator("#editor .cm-line").allInnerTexts()).join("\n");
  await paste(page, "#editor", text.replace('"9001"', '"9002"'));
  await page.getByRole("button", { name: "Run" }).click();
  await page.locator(".tally.failed").waitFor();
  assert.match(await page.locator(".case.failed").last().innerText(), /port 9002 is denied from[\s\S]*the verdict is `allow`, expected `deny`/);
  await shot(page, "10-tests", { fullPage: true });
  await accessible(page);
  await page.fill("#destinationPort", "1");
  await page.locator(".case.failed .case-go").last().click();
  await page.waitForFunction(() => document.querySelector("#destinationPort").value === "9002");
});

on("the suites of the project pass in the browser, with progress", {}, async (page) => {
  await page.click("#tab-tests");
  const figures = { "envoy.jsonl": "6017 passed, 0 failed, 1 skipped", "rules.yaml": "411 passed, 0 failed", "validation.yaml": "144 passed, 0 failed" };
  for (const [name, tally] of Object.entries(figures)) {
    await page.setInputFiles("#suite-file", join(root, "testdata/conformance", name));
    await page.waitForFunction(() => document.querySelector("progress").hidden === false);
    await page.waitForFunction((tally) => document.querySelector(".tally")?.textContent === tally, tally, { timeout: 120_000 });
  }
});

on("every example opens, decides, and passes its own suite", {}, async (page) => {
  const ids = await page.locator("#examples option").evaluateAll((options) => options.map((option) => option.value));
  const folders = ["walkthroughs", "mistakes"].flatMap((folder) => readdirSync(join(root, "testdata", folder)));
  assert.equal(ids.length, folders.length);
  await page.click("#tab-tests");
  for (const id of ids) {
    await example(page, id);
    await page.waitForFunction(() => ["verdict allow", "verdict deny"].includes(document.querySelector("#verdict").className));
    await page.getByRole("button", { name: "Run" }).click();
    await page.locator(".tally").waitFor();
    assert.match(await page.locator(".tally").innerText(), /^\d+ passed, 0 failed$/, id);
  }
});

on("a rule that HTTP alone could match is told in the verdict", {}, async (page) => {
  await example(page, "http-field-in-allow");
  await decided(page, "deny");
  await page.locator(".nearest li").waitFor();
  assert.match(await page.locator(".nearest").innerText(), /`methods` exists in HTTP requests only/);
});

on("a link carries everything, and nothing but the page reads it", {}, async (page, { context }) => {
  await example(page, "extra-dash");
  await page.fill("#destinationPort", "9090");
  await page.click("#tab-compare");
  await page.getByRole("button", { name: "Copy from the editor" }).click();
  await settled(page);
  await page.getByRole("button", { name: "Share" }).click();
  await page.waitForFunction(() => location.hash.startsWith("#1."));
  assert.match(await page.locator("#shared").innerText(), /nothing was sent/);
  const other = await context.newPage();
  await other.goto(page.url());
  await decided(other, await verdict(page));
  assert.equal(await other.inputValue("#destinationPort"), "9090");
  assert.equal(await other.inputValue("#namespace"), "shop");
  assert.match((await other.locator("#editor .cm-line").allInnerTexts()).join("\n"), /principals: \["cluster.local\/ns\/shop\/sa\/web"\]/);
  await other.click("#tab-compare");
  await other.locator("#pane-compare .summary").waitFor();
  await other.goto(`${host.address}#1.garbage`);
  await other.reload();
  await decided(other, "allow");
});

on("it is as usable in the dark", { colorScheme: "dark" }, async (page) => {
  await page.fill("#destinationPort", "9002");
  await decided(page, "deny");
  await page.locator(".nearest li").first().waitFor();
  await shot(page, "11-dark");
  await accessible(page);
  await page.getByRole("button", { name: "Switch between light and dark" }).click();
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "light");
});

on("it fits a phone", { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true }, async (page) => {
  await page.fill("#destinationPort", "9002");
  await decided(page, "deny");
  await page.locator(".nearest li").first().waitFor();
  for (const tab of ["walk", "compare", "tests", "map"]) {
    await page.click(`#tab-${tab}`);
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(overflow <= 0, `${tab} is ${overflow} pixels too wide`);
  }
  await shot(page, "12-phone", { fullPage: true });
  await accessible(page);
});

for (const width of [320, 480, 700, 1024, 1440]) {
  on(`nothing is cut off at a width of ${width}`, { viewport: { width, height: 800 } }, async (page) => {
    await page.fill("#destinationPort", "9002");
    await decided(page, "deny");
    await page.click("#mesh-settings summary");
    for (const tab of ["walk", "compare", "tests", "map"]) {
      await page.click(`#tab-${tab}`);
      const cut = await page.evaluate(() => {
        // Maps and editors have bars to scroll them by; a long name ends in dots, and an input is walked through.
        const all = [...document.querySelectorAll("header *, main *")].filter((element) => !element.closest(".map-scroll, .editor, .hidden-text, select, input, svg"));
        const isOut = (element) => element.getBoundingClientRect().right > innerWidth + 0.5;
        const isFull = (element) => getComputedStyle(element).overflowX === "hidden" && element.scrollWidth > element.clientWidth;
        return all.filter((element) => isOut(element) || isFull(element)).map((element) => element.outerHTML.slice(0, 80));
      });
      assert.deepEqual(cut, [], tab);
    }
    const addresses = await page.locator("#sourceIp, #destinationIp").evaluateAll((inputs) => inputs.filter((input) => input.scrollWidth > input.clientWidth).length);
    assert.equal(addresses, 0);
    await accessible(page);
  });
}

on("the keyboard alone finds out why port 9002 is refused, and tries what would not be", { reducedMotion: "reduce" }, async (page) => {
  const tabTo = async (matches) => {
    for (let steps = 0; steps < 40; steps++) {
      await page.keyboard.press("Tab");
      if (await page.evaluate(matches)) return;
    }
    assert.fail(`no key leads to ${matches}`);
  };
  // Through the editor, in which the key is not caught.
  await tabTo(() => document.activeElement?.id === "destinationPort");
  await page.keyboard.press("ControlOrMeta+A");
  await page.keyboard.type("9002");
  await decided(page, "deny");
  await page.locator(".nearest button").first().waitFor();
  await tabTo(() => document.activeElement?.textContent === "Try port 9000");
  await page.keyboard.press("Enter");
  await decided(page, "allow");
  assert.equal(await page.evaluate(() => getComputedStyle(document.querySelector("#progress"), "::after").animationName), "none");
});

on("one file does it all without a server", { address: single }, async (page) => {
  await page.fill("#destinationPort", "9002");
  await decided(page, "deny");
  await page.locator(".nearest li").first().waitFor();
  await page.getByRole("gridcell", { name: "plaintext, port 9001: allowed" }).click();
  await decided(page, "allow");
});

test("the page's script is at most 250 KB when it is compressed", () => {
  const folder = join(pages.files, "assets");
  const scripts = readdirSync(folder).filter((name) => name.endsWith(".js"));
  const size = scripts.reduce((sum, name) => sum + gzipSync(readFileSync(join(folder, name)), { level: 9 }).length, 0);
  console.log(`the script of the page is ${size} bytes compressed`);
  assert.ok(size <= 250_000, `${size} bytes`);
});
