// For Node: ready as soon as it is imported.
import { readFileSync } from "node:fs";

import * as module from "./web/authz.js";
import { around } from "./api.js";

module.initSync({ module: readFileSync(new URL("./web/authz_bg.wasm", import.meta.url)) });

export const { Policies, Suite, vocabulary, failure } = around(module);
