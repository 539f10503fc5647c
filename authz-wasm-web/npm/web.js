// For browsers and workers: `await init()` first. It fetches the module from beside this file, or takes
// what it is given.
import start, * as module from "./web/authz.js";
import { around } from "./api.js";

let isReady = false;

export default async function init(options) {
  await start(options);
  isReady = true;
}

export function initSync(options) {
  module.initSync(options);
  isReady = true;
}

export const { Policies, Suite, vocabulary, failure } = around(module, () => isReady);
