// What somebody may start from: the walkthroughs of the documents, and the classic mistakes.
import suites from "virtual:examples";

import { EDITOR } from "./protocol";

export interface Example {
  id: string;
  group: string;
  title: string;
  /** What it shows, in a sentence or two. */
  about: string;
  policies: string;
  /** Its cases, about the policies in the editor. */
  suite: string;
}

const GROUPS: [prefix: string, group: string][] = [
  ["tcp-task", "Istio: authorization for TCP traffic"],
  ["mtls", "Istio: mutual TLS migration"],
  ["asm", "Alibaba Cloud Service Mesh: TCP authorization"],
  ["kmesh", "Kmesh: authorization in L4"],
];

export const EXAMPLES: Example[] = suites.map(({ id, folder, text }) => {
  const lines = text.split("\n");
  const end = lines.findIndex((line) => !line.startsWith("#"));
  const comment = lines.slice(0, end).map((line) => line.slice(2));
  const [first = id, ...rest] = comment;
  const { policies, suite } = split(lines.slice(end));
  const about = rest.join(" ");
  const title = first.replace(/^The mistake: /, "").replace(/\.$/, "");
  const isMistake = folder === "mistakes";
  return {
    id,
    group: isMistake ? "Classic mistakes" : (GROUPS.find(([prefix]) => id.startsWith(prefix))?.[1] ?? folder),
    title: title.charAt(0).toUpperCase() + title.slice(1),
    about,
    policies,
    suite: `# ${first}\n${suite}`,
  };
});

/** The policies of a suite, and the suite with the text of the editor in their place. */
function split(lines: string[]): { policies: string; suite: string } {
  const start = lines.findIndex((line) => line.startsWith("policies:"));
  if (start < 0) return { policies: "", suite: lines.join("\n") };
  let end = start + 1;
  while (end < lines.length && /^( |$)/.test(lines[end] ?? "")) end++;
  const block = lines.slice(start + 1, end).map((line) => line.slice(2));
  const own = block.length > 0 ? `${block.join("\n").trimEnd()}\n` : "# No AuthorizationPolicy and no PeerAuthentication.\n";
  return { policies: own, suite: [...lines.slice(0, start), `policies: [${EDITOR}]`, ...lines.slice(end)].join("\n") };
}
