// What the page and the worker say to each other.
import type {
  AccessMap,
  Applied,
  Connection,
  Decision,
  Explanation,
  LoadReport,
  Mesh,
  NearMiss,
  RuleStep,
  Source,
  SuiteCase,
  SuiteReport,
  Vocabulary,
  Workload,
} from "authz-wasm-web";

/** The name by which suites call the text in the editor. */
export const EDITOR = "policies.yaml";

/** What is decided. */
export interface Question {
  policies: string;
  mesh: Mesh;
  lenient: boolean;
  workload: Workload;
  connection: Connection;
  /** Another version of the policies, where one is compared with. */
  other?: string;
  /** Whether the whole walk is wanted. It is long where there are many rules, and seldom looked at. */
  walk: boolean;
}

/** What an explanation says in a few words. */
export interface Hints {
  nearest: NearMiss[];
  /** ALLOW rules that cannot match at all, where nothing else allowed the connection; the first of them. */
  void: RuleStep[];
}

/** What the map shows of the other version. */
export interface Other {
  loaded: boolean;
  errors: number;
  /** What is wrong with it, in a line. */
  first?: string;
}

export type Request =
  /** The first: the engine, compiled. */
  | { kind: "start"; module: WebAssembly.Module }
  | { kind: "ask"; id: number; question: Question }
  | { kind: "case"; id: number; name: string; text: string; files: Source[]; at: number }
  | { kind: "run"; id: number; name: string; text: string; files: Source[] };

export type Answer =
  | { kind: "ready"; words: Vocabulary }
  | { kind: "broken"; why: string }
  /** The report where there is nothing to decide by; else it follows. */
  | { kind: "verdict"; id: number; load?: LoadReport; applied: Applied[]; decision?: Decision; error?: string }
  /** The report of the load behind the last verdict, where it is a new one. */
  | { kind: "findings"; id: number; load: LoadReport }
  | { kind: "explanation"; id: number; hints: Hints; walk?: Explanation }
  | { kind: "map"; id: number; map?: AccessMap; other?: Other; error?: string }
  | { kind: "case"; id: number; found?: SuiteCase; error?: string }
  | { kind: "progress"; id: number; done: number; size: number }
  | { kind: "report"; id: number; report?: SuiteReport; error?: string };
