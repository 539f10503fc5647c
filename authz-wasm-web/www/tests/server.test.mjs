// The server behind `cargo xtask playground`: what it says, what it hands out, and how it ends.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const www = join(dirname(fileURLToPath(import.meta.url)), "..");

test("the page is served to this machine alone, with its types, and nothing that is not there", async () => {
  const server = spawn(process.execPath, [join(www, "node_modules/vite/bin/vite.js"), "preview", "--port", "0"], { cwd: www, env: { ...process.env, NO_COLOR: "1" } });
  try {
    let said = "";
    for await (const part of server.stdout) {
      said += part;
      if (/http:\S+\/\s/.test(said)) break;
    }
    const [address] = /http:\S+\//.exec(said);
    assert.match(address, /^http:\/\/127\.0\.0\.1:\d+\/$/);
    const get = async (path) => {
      const { status, headers } = await fetch(address + path);
      return [status, headers.get("content-type"), headers.get("content-security-policy")];
    };
    assert.deepEqual(await get(""), [200, "text/html", "frame-ancestors 'none'"]);
    const types = { js: "text/javascript", css: "text/css", wasm: "application/wasm" };
    const folder = process.env.AUTHZ_PLAYGROUND ?? join(www, "../../target/web/playground");
    for (const name of readdirSync(join(folder, "assets"))) {
      assert.deepEqual((await get(`assets/${name}`)).slice(0, 2), [200, types[name.split(".").at(-1)]], name);
    }
    for (const path of ["nothing.js", "assets/", "%2e%2e/%2e%2e/Cargo.toml"]) assert.equal((await get(path))[0], 404, path);
  } finally {
    server.kill("SIGINT");
  }
  await once(server, "close");
});
