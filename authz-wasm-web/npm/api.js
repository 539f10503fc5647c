// Objects around the calls of the module, which take and answer JSON. Whatever they are handed, they answer.

/** Why an object that was given back has no answer. */
const GONE = "its memory was given back with free()";

const refuse = (error) => ({ error });

/** A value as JSON; nothing where it has no such form, as a number beyond all digits or a circle of objects. */
function written(value) {
  try {
    return JSON.stringify(value) ?? "null";
  } catch {
    return undefined;
  }
}

/** Names and texts of some sources. A text that is none must not become one: `null` would read as a file without policies. */
function columns(sources) {
  if (!Array.isArray(sources)) return refuse("texts are handed over as a list of { name, text }");
  const wrong = sources.find((source) => typeof source?.name !== "string" || typeof source.text !== "string");
  if (wrong !== undefined || sources.includes(undefined)) return refuse("each text is { name, text }, both of them strings");
  return [sources.map(({ name }) => name), sources.map(({ text }) => text)];
}

/**
 * The classes, over the calls of one build of the module. Where that is not ready at once, `isReady` says whether
 * it is.
 */
export function around(module, isReady = () => true) {
  /** Why nothing that the module says can be believed any more. */
  let why;

  /** Calls the module. It throws only where it panics, and then it may have left anything behind. */
  function call(work) {
    if (why !== undefined) return undefined;
    if (!isReady()) throw new Error("the module is not ready; call `init` and wait for it first");
    try {
      return work();
    } catch (error) {
      why = `the engine stopped (${error instanceof Error ? error.message : error}); load the module anew`;
      return undefined;
    }
  }

  /** What an object of the module says to a question. */
  function ask(object, work, ...questions) {
    if (object === undefined) return refuse(GONE);
    if (typeof object === "string") return refuse(object);
    const texts = questions.map(written);
    if (texts.includes(undefined)) return refuse("the question cannot be written as JSON");
    const answer = call(() => work(object, ...texts));
    return answer === undefined ? refuse(why) : JSON.parse(answer);
  }

  /** Gives memory back; what is no object of the module has none. */
  function free(object) {
    if (object !== undefined && typeof object !== "string") call(() => object.free());
  }

  class Authorizer {
    #authorizer;

    constructor(authorizer) {
      this.#authorizer = authorizer;
    }

    policies() {
      return ask(this.#authorizer, (authorizer) => authorizer.policies());
    }

    decide(connection) {
      return ask(this.#authorizer, (authorizer, connection) => authorizer.decide(connection), connection);
    }

    explain(connection) {
      return ask(this.#authorizer, (authorizer, connection) => authorizer.explain(connection), connection);
    }

    accessMap(connection, { most = 50, beside } = {}) {
      if (beside === undefined) {
        return ask(this.#authorizer, (authorizer, connection) => authorizer.accessMap(connection, most), connection);
      }
      if (!(beside instanceof Authorizer)) return refuse("`beside` is the authorizer of another version");
      const other = beside.#authorizer;
      if (other === undefined) return refuse(GONE);
      return ask(this.#authorizer, (authorizer, connection) => authorizer.accessMapBeside(other, connection, most), connection);
    }

    free() {
      free(this.#authorizer);
      this.#authorizer = undefined;
    }
  }

  class Policies {
    /** Those of the module, or why there are none. */
    #policies;

    constructor(request) {
      const { policies, ...options } = request ?? {};
      const texts = columns(typeof policies === "string" ? [{ name: "policies.yaml", text: policies }] : policies);
      const how = written(options);
      if ("error" in texts) this.#policies = `policies: ${texts.error}`;
      else if (how === undefined) this.#policies = "the options cannot be written as JSON";
      else this.#policies = call(() => new module.Policies(...texts, how)) ?? why;
    }

    report() {
      return ask(this.#policies, (policies) => policies.report());
    }

    authorizer(workload) {
      const text = written(workload);
      if (this.#policies === undefined || typeof this.#policies === "string" || text === undefined) return undefined;
      const authorizer = call(() => this.#policies.authorizer(text));
      return authorizer && new Authorizer(authorizer);
    }

    free() {
      free(this.#policies);
      this.#policies = undefined;
    }
  }

  class Suite {
    /** That of the module, or why there is none. */
    #suite;

    constructor(request) {
      const { name, text, files = [] } = request ?? {};
      const texts = columns(files);
      if (typeof name !== "string" || typeof text !== "string") this.#suite = "a suite is { name, text }, both of them strings";
      else if ("error" in texts) this.#suite = `files: ${texts.error}`;
      else this.#suite = call(() => new module.Suite(name, text, ...texts)) ?? why;
    }

    report() {
      return ask(this.#suite, (suite) => suite.report());
    }

    cases(from = 0, to = 0xffffffff) {
      return ask(this.#suite, (suite) => suite.cases(from, to));
    }

    run(from = 0, to = 0xffffffff) {
      return ask(this.#suite, (suite) => suite.run(from, to));
    }

    free() {
      free(this.#suite);
      this.#suite = undefined;
    }
  }

  return {
    Policies,
    Suite,
    vocabulary: () => ask(module, (module) => module.vocabulary()),
    failure: () => why,
  };
}
