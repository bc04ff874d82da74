// The control plane's side of usage reporting: takes batches over HTTP as the registry does, each once, and answers badly
// where the first part of the path says so.
import { createServer } from "node:http";

const FIELDS = {
  key_id: /^key_[0-9A-Za-z]{11}$/, method: /^[A-Z-]{1,20}$/, endpoint: /^[^\p{Cc}?#]{1,512}$/u, ip: /^[0-9a-f.:]{2,45}$/,
  country: /^[A-Z0-9]{2}$/, code: /^[a-z_]+$/, event: /^[!-~]{1,64}$/, at: /^\d{10}$/, status: /^[1-5]\d\d$/,
};
const OPTIONAL = ["key_id", "ip", "country", "event"];

/** What the registry would refuse in a batch. */
function problemOf({ batch, events, ...others }) {
  if (!/^[!-~]{1,64}$/.test(batch) || Object.keys(others).length > 0 || !Array.isArray(events) || events.length > 10_000) return "batch";
  for (const event of events) {
    for (const name of new Set([...Object.keys(FIELDS), ...Object.keys(event)])) {
      if (event[name] === undefined ? !OPTIONAL.includes(name) : !FIELDS[name]?.test(String(event[name]))) return `${name}: ${event[name]}`;
    }
  }
  return undefined;
}

/** What the first attempt is answered, the second, and so on; the last answer repeats. `lost`: the batch is taken, and the connection
 * closed without an answer. */
const SCENARIOS = {
  ok: [200], busy: [503, 200], lost: ["lost", 200], malformed: [400], unauthorized: [401], down: [503], moved: [307], limited: [429, 200],
};

/** @returns `{ url, calls(path), stop() }`; `calls` are those below one first part of the path, `PART/edges` what edges say of themselves. */
export async function startIngest() {
  const [all, edges] = [[], []];
  const server = createServer((request, response) => {
    response.setHeader("connection", "close"); // on one that is used again, Deno itself repeats a request whose answer is lost
    const [, room, part] = request.url.split("/");
    const calls = (part === "edges" ? edges : all).filter((call) => call.room === room);
    if (request.method === "GET") return void response.end(JSON.stringify(calls));
    let body = "";
    request.setEncoding("utf8").on("data", (chunk) => (body += chunk)).on("end", () => {
      const { method, url, headers } = request;
      // What an edge says of itself is no batch.
      if (url.endsWith("/edges")) {
        edges.push({ room, url, authorization: headers.authorization, report: JSON.parse(body) });
        return void response.end('{"interval":30,"spread":100}');
      }
      const batch = JSON.parse(body);
      all.push({ room, method, url, authorization: headers.authorization, type: headers["content-type"], body, batch, problem: problemOf(batch) });
      const answers = SCENARIOS[room.split(".")[0]] ?? SCENARIOS.ok;
      const answer = answers[Math.min(calls.length, answers.length - 1)];
      if (answer === "lost") return void request.socket.destroy();
      response.writeHead(answer, answer === 307 ? { location: `/elsewhere/${room}` } : answer === 429 ? { "retry-after": "1" } : {}).end("{}");
    });
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${server.address().port}`;
  const stop = () => (server.closeAllConnections(), server.close());
  return { url, stop, calls: async (room) => (await fetch(`${url}/${room}`)).json() };
}
