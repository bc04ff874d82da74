// EDGELATCH_ROOT=<base64> EDGELATCH_SOURCE=https://keys.example.com/r/acme PORT=8080 deno run -A server.ts
import { createVerifier, protect } from "edgelatch";

const verifier = await createVerifier({
  root: Deno.env.get("EDGELATCH_ROOT") ?? "",
  source: Deno.env.get("EDGELATCH_SOURCE") ?? "",
  onError: (error) => console.error(error.message),
});

const handler = protect((_request, verdict) => new Response(`hello ${verdict.name}\n`), {
  verifier,
  requirement: { permission: "zone.view" },
});

Deno.serve(
  { port: Number(Deno.env.get("PORT") ?? "8080"), hostname: "127.0.0.1", onListen: ({ port }) => console.log(`http://127.0.0.1:${port}/`) },
  handler,
);
