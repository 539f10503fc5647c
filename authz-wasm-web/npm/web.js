// For browsers and workers: `await init()` first. It fetches the module from beside this file, or takes
// what it is given.
import init, * as module from "./web/authz.js";
import { around } from "./api.js";

export const { Policies, Suite, findingKinds } = around(module);
export const initSync = module.initSync;
export default init;
