// Objects around the calls of the module, which take and answer JSON.

const answer = (text) => JSON.parse(text);
const named = (policies) => (Array.isArray(policies) ? policies : [{ name: "policies.yaml", text: policies }]);
const columns = (files) => [files.map(({ name }) => String(name)), files.map(({ text }) => String(text))];

/** The classes, over the calls of one build of the module. */
export function around(module) {
  class Authorizer {
    #authorizer;

    constructor(authorizer) {
      this.#authorizer = authorizer;
    }

    policies() {
      return answer(this.#authorizer.policies());
    }

    decide(connection) {
      return answer(this.#authorizer.decide(JSON.stringify(connection)));
    }

    explain(connection) {
      return answer(this.#authorizer.explain(JSON.stringify(connection)));
    }

    accessMap(connection, { most = 50, beside } = {}) {
      const text = JSON.stringify(connection);
      if (beside) {
        return answer(this.#authorizer.accessMapBeside(beside.#authorizer, text, most));
      }
      return answer(this.#authorizer.accessMap(text, most));
    }

    free() {
      this.#authorizer.free();
    }
  }

  class Policies {
    #policies;

    constructor({ policies, ...options } = {}) {
      this.#policies = new module.Policies(...columns(named(policies)), JSON.stringify(options));
    }

    report() {
      return answer(this.#policies.report());
    }

    authorizer(workload) {
      const authorizer = this.#policies.authorizer(JSON.stringify(workload));
      return authorizer && new Authorizer(authorizer);
    }

    free() {
      this.#policies.free();
    }
  }

  class Suite {
    #suite;

    constructor({ name, text, files = [] } = {}) {
      this.#suite = new module.Suite(String(name), String(text), ...columns(files));
    }

    report() {
      return answer(this.#suite.report());
    }

    cases(most = 1000) {
      return answer(this.#suite.cases(most));
    }

    run(from = 0, to = 0xffffffff) {
      return answer(this.#suite.run(from, to));
    }

    free() {
      this.#suite.free();
    }
  }

  return { Policies, Suite, findingKinds: () => answer(module.findingKinds()) };
}
