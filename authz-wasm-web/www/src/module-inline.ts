// The engine's module inside the page, for the page that is one file.
import base64 from "virtual:authz-module";

export async function moduleBytes(): Promise<ArrayBuffer> {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0)).buffer;
}
