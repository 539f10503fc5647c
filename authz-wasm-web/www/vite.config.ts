// Builds the page: as files for any static host, or with `--mode single` as one HTML file.
import { createHash } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { defineConfig, type Plugin } from "vite";

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "../..");
const authz = process.env.AUTHZ_PACKAGE ?? join(root, "target/web/authz");

/** The suites of the project that somebody may start from, as the module `virtual:examples`. */
function examples(): Plugin {
  const id = "virtual:examples";
  const folders: [string, (name: string) => boolean][] = [
    ["walkthroughs", (name) => name.startsWith("tcp-task")],
    ["walkthroughs", (name) => name.startsWith("mtls")],
    ["walkthroughs", (name) => name.startsWith("asm")],
    ["walkthroughs", (name) => name.startsWith("kmesh")],
    ["mistakes", () => true],
  ];
  const read = () =>
    folders.flatMap(([folder, belongs]) => {
      const path = join(root, "testdata", folder);
      const names = readdirSync(path).filter((name) => belongs(name)).sort();
      return names.map((name) => ({ id: name.replace(".yaml", ""), folder, text: readFileSync(join(path, name), "utf8") }));
    });
  return {
    name: "authz-examples",
    resolveId: (source) => (source === id ? `\0${id}` : null),
    load: (source) => (source === `\0${id}` ? `export default ${JSON.stringify(read())}` : null),
  };
}

/** The engine's module as text, as the module `virtual:authz-module`, for the page that is one file. */
function moduleText(): Plugin {
  const id = "virtual:authz-module";
  const text = () => readFileSync(join(authz, "web/authz_bg.wasm")).toString("base64");
  return {
    name: "authz-module",
    resolveId: (source) => (source === id ? `\0${id}` : null),
    load: (source) => (source === `\0${id}` ? `export default "${text()}"` : null),
  };
}

/** What the page may do: nothing but its own code and, where it is of several files, fetching them. */
function policy(single: boolean): Plugin {
  const hash = (text: string) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
  return {
    name: "authz-content-security-policy",
    enforce: "post",
    transformIndexHtml: {
      order: "post",
      handler(html, context) {
        if (!context.bundle) return html;
        let page = html;
        let [scripts, styles, connects] = ["'self'", "'self'", "'self'"];
        if (single) {
          const inlined = inline(page, context.bundle);
          page = inlined.page;
          [scripts, styles, connects] = [hash(inlined.script), hash(inlined.style), "'none'"];
        }
        const rules = [
          "default-src 'none'",
          `script-src ${scripts} 'wasm-unsafe-eval'`,
          `style-src ${styles}`,
          // A worker that is made by the page has the page's policy; one that a host sends has what the host sends.
          "worker-src blob:",
          `connect-src ${connects}`,
          "img-src data:",
          "base-uri 'none'",
          "form-action 'none'",
        ];
        const meta = `<meta http-equiv="Content-Security-Policy" content="${rules.join("; ")}">`;
        return page.replace("<!--policy-->", () => meta);
      },
    },
  };
}

type Bundle = Record<string, { type: string; fileName: string; code?: string; source?: string | Uint8Array }>;

/** The page with its script and its style in itself. */
function inline(html: string, bundle: Bundle): { page: string; script: string; style: string } {
  const files = Object.values(bundle);
  const script = files.filter((file) => file.type === "chunk").map((file) => file.code ?? "");
  const style = files.filter((file) => file.fileName.endsWith(".css")).map((file) => String(file.source ?? ""));
  if (script.length !== 1 || style.length !== 1) {
    throw new Error(`one script and one style are expected, not ${files.map((file) => file.fileName).join(", ")}`);
  }
  // What ends a script must not stand in it.
  const code = `\n${script[0]?.replaceAll("</script", "<\\/script")}\n`;
  const sheet = `\n${style[0]}\n`;
  const page = html
    .replace(/<script type="module"[^>]*><\/script>/, "")
    .replace(/<link rel="stylesheet"[^>]*>/, () => `<style>${sheet}</style>`)
    .replace("</body>", () => `<script type="module">${code}</script>\n</body>`);
  for (const file of files) {
    delete bundle[file.fileName];
  }
  return { page, script: code, style: sheet };
}

export default defineConfig(({ mode }) => {
  const single = mode === "single";
  return {
    root: here,
    base: "./",
    // One page: what is not there is not found.
    appType: "mpa",
    // What a page cannot say of itself.
    preview: {
      host: "127.0.0.1",
      headers: { "content-security-policy": "frame-ancestors 'none'", "x-content-type-options": "nosniff", "referrer-policy": "no-referrer" },
    },
    resolve: {
      alias: [
        { find: /^authz-wasm-web\/module\.wasm/, replacement: join(authz, "web/authz_bg.wasm") },
        { find: /^authz-wasm-web$/, replacement: join(authz, "web.js") },
        { find: "#module", replacement: join(here, single ? "src/module-inline.ts" : "src/module-file.ts") },
      ],
    },
    plugins: [examples(), moduleText(), policy(single)],
    // A browser starts no module from inside a file that it has opened.
    worker: { format: "iife" },
    build: {
      outDir: process.env.AUTHZ_PLAYGROUND ?? join(root, single ? "target/web/single" : "target/web/playground"),
      emptyOutDir: true,
      target: "es2022",
      // The first that know `light-dark`.
      cssTarget: ["chrome123", "firefox120", "safari17.5"],
      modulePreload: { polyfill: false },
      assetsInlineLimit: 0,
      reportCompressedSize: false,
    },
  };
});
