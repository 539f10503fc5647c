// For bundlers that import WebAssembly as they import JavaScript: ready as soon as it is imported.
import * as module from "./web/bundler.js";
import { around } from "./api.js";

export const { Policies, Suite, vocabulary, failure } = around(module);
