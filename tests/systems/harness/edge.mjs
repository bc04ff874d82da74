// The protected API: Node's http server behind the SDK's middleware, as its users write it. `/SERVICE/PERMISSION/…` demands
// both; `-` stands for neither.
import { once } from "node:events";
import { createServer } from "node:http";
import { createVerifier, usageReporter } from "edgelatch";
import { middleware } from "edgelatch/node";

const demanded = ({ path }) => {
  const [, service = "-", permission = "-"] = path.split("/");
  return { ...(service !== "-" && service !== "" && { service }), ...(permission !== "-" && { permission }) };
};

/** The client address of calls, unless a step says otherwise. */
export const SOMEWHERE = "203.0.113.9";

export class Edge {
  #skew = 0;
  #last;

  /** `credential`: the header that the system documents, from a secret. `key`: what usage is reported with. */
  static async start({ root, source, url, realm, key, credential }) {
    const edge = new Edge();
    edge.credential = credential;
    edge.errors = [];
    edge.usage = usageReporter({ url, realm, key, maxAge: 50, describe: ({ headers }) => ({ country: headers["x-country"] }), onError: (error) => edge.errors.push(error) });
    edge.latch = await createVerifier({
      root,
      source,
      usage: edge.usage,
      clientIp: { trust: ["127.0.0.0/8"] },
      refresh: { interval: 40, maxBackoff: 200 },
      now: () => Date.now() + edge.#skew,
      onVerdict: (verdict) => (edge.#last = { code: verdict.code, key_id: verdict.keyId }),
    });
    const guard = middleware({ verifier: edge.latch, requirement: demanded });
    edge.server = createServer((request, response) => {
      guard(request, response, () => {
        const { keyId, org, owner, name, roles, scope } = request.edgelatch;
        response.setHeader("content-type", "application/json");
        response.end(JSON.stringify({ key_id: keyId, org, owner, name, roles, scope }));
      });
    });
    edge.server.listen(0, "127.0.0.1");
    await once(edge.server, "listening");
    return edge;
  }

  /**
   * One request; `{ status, code, … }` with the identity of an accepted key. `secret` is a key's text, or whole headers.
   * `ahead`: milliseconds that the edge's clock is ahead while it judges.
   */
  async ask(secret, { service = "-", permission = "-", from = SOMEWHERE, method = "GET", path = "", country, ahead = 0 } = {}) {
    if (secret === undefined) throw new Error("the key of this step was not made");
    const headers = typeof secret === "string" ? this.credential(secret) : secret;
    const { port } = this.server.address();
    this.#skew = ahead;
    try {
      const sent = { ...headers, ...(from !== null && { "x-forwarded-for": from }), ...(country && { "x-country": country }) };
      const reply = await fetch(`http://127.0.0.1:${port}/${service}/${permission}${path}`, { method, headers: sent });
      const text = await reply.text();
      const challenge = reply.headers.get("www-authenticate") ?? undefined;
      const body = text === "" ? {} : JSON.parse(text);
      return { ...body, ...(reply.ok ? {} : { text }), status: reply.status, ...this.#last, challenge };
    } finally {
      this.#skew = 0;
    }
  }

  /** Asks until the verdict is `code`, for as long as an epoch may take to get here; the last answer. */
  async until(code, secret, options) {
    return settled(() => this.ask(secret, options), (answer) => answer.code === code);
  }

  async stop() {
    this.latch.close();
    await this.usage.close();
    this.server.close();
    this.server.closeAllConnections();
  }
}

/** The server looks for alerts to deliver every five seconds; everything else happens sooner. */
const PATIENCE_MS = 12_000;
const PAUSE_MS = 20;

/** Repeats `work` until its result is `good`, for a bounded time; the last result. */
export async function settled(work, good) {
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    const result = await work();
    if (good(result) || Date.now() > end) return result;
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}
