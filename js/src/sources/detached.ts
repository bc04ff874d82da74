/** Requests that do not keep a process alive, where a runtime has processes: `fetch` has no word for that. */
import type { ClientRequest, IncomingMessage } from "node:http";

type Http = Pick<typeof import("node:http"), "request">;

/** The module of that name, where there are such modules; `import` would be a riddle to bundlers for other hosts. */
function builtin(name: string): unknown {
  const host = globalThis.process as { getBuiltinModule?: (name: string) => unknown } | undefined;
  return host?.getBuiltinModule?.(name);
}

/**
 * Asks like `fetch` with `redirect: "manual"`, but lets the process end whenever nothing else keeps it. Where that cannot be
 * had, it is `fetch`.
 */
export const detachedFetch: (url: URL, init: RequestInit) => Promise<Response> = (url, init) => {
  const http = builtin(url.protocol === "https:" ? "node:https" : "node:http") as Http | undefined;
  const readable = (builtin("node:stream") as typeof import("node:stream") | undefined)?.Readable;
  if (http === undefined || readable === undefined) return fetch(url, init);
  return new Promise((resolve, reject) => {
    const options = { agent: false, headers: init.headers as Record<string, string>, signal: init.signal as AbortSignal } as const;
    const request: ClientRequest = http.request(url, options, (reply: IncomingMessage) => {
      reply.socket.unref();
      const headers = Object.entries(reply.headers).flatMap(([name, value]) => (typeof value === "string" ? [[name, value] as [string, string]] : []));
      const status = reply.statusCode ?? 0;
      // The constructor takes no body with these, nor other statuses than these and those that it knows.
      const body = status === 204 || status === 205 || status === 304 ? null : (readable.toWeb(reply) as ReadableStream<Uint8Array>);
      if (body === null) reply.resume();
      try {
        resolve(new Response(body, { status, headers }));
      } catch (error) {
        reply.destroy();
        reject(error);
      }
    });
    request.on("socket", (socket) => socket.unref()).on("error", reject).end();
  });
};
