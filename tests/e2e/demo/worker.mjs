// The demo's API as a worker.
import { createVerifier } from "edgelatch";
import { edge } from "./edge.mjs";

let api;

export default {
  async fetch(request, { SETTINGS }, context) {
    api ??= edge(createVerifier, { ...SETTINGS, mode: "demand", clientIp: { platform: "cloudflare" } });
    const { answer, refresh } = await api;
    const waitUntil = (work) => context.waitUntil(work);
    const { status, headers, body } =
      new URL(request.url).pathname === "/demo/refresh" ? await refresh() : await answer(request, { waitUntil }, request.headers.has("x-demo"));
    return new Response(body, { status, headers });
  },
};
