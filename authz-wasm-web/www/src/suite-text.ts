// A suite as text, with one more case.
import type { Decision } from "authz-wasm-web";

import { EDITOR, type Question } from "./protocol";

/** JSON, which YAML reads as it is, on one line and with the spaces that people put there. No string holds a line break as such. */
const flow = (value: unknown): string =>
  JSON.stringify(value, null, 1)
    .replaceAll(/([[{])\n\s*/g, "$1")
    .replaceAll(/\n\s*([\]}])/g, "$1")
    .replaceAll(/\n\s*/g, " ");

/** The suite with a case that holds now; nothing where its cases are not written as a list with a line for each. */
export function withCase(suite: string, question: Question, decision: Decision): string | undefined {
  const { workload, mesh, connection, lenient } = question;
  const verb = decision.verdict === "allow" ? "allowed" : "denied";
  const port = connection.destinationPort === undefined ? "a port that is not known yet" : `port ${connection.destinationPort}`;
  const added = [
    `- name: ${flow(`${port} is ${verb} from ${connection.sourceIp ?? "anywhere"}`)}`,
    ...(Object.keys(mesh).length > 0 ? [`  mesh: ${flow(mesh)}`] : []),
    `  workload: ${flow(workload)}`,
    `  connection: ${flow(connection)}`,
    ...(lenient ? ["  lenient: true"] : []),
    `  expect: ${decision.verdict}`,
    `  because: {reason: ${decision.reason}}`,
  ];
  const lines = suite.trimEnd().split("\n");
  if (!/\S/.test(suite)) lines.splice(0, 1, `policies: [${EDITOR}]`);
  let start = lines.findIndex((line) => /^cases:/.test(line));
  if (start < 0) start = lines.push("cases:") - 1;
  if (/^cases:\s*\[\s*\]\s*(#.*)?$/.test(lines[start] ?? "")) lines[start] = "cases:";
  if (!/^cases:\s*(#.*)?$/.test(lines[start] ?? "")) return undefined;
  // Up to the next key of the suite.
  let end = start + 1;
  while (end < lines.length && !/^[^\s#-]/.test(lines[end] ?? "")) end++;
  // As far in as the cases that are there.
  const first = lines.slice(start + 1, end).find((line) => /^\s*-/.test(line));
  const indent = /^\s*/.exec(first ?? "")?.[0] ?? "";
  lines.splice(end, 0, ...added.map((line) => indent + line));
  return `${lines.join("\n")}\n`;
}
