// What the page and the worker say to each other.
import type {
  AccessMap,
  Applied,
  Connection,
  Decision,
  Explanation,
  FindingKind,
  LoadReport,
  Mesh,
  Source,
  SuiteCase,
  SuiteReport,
  Workload,
} from "authz-wasm-web";

/** What is decided. */
export interface Question {
  policies: string;
  mesh: Mesh;
  lenient: boolean;
  workload: Workload;
  connection: Connection;
  /** Another version of the policies, where one is compared with. */
  other?: string;
}

/** What the map shows of the other version. */
export interface Other {
  loaded: boolean;
  errors: number;
  /** What is wrong with it, in a line. */
  first?: string;
}

export type Request =
  | { kind: "ask"; id: number; question: Question }
  | { kind: "cases"; id: number; name: string; text: string; files: Source[] }
  | { kind: "run"; id: number; name: string; text: string; files: Source[] };

export type Answer =
  | { kind: "ready"; kinds: FindingKind[] }
  | { kind: "broken"; why: string }
  /** The report of the load only where it is a new one. */
  | { kind: "verdict"; id: number; load?: LoadReport; applied: Applied[]; decision?: Decision; error?: string }
  | { kind: "explanation"; id: number; explanation: Explanation }
  | { kind: "map"; id: number; map?: AccessMap; other?: Other; error?: string }
  | { kind: "cases"; id: number; cases: SuiteCase[]; error?: string }
  | { kind: "progress"; id: number; done: number; size: number }
  | { kind: "report"; id: number; report?: SuiteReport; error?: string };
