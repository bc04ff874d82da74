// Edges in processes of their own.
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";

const PROGRAM = fileURLToPath(new URL("edges.mjs", import.meta.url));

/** One process, which answers one question at a time. */
class Edges {
  #child = fork(PROGRAM, { execArgv: ["--expose-gc"] });
  #ended = new Promise((_, reject) => this.#child.once("exit", (code) => reject(new Error(`a process of edges ended with ${code}`))));
  #last = this.#answer();

  constructor() {
    this.#ended.catch(() => {});
    process.on("exit", () => this.#child.kill("SIGKILL"));
  }

  ask(act, given = {}) {
    const before = this.#last;
    return (this.#last = before.then(() => {
      const answer = this.#answer();
      this.#child.send({ act, ...given });
      return answer;
    }));
  }

  end() {
    this.#ended.catch(() => {});
    this.#child.disconnect();
  }

  #answer() {
    const told = new Promise((resolve, reject) => {
      this.#child.once("message", ({ answer, error }) => (error === undefined ? resolve(answer) : reject(new Error(error))));
    });
    return Promise.race([told, this.#ended]);
  }
}

/** Several processes, each of which gets the same question. */
export class Fleet {
  #processes;

  constructor(processes) {
    this.#processes = Array.from({ length: processes }, () => new Edges());
  }

  ask(act, given) {
    return Promise.all(this.#processes.map((one) => one.ask(act, given)));
  }

  async one(act, given) {
    return (await this.ask(act, given))[0];
  }

  end() {
    for (const one of this.#processes) one.end();
  }
}
