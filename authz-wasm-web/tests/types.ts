// Every call of the package as a strict compiler sees it; nothing here is run.
import init, { initSync, type Decision, type Refusal } from "authz-wasm-web";
import { type AccessMap, type Explanation, Policies, Suite, failure, vocabulary } from "authz-wasm-web/node";

export async function everyCall(bytes: Uint8Array<ArrayBuffer>): Promise<string[]> {
  await init({ module_or_path: bytes });
  initSync({ module: bytes });
  const policies = new Policies({ policies: [{ name: "a.yaml", text: "" }], mesh: { trustDomain: "td1" }, lenient: true });
  const report = policies.report();
  if ("error" in report) {
    return [report.error];
  }
  const authorizer = policies.authorizer(report.workloads[0] ?? { namespace: "foo", labels: { app: "web" } });
  const decision: Decision | Refusal | undefined = authorizer?.decide({
    sourceIp: "10.0.0.1",
    destinationIp: "10.0.0.2",
    destinationPort: 80,
    principal: ["spiffe://cluster.local/ns/foo/sa/sleep"],
    unknown: ["sni"],
  });
  const explanation: Explanation | Refusal | undefined = authorizer?.explain({ unknown: ["sourceIp"] });
  const map: AccessMap | Refusal | undefined = authorizer?.accessMap({}, { most: 10, beside: authorizer });
  const suite = new Suite({ name: "suite.yaml", text: "", files: [] });
  const run = suite.run(0, 10);
  const cases = suite.cases(0, 5);
  const words = vocabulary();
  const stopped: string | undefined = failure();
  // @ts-expect-error There is no such fact.
  authorizer?.decide({ unknown: ["host"] });
  // @ts-expect-error A port is a number.
  authorizer?.decide({ destinationPort: "80" });
  return [
    stopped ?? "",
    ...("error" in words ? [words.error] : [...words.findingKinds.map((kind) => kind.code), ...words.conditionKeys]),
    decision && "verdict" in decision ? decision.reason : "",
    explanation && "nearest" in explanation ? explanation.nearest.map((miss) => miss.message).join() : "",
    map && "ports" in map ? String(map.leftOut) : "",
    "passed" in run ? String(run.passed) : run.error,
    "error" in cases ? cases.error : String(cases.map((found) => found?.name)),
  ];
}
