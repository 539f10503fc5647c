// The engine's module as a file of its own.
import url from "authz-wasm-web/module.wasm?url";

export async function moduleBytes(): Promise<ArrayBuffer> {
  const response = await fetch(url);
  if (!response.ok) {
    throw new Error(`the engine could not be fetched: ${response.status} ${response.statusText}`);
  }
  return response.arrayBuffer();
}
