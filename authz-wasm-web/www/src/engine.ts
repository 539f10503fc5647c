// The page's end of the worker: questions go out one at a time, the newest first.
import type { FindingKind, Source, SuiteCase, SuiteReport } from "authz-wasm-web";
import { startWorker } from "#worker";

import type { Answer, Question, Request } from "./protocol";

/** Who is told what the worker says. */
export interface Listener {
  /** What the codes of findings are about. */
  ready(kinds: FindingKind[]): void;
  verdict(answer: Extract<Answer, { kind: "verdict" }>): void;
  explanation(answer: Extract<Answer, { kind: "explanation" }>): void;
  map(answer: Extract<Answer, { kind: "map" }>): void;
  /** Whether the worker has something to do. */
  busy(isBusy: boolean): void;
  broken(why: string): void;
}

interface Waiting {
  resolve(answer: Answer): void;
  progress?: ((done: number, size: number) => void) | undefined;
}

export class Engine {
  #worker = startWorker();
  #id = 0;
  #asked = 0;
  /** The question whose verdict has not come yet. */
  #open: number | undefined;
  #next: Question | undefined;
  #waiting = new Map<number, Waiting>();
  #listener: Listener;

  constructor(listener: Listener) {
    this.#listener = listener;
    this.#worker.onmessage = (event: MessageEvent<Answer>) => this.#hear(event.data);
    this.#worker.onerror = (event) => listener.broken(event.message || "the worker could not be started");
  }

  /** Asks; of questions that come faster than answers only the last is asked. */
  ask(question: Question): void {
    this.#listener.busy(true);
    if (this.#open !== undefined) {
      this.#next = question;
      return;
    }
    this.#asked = this.#open = ++this.#id;
    this.#send({ kind: "ask", id: this.#asked, question });
  }

  async cases(name: string, text: string, files: Source[]): Promise<SuiteCase[]> {
    const answer = await this.#request({ kind: "cases", id: ++this.#id, name, text, files });
    if (answer.kind !== "cases" || answer.error !== undefined) {
      throw new Error(answer.kind === "cases" ? answer.error : "the worker answered something else");
    }
    return answer.cases;
  }

  async run(
    suite: { name: string; text: string; files: Source[] },
    progress: (done: number, size: number) => void,
  ): Promise<SuiteReport> {
    const answer = await this.#request({ kind: "run", id: ++this.#id, ...suite }, progress);
    if (answer.kind !== "report" || !answer.report) {
      throw new Error(answer.kind === "report" ? answer.error : "the worker answered something else");
    }
    return answer.report;
  }

  #request(request: Request, progress?: (done: number, size: number) => void): Promise<Answer> {
    return new Promise((resolve) => {
      this.#waiting.set(request.id, { resolve, progress });
      this.#send(request);
    });
  }

  #send(request: Request): void {
    this.#worker.postMessage(request);
  }

  #hear(answer: Answer): void {
    switch (answer.kind) {
      case "ready":
        return this.#listener.ready(answer.kinds);
      case "broken":
        this.#open = undefined;
        return this.#listener.broken(answer.why);
      case "progress":
        return this.#waiting.get(answer.id)?.progress?.(answer.done, answer.size);
      case "cases":
      case "report":
        this.#waiting.get(answer.id)?.resolve(answer);
        this.#waiting.delete(answer.id);
        return;
      case "verdict": {
        this.#open = undefined;
        const next = this.#next;
        this.#next = undefined;
        this.#listener.verdict(answer);
        if (next) this.ask(next);
        else if (!answer.decision) this.#listener.busy(false);
        return;
      }
      case "explanation":
        if (answer.id === this.#asked) this.#listener.explanation(answer);
        return;
      case "map":
        if (answer.id !== this.#asked) return;
        this.#listener.map(answer);
        this.#listener.busy(false);
        return;
    }
  }
}
