declare module "virtual:examples" {
  const examples: { id: string; folder: string; text: string }[];
  export default examples;
}
declare module "#module" {
  /** The bytes of the engine's module. */
  export function moduleBytes(): Promise<ArrayBuffer>;
}
declare module "*?url" {
  const url: string;
  export default url;
}
declare module "virtual:authz-module" {
  const base64: string;
  export default base64;
}
declare module "*?worker&inline" {
  const Inline: new () => Worker;
  export default Inline;
}
declare module "*.css" {}
