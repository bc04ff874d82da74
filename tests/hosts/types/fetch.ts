// Fetch handlers, and Next's by the shape of their request.
import type { Verifier } from "edgelatch";
import { protect } from "edgelatch/fetch";
import { protect as protectNext } from "edgelatch/next";

declare const verifier: Verifier;
type NextRequest = Request & { readonly nextUrl: URL };
type Context = { params: Promise<{ id: string }> };
export const GET: (request: NextRequest, context: Context) => Promise<Response> = protectNext(
  async (request: NextRequest, verdict, { params }: Context) => Response.json({ id: (await params).id, path: request.nextUrl.pathname, key: verdict.keyId }),
  { verifier, requirement: (_info, request) => ({ permission: request.nextUrl.pathname }), refuse: (verdict) => Response.json({ code: verdict.code }, { status: 404 }) },
);
export const handle = protect((request, verdict, address: string) => new Response(`${request.url} ${verdict.name} ${address}`), {
  verifier: (address: string) => (address === "" ? Promise.reject(new Error("none")) : verifier),
  context: (_request, address) => ({ peer: address }),
});
// @ts-expect-error a misspelt option
protect(() => new Response(), { verifier, optionel: true });
