/** The mesh. What is left out is as Istio has it. */
export interface Mesh {
  rootNamespace?: string;
  trustDomain?: string;
  trustDomainAliases?: string[];
  extensionProviders?: Record<string, "grpc" | "http">;
  multipleCustomProviders?: boolean;
}

/** The workload that connections reach. */
export interface Workload {
  namespace: string;
  labels?: Record<string, string>;
}

/** A fact that a connection may not know yet. */
export type Fact =
  | "sourceIp"
  | "remoteIp"
  | "destinationIp"
  | "destinationPort"
  | "transport"
  | "peer"
  | "sni"
  | "metadata";

/** A connection. A fact that is left out is known to be absent; an address or the port is stated, or named in `unknown`. */
export interface Connection {
  sourceIp?: string;
  /** The original client; the direct peer where it is left out. */
  remoteIp?: string;
  destinationIp?: string;
  destinationPort?: number;
  /** The URI SANs of the peer. Stated, the connection is mesh mTLS. */
  principal?: string | string[];
  /** TLS that is not the mesh's. */
  tls?: boolean;
  sni?: string;
  /** By `NAMESPACE|KEY`. */
  metadata?: Record<string, string | string[]>;
  unknown?: Fact[];
}

/** A text with the name that findings call it by. */
export interface Source {
  name: string;
  text: string;
}

/** What is loaded, and how. */
export interface LoadRequest {
  /** One text, which findings call `policies.yaml`, or several with names. */
  policies: string | Source[];
  mesh?: Mesh;
  /** Go on without what cannot be read; this can only deny more. */
  lenient?: boolean;
}

/** Lines and columns count from 1, columns in characters; the end is behind the last character. */
export interface Span {
  line: number;
  column: number;
  endLine: number;
  endColumn: number;
}

export interface Location extends Span {
  file: string;
}

/** A change of the text that answers a finding. */
export interface Fix extends Span {
  replacement: string;
}

export type Severity = "error" | "warning" | "note";

/** One thing that a load has to say about a text. */
export interface Finding {
  code: string;
  severity: Severity;
  /** Who else would raise it. */
  layer: "own" | "yaml" | "api" | "crd" | "webhook";
  location: Location;
  resource: string | null;
  path: string;
  message: string;
  help: string | null;
  fix: Fix | null;
}

/** Why there is no answer: the question itself could not be read, or there is nobody to answer any more. */
export interface Refusal {
  error: string;
}

export interface LoadReport {
  /** Whether there are policies to decide by. */
  loaded: boolean;
  /** The workloads that the policies speak of. */
  workloads: Workload[];
  findings: Finding[];
  errors: number;
  warnings: number;
  notes: number;
  resources: number;
  otherKinds: Record<string, number>;
}

export type Verdict = "allow" | "deny";

export type Reason =
  | "strict-mtls"
  | "tls-not-terminated"
  | "custom-misconfigured"
  | "custom-provider"
  | "deny-policy"
  | "allow-policy"
  | "no-policy"
  | "no-allow-match"
  | "unknown-fact";

export interface RuleId {
  /** `namespace/name` */
  policy: string;
  rule: number;
  location: Location;
}

export interface Shadow {
  result: "allowed" | "denied" | null;
  match?: RuleId;
  needs?: Fact[];
}

export interface Decision {
  verdict: Verdict;
  reason: Reason;
  message: string;
  policy?: string;
  rule?: number;
  location?: Location;
  /** The facts that would decide. */
  needs?: Fact[];
  /** The provider that has to be asked. */
  provider?: string;
  ifProviderAllows?: Verdict;
  audit?: RuleId;
  dryRun?: { allow?: Shadow; deny?: Shadow; ifEnforced?: Verdict };
}

export interface FailedTerm {
  key: string;
  location: Location;
  negative: boolean;
  values: string[];
  found: string;
}

export type RuleOutcome =
  | { result: "matches" }
  | { result: "fails"; part: "from" | "to" | "when"; terms: FailedTerm[] }
  | { result: "undecided"; needs: Fact[] }
  | { result: "void"; why: string; location: Location };

export interface RuleStep extends RuleId {
  outcome: RuleOutcome;
  /** HTTP attributes that TCP has not. */
  dropped?: string[];
}

export type Applies =
  | "mesh"
  | "mesh-selector"
  | "namespace"
  | "selector"
  | "gateway"
  | "other-namespace"
  | "other-labels"
  | "other-target";

export type Action = "ALLOW" | "DENY" | "AUDIT" | "CUSTOM";

export interface PolicyStep {
  policy: string;
  action: Action;
  applies: Applies;
  dryRun: boolean;
  rules: RuleStep[];
}

/** One attribute that would have to differ. */
export interface Change {
  fact: Fact;
  attribute: string;
  negative: boolean;
  values: string[];
  found: string;
  /** A value that would do; an empty one is none. */
  example: string | null;
}

export interface NearMiss extends RuleId {
  changes: Change[];
  then: Verdict | null;
  message: string;
}

export interface Explanation {
  decision: Decision;
  mtls: { mode: "STRICT" | "PERMISSIVE" | "DISABLE" | null; policy: string | null; passes: boolean | null };
  policies: PolicyStep[];
  passedOver: { policy: string; applies: Applies }[];
  nearest: NearMiss[];
}

/** A policy that applies to a workload. */
export interface Applied {
  policy: string;
  kind: "AuthorizationPolicy" | "PeerAuthentication";
  action?: Action;
  dryRun: boolean;
  location: Location;
}

export interface MapRow {
  /** What the policies write, or what the row stands for. */
  label: string;
  value?: string;
  /** Whether it stands for all that no policy writes. */
  rest: boolean;
  /** The connection, to the first of the ports. */
  connection: Connection;
}

export interface MapGroup {
  fact: "connection" | "peer" | "sourceIp" | "remoteIp" | "destinationIp" | "sni";
  rows: MapRow[];
}

export interface AccessMap {
  ports: { value: number; rest: boolean }[];
  groups: MapGroup[];
  /** What each version decides: for each row of all groups, and each port, the place of the decision. */
  versions: { decisions: Decision[]; cells: number[][] }[];
  leftOut: number;
}

export interface CaseReport {
  suite: string;
  name: string;
  outcome: "passed" | "failed" | "skipped";
  message?: string;
}

export interface SuiteReport {
  passed: number;
  failed: number;
  skipped: number;
  cases: CaseReport[];
}

/** What a case of a suite asks. */
export interface SuiteCase {
  name: string;
  policies: string;
  mesh: Mesh;
  workload: Workload;
  connection: Connection;
  expect: Verdict;
  lenient: boolean;
}

/** A kind of finding. */
export interface FindingKind {
  code: string;
  severity: Severity;
  layer: Finding["layer"];
  description: string;
}

/** The words of the engine, for editors. */
export interface Vocabulary {
  /** Every kind of finding. */
  findingKinds: FindingKind[];
  /** What `when` may name as `key`; what ends with `.` or `[` wants more behind it. */
  conditionKeys: string[];
}

/** The policies of one workload, compiled. `free` gives their memory back. */
export interface Authorizer {
  /** The policies that apply. */
  policies(): Applied[] | Refusal;
  decide(connection: Connection): Decision | Refusal;
  /** The decision with every step of the way, and what would have to differ. */
  explain(connection: Connection): Explanation | Refusal;
  /** Who may reach which port, around a connection; with `beside`, what another version decides too. */
  accessMap(connection: Connection, options?: { most?: number; beside?: Authorizer }): AccessMap | Refusal;
  free(): void;
}

/** Policies that were handed over. What is wrong with them is in the report; `free` gives their memory back. */
export class Policies {
  constructor(request: LoadRequest);
  report(): LoadReport | Refusal;
  /** Nothing where the policies did not load or the workload cannot be read. */
  authorizer(workload: Workload): Authorizer | undefined;
  free(): void;
}

/** A policy-test suite. `free` gives its memory back. */
export class Suite {
  /** A name that ends in `.jsonl` has one case a line. `files` are those that the suite names. */
  constructor(request: { name: string; text: string; files?: Source[] });
  report(): { size: number } | Refusal;
  /** What the cases from a place up to another ask; nothing for a case that is not about a connection. */
  cases(from?: number, to?: number): (SuiteCase | null)[] | Refusal;
  /** Runs the cases from a place up to another; all without them. */
  run(from?: number, to?: number): SuiteReport | Refusal;
  free(): void;
}

export function vocabulary(): Vocabulary | Refusal;

/**
 * Why the engine stopped, if it did. After a panic nothing that is in its memory can be relied on, so every question is
 * refused from then on, and only loading the module anew, in another worker or process, helps.
 */
export function failure(): string | undefined;
