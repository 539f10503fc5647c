// What a test asks of the page.
import assert from "node:assert/strict";

import { axe, settled } from "./browser.mjs";

/** The verdict that is shown: `allow`, `deny` or `none`. */
export const verdict = (page) => page.locator("#verdict").evaluate((card) => card.className.split(" ")[1] ?? "");

export const reason = (page) => page.locator("#verdict .title code").innerText();

/** Waits until the page shows a verdict, this one or any, and the engine has said all that it has to say. */
export async function decided(page, wanted) {
  await page.waitForFunction(
    (wanted) => {
      const shown = document.querySelector("#verdict").className.split(" ")[1];
      return shown && (!wanted || shown === wanted) && document.body.dataset.busy === "false";
    },
    wanted,
    { timeout: 30_000 },
  );
}

/** Chooses an example. */
export async function example(page, id) {
  await page.selectOption("#examples", id);
  await page.waitForFunction((id) => document.querySelector("#examples").value === id, id);
  await page.waitForTimeout(50);
  await settled(page);
}

/** Checks the page as it is with axe. */
export async function accessible(page) {
  if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  const found = violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.slice(0, 3).map((node) => node.html.slice(0, 160)).join(" | ")}`);
  assert.deepEqual(found, [], "axe finds nothing");
}

/** Replaces the text of an editor, as pasting over everything does. */
export async function paste(page, within, text) {
  const content = page.locator(`${within} .cm-content`);
  await content.click();
  await page.keyboard.press("ControlOrMeta+A");
  await content.evaluate((element, text) => {
    const clipboardData = new DataTransfer();
    clipboardData.setData("text/plain", text);
    element.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true, composed: true }));
  }, text);
  await settled(page);
}
