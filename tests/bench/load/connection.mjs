// One connection of the load generator, with one request under way at a time.
import { connect } from "node:net";

/** Length of the answer that some bytes begin with, `undefined` while that cannot be told. */
function lengthOf(bytes) {
  const text = bytes.toString("latin1");
  const head = text.indexOf("\r\n\r\n") + 4;
  if (head < 4) return undefined;
  const length = /\r\ncontent-length: *(\d+)\r\n/i.exec(text.slice(0, head))?.[1];
  if (length !== undefined) return head + Number(length);
  return text.endsWith("\r\n0\r\n\r\n") ? bytes.length : undefined;
}

/**
 * All answers of a contender are of one length, so those after the first are counted by their bytes: a generator that costs more than a
 * bare server could not find out what that can do. An answer of another status or length ends the run.
 */
export class Connection {
  #socket;
  #done;
  #failed;
  #length;
  #first = Buffer.alloc(0);
  #had = 0;

  /** @param done called after each answer, `failed` when there will be none */
  constructor(port, done, failed) {
    [this.#done, this.#failed] = [done, failed];
    this.#socket = connect({ port, host: "127.0.0.1", noDelay: true });
    this.#socket.on("data", (chunk) => this.#data(chunk)).on("error", failed).on("close", () => failed(new Error("the server closed a connection")));
  }

  opened() {
    return new Promise((resolve) => this.#socket.once("connect", resolve));
  }

  send(request) {
    this.#socket.write(request);
  }

  close() {
    this.#failed = () => {};
    this.#socket.removeAllListeners("close").destroy();
  }

  #data(chunk) {
    if (this.#had === 0 && chunk.latin1Slice(0, 13) !== "HTTP/1.1 200 ") return this.#failed(new Error(`answered ${chunk.latin1Slice(0, 15)}`));
    this.#had += chunk.length;
    if (this.#length === undefined) {
      this.#first = Buffer.concat([this.#first, chunk]);
      this.#length = lengthOf(this.#first);
    }
    if (this.#length === undefined || this.#had < this.#length) return;
    if (this.#had > this.#length) return this.#failed(new Error(`an answer of ${this.#had} bytes after one of ${this.#length}`));
    this.#had = 0;
    this.#done();
  }
}
