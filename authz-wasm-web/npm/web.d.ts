export * from "./api.js";

/** Where the module comes from: an address, a response, its bytes, or compiled. */
export type ModuleSource = string | URL | Request | Response | BufferSource | WebAssembly.Module;

/** Gets the module ready; everything else is called after that. Without a source it is fetched from beside this file. */
export default function init(options?: { module_or_path: ModuleSource | Promise<ModuleSource> }): Promise<void>;

/** The same at once, from bytes or a compiled module. */
export function initSync(options: { module: BufferSource | WebAssembly.Module }): void;
