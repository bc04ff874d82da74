// The load generator as the benchmark speaks to it.
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";

/** Connections of a run. */
const CONNECTIONS = 50;
/** What clients of an API send beside the credential. */
const LINES = ["Host: api.example.com", "User-Agent: client/1.0", "Accept: application/json", "Accept-Encoding: gzip, br"];

/** The text of a request. */
const requestOf = (credential, more) => [`GET /zones HTTP/1.1`, ...LINES, ...more, `Authorization: Bearer ${credential}`, "", ""].join("\r\n");

export class Load {
  #child = fork(fileURLToPath(new URL("generator.mjs", import.meta.url)));
  pid = this.#child.pid;

  /**
   * One run against a server. Resolves to `{ answers, seconds }`, and of one with a rate `{ p50, p99 }`, milliseconds.
   *
   * @param rate requests a second; left out: as many as there can be
   * @param most answers after which it ends before its time
   * @param connections each with one request under way
   */
  run({ port, credentials, headers = [] }, seconds, { rate, most, connections = CONNECTIONS } = {}) {
    const requests = credentials.map((credential) => requestOf(credential, headers));
    return new Promise((resolve, reject) => {
      const ended = () => reject(new Error("the load generator ended"));
      this.#child.once("exit", ended).once("message", ({ answer, error }) => {
        this.#child.removeListener("exit", ended);
        if (error === undefined) resolve(answer);
        else reject(new Error(error));
      });
      this.#child.send({ port, requests, connections, seconds, rate, most });
    });
  }

  end() {
    this.#child.disconnect();
  }
}
