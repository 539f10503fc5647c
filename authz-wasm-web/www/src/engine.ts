// The page's end of the worker: questions go out one at a time, the newest first.
import type { LoadReport, Source, SuiteCase, SuiteReport, Vocabulary } from "authz-wasm-web";
import { moduleBytes } from "#module";

import type { Answer, Question, Request } from "./protocol";
import EngineWorker from "./worker?worker&inline";

/** Who is told what the worker says. */
export interface Listener {
  /** The words of the engine. */
  ready(words: Vocabulary): void;
  verdict(answer: Extract<Answer, { kind: "verdict" }>, question: Question): void;
  /** What was found in the text of a question. */
  findings(load: LoadReport, question: Question): void;
  explanation(answer: Extract<Answer, { kind: "explanation" }>): void;
  map(answer: Extract<Answer, { kind: "map" }>): void;
  /** Whether the worker has something to do. */
  busy(isBusy: boolean): void;
  /** The engine stopped; the next question starts another. */
  broken(why: string): void;
}

interface Waiting {
  resolve(answer: Answer): void;
  reject(why: Error): void;
  progress?: ((done: number, size: number) => void) | undefined;
}

export class Engine {
  #module = moduleBytes().then((bytes) => WebAssembly.compile(bytes));
  #worker: Worker | undefined;
  #id = 0;
  #asked = 0;
  /** The question whose verdict has not come yet. */
  #open: Question | undefined;
  #next: Question | undefined;
  /** The question whose verdict came last. */
  #answered: Question | undefined;
  #waiting = new Map<number, Waiting>();
  #listener: Listener;

  constructor(listener: Listener) {
    this.#listener = listener;
  }

  /** Asks; of questions that come faster than answers only the last is asked. */
  ask(question: Question): void {
    this.#listener.busy(true);
    if (this.#open) {
      this.#next = question;
      return;
    }
    this.#open = question;
    this.#asked = ++this.#id;
    this.#send({ kind: "ask", id: this.#asked, question });
  }

  /** The case of a suite at a place; nothing where it is not about a connection. */
  async caseAt(name: string, text: string, files: Source[], at: number): Promise<SuiteCase | undefined> {
    const answer = await this.#request({ kind: "case", id: ++this.#id, name, text, files, at });
    if (answer.kind !== "case") throw new Error("the worker answered something else");
    if (answer.error !== undefined) throw new Error(answer.error);
    return answer.found;
  }

  async run(
    suite: { name: string; text: string; files: Source[] },
    progress: (done: number, size: number) => void,
  ): Promise<SuiteReport> {
    const answer = await this.#request({ kind: "run", id: ++this.#id, ...suite }, progress);
    if (answer.kind !== "report") throw new Error("the worker answered something else");
    if (!answer.report) throw new Error(answer.error);
    return answer.report;
  }

  #request(request: Request & { id: number }, progress?: (done: number, size: number) => void): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#waiting.set(request.id, { resolve, reject, progress });
      this.#send(request);
    });
  }

  #send(request: Request): void {
    this.#worker ??= this.#start();
    this.#worker.postMessage(request);
  }

  /** Starts a worker. It is made of this page's own code, so that the policy of the page is its policy too. */
  #start(): Worker {
    const worker = new EngineWorker();
    const fail = (why: string): void => {
      // A worker that was given up may still say something.
      if (worker === this.#worker) this.#fail(why);
    };
    worker.onmessage = (event: MessageEvent<Answer>) => {
      if (worker === this.#worker) this.#hear(event.data);
    };
    worker.onerror = (event) => fail(event.message || "the worker could not be started");
    this.#module.then(
      (module) => worker.postMessage({ kind: "start", module } satisfies Request),
      (error: unknown) => fail(error instanceof Error ? error.message : String(error)),
    );
    return worker;
  }

  /** Gives up a worker, of which nothing can be believed any more, and everything that it was asked. */
  #fail(why: string): void {
    this.#worker?.terminate();
    this.#worker = undefined;
    this.#open = this.#next = undefined;
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    this.#listener.broken(why);
    for (const { reject } of waiting) reject(new Error(why));
  }

  #hear(answer: Answer): void {
    switch (answer.kind) {
      case "ready":
        return this.#listener.ready(answer.words);
      case "broken":
        return this.#fail(answer.why);
      case "progress":
        return this.#waiting.get(answer.id)?.progress?.(answer.done, answer.size);
      case "case":
      case "report":
        this.#waiting.get(answer.id)?.resolve(answer);
        this.#waiting.delete(answer.id);
        return;
      case "verdict": {
        const question = this.#open;
        const next = this.#next;
        this.#open = this.#next = undefined;
        this.#answered = question;
        if (question) this.#listener.verdict(answer, question);
        if (next) this.ask(next);
        else if (!answer.decision) this.#listener.busy(false);
        return;
      }
      case "findings":
        if (this.#answered) this.#listener.findings(answer.load, this.#answered);
        return;
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
