// What the load generator must not do: count an answer that is none, or forget what a server that stalls makes others wait for.
import { createServer } from "node:http";
import { Load } from "./load.mjs";

/** Milliseconds for which the first answer is held back, and a rate at which most requests fall due meanwhile. */
const [STALL, RATE, SECONDS] = [300, 100, 0.5];

/** What a server does with its nth request, how it is loaded, and whether what is told then is right. */
const CASES = {
  "an answer of another status is none": [(response, n) => response.writeHead(n < 20 ? 200 : 401).end("x"), {}, ({ error }) => error === "answered HTTP/1.1 401 Un"],
  "an answer of another length is none": [(response, n) => response.end(n < 20 ? "x" : "xx"), {}, ({ error }) => /^an answer of \d+ bytes after one of \d+$/.test(error)],
  "a connection that ends is told of": [(response, n) => (n < 20 ? response.end("x") : response.destroy()), {}, ({ error }) => error !== undefined],
  "a run ends after as many answers as were wanted": [(response) => response.end("x"), { most: 30 }, ({ answers }) => answers >= 30 && answers < 1000],
  "answers in chunks are counted too": [(response) => (response.write("x"), response.end("y")), { most: 30 }, ({ answers }) => answers >= 30],
  "what a stall makes others wait for counts": [
    (response, n) => (n === 1 ? setTimeout(() => response.end("x"), STALL) : response.end("x")),
    { rate: RATE, connections: 1 },
    ({ answers, p50 }) => answers === RATE * SECONDS && p50 > 10,
  ],
};

/** `[name, what went wrong or undefined]` of each. */
export async function loadChecks() {
  const load = new Load();
  const results = [];
  for (const [name, [answer, options, right]] of Object.entries(CASES)) {
    let count = 0;
    const server = createServer((_, response) => answer(response, ++count));
    await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
    const told = await load.run({ port: server.address().port, credentials: ["x"] }, SECONDS, options).catch(({ message }) => ({ error: message }));
    server.close();
    server.closeAllConnections();
    results.push([`load: ${name}`, right(told) ? undefined : JSON.stringify(told)]);
  }
  load.end();
  return results;
}
