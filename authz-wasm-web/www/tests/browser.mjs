// A real Chromium on the built page, for each file of tests: served by a plain static host, or opened as one file.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { mkdirSync, readFileSync, statSync } from "node:fs";
import { dirname, extname, join, normalize } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

export const root = join(dirname(fileURLToPath(import.meta.url)), "../../..");
const web = join(root, "target/web");
export const pages = {
  files: process.env.AUTHZ_PLAYGROUND ?? join(web, "playground"),
  single: process.env.AUTHZ_PLAYGROUND_SINGLE ?? join(web, "single/index.html"),
};
/** Where screenshots are kept. */
export const shots = process.env.AUTHZ_SCREENSHOTS ?? join(web, "screenshots");
mkdirSync(shots, { recursive: true });

const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".wasm": "application/wasm" };

/** A static host that knows nothing but files; answers its address. */
function serve(folder) {
  const server = createServer((request, response) => {
    const path = join(folder, normalize(new URL(request.url, "http://host").pathname));
    try {
      const file = statSync(path).isDirectory() ? join(path, "index.html") : path;
      const body = readFileSync(file);
      response.writeHead(200, { "content-type": TYPES[extname(file)] ?? "application/octet-stream" }).end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve({ address: `http://127.0.0.1:${server.address().port}/`, close: () => server.close() }));
  });
}

const launch = () =>
  chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    // Tests run as root in containers, where the browser's own sandbox cannot be made.
    args: ["--no-sandbox", "--disable-dev-shm-usage"],
  });

/** A page that is watched: what it says on the console and what it asks for are kept. */
async function open(address, options) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 1000 }, ...options });
  const page = await context.newPage();
  const complaints = [];
  const foreign = [];
  const own = address.startsWith("file:") ? address : new URL(address).origin;
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  context.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(own) && !url.startsWith("data:") && !url.startsWith("blob:")) foreign.push(url);
  });
  await page.goto(address);
  return { page, context, complaints, foreign };
}

let browser;
/** Where the page is served. */
export let host;
before(async () => {
  browser = await launch();
  host = await serve(pages.files);
});
after(async () => {
  await browser?.close();
  host?.close();
});

/**
 * A test on a fresh page, which must not complain and must not ask anybody for anything. `address` says where it is, and
 * `complains` what it may say on the console; the other options are those of a browser.
 */
export function on(name, { address = () => host.address, complains, ...options }, body) {
  test(name, async () => {
    const opened = await open(address(), options);
    try {
      await opened.page.waitForFunction(() => document.querySelector("#verdict").className.includes(" "));
      await settled(opened.page);
      await body(opened.page, opened);
      assert.deepEqual(opened.complaints.filter((complaint) => !complains?.test(complaint)), [], "the console is quiet");
      assert.deepEqual(opened.foreign, [], "no request leaves the page");
    } catch (error) {
      await shot(opened.page, `failed-${name.replaceAll(/\W+/g, "-")}`);
      throw error;
    } finally {
      await opened.context.close();
    }
  });
}

export const single = () => pathToFileURL(pages.single).href;

/** Waits until the engine has said all that it has to say. */
export const settled = (page) => page.waitForFunction(() => document.body.dataset.busy === "false");

/** Keeps what the page looks like: what is seen of it, or all of it from the top. */
export async function shot(page, name, options = {}) {
  if (options.fullPage) await page.evaluate(() => scrollTo(0, 0));
  await page.screenshot({ path: join(shots, `${name}.png`), ...options });
}

export const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
