// EDGELATCH_ROOT=<base64> EDGELATCH_SOURCE=https://keys.example.com/r/acme PORT=8080 bun server.ts
import { createVerifier, protect } from "edgelatch";

const verifier = await createVerifier({
  root: Bun.env.EDGELATCH_ROOT ?? "",
  source: Bun.env.EDGELATCH_SOURCE ?? "",
  onError: (error) => console.error(error.message),
});

const fetch = protect((_request, verdict) => new Response(`hello ${verdict.name}\n`), {
  verifier,
  requirement: { permission: "zone.view" },
});

const server = Bun.serve({ port: Number(Bun.env.PORT ?? "8080"), hostname: "127.0.0.1", fetch });
console.log(`http://127.0.0.1:${server.port}/`);
