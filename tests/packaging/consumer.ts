// A user's program, compiled against the packed package: what must type-check, and what must not.
import { createServer, type IncomingMessage } from "node:http";
import { type Accepted, type Code, CODES, createVerifier, EdgelatchError, type CredentialHeader, httpSource, protect, type Requirement, type RouteTable, routes, type Source, type SourceReply, type SourceRequest, UpdateError, type UsageError, type UsageEvent, usageReporter, type UsageSink, type Verdict, type Verifier } from "edgelatch";
import { directorySource, fileCache } from "edgelatch/file";
import { middleware } from "edgelatch/node";
import { createVerifier as slim } from "edgelatch/slim";
import { fakeVerifier } from "edgelatch/testing";
import core from "edgelatch/edgelatch.wasm";

const found = async ({ etag, signal }: SourceRequest): Promise<SourceReply | undefined> => (signal.aborted ? undefined : { bytes: new Uint8Array(), etag });
const mine: Source = { head: found, bundle: found };
const only: CredentialHeader[] = ["bearer"];
const verifier: Verifier = await createVerifier({
  root: new Uint8Array(),
  source: Math.random() > 0.5 ? mine : directorySource("/var/lib/edgelatch"),
  cache: fileCache("/var/cache/edgelatch"),
  clientIp: { trust: ["10.0.0.0/8"], header: "forwarded" },
  credentials: only,
  onError: (error) => console.error(error instanceof UpdateError ? error.code : error.message),
  onVerdict: (verdict) => console.log(verdict.code satisfies Code, verdict.keyId),
});
const usage = usageReporter({
  url: new URL("https://h/"),
  realm: "acme",
  key: "text",
  maxBatch: 10,
  describe: (request: IncomingMessage) => ({ endpoint: request.url, ip: undefined }),
  onError: (error: UsageError) => console.error(error.code satisfies "unreachable" | "deadline" | "http_status" | "queue_full", error.status),
});
const own: UsageSink = { record: (event: UsageEvent, waitUntil) => waitUntil?.(Promise.resolve(event.keyId)) };
const reporting: Verifier = await createVerifier({ root: "", source: mine, usage: Math.random() > 0.5 ? usage : own });
reporting.verifyKey("text").report({ status: 200, method: "GET", endpoint: "/v1/{id}", country: undefined });
reporting.usage?.record({ at: 0, method: "GET", endpoint: "/", status: 200, code: "valid" });
const whole: boolean = await usage.flush();
await usage.close().then(() => console.log(whole, usage.stats.dropped + usage.stats.waiting));
if (verifier.overdue) await verifier.load({ waitUntil: (work) => void work, signal: AbortSignal.timeout(10) });
const need: Requirement = { service: "cdn" };
const verdict: Verdict = verifier.verify(new Request("https://h/"), need, { peer: "192.0.2.1" });
if (!verdict.ok) throw new Error(CODES[0]?.title ?? verdict.reply.body);
const roles: readonly string[] = verdict.roles;
verifier.verifyKey("text", { ip: undefined, permission: roles[0] ?? "x" });

const typed = await createVerifier<{ plan: string }>({ root: "", source: mine, location: { header: "x-acme-key" }, credentials: [], onUpdate: ({ epoch, previous }) => console.log(epoch - previous), signal: AbortSignal.timeout(1) });
const judged = typed.verifyKey("text", { permission: { any: ["a", "b"] } });
const plan: string | undefined = judged.metadata?.plan;
if (judged.ok) console.log((judged satisfies Accepted<{ plan: string }>).keyId.length, judged.expiresAt?.getTime(), judged.permissions.length, judged.ip, plan);
else console.log(judged.code satisfies Exclude<Code, "valid">, judged.reply.status, judged.keyId);
console.log(typed.stats().verdicts.valid, new Error() instanceof EdgelatchError);
await typed.refresh({ signal: AbortSignal.timeout(1) }).catch((error: EdgelatchError) => error.code);
const latch = await fakeVerifier({ "key-a": { roles: { r: ["x"] }, metadata: { plan: "pro" } } });
latch.verify(new Request("https://h/", { headers: latch.headers("key-a") }), { permission: { all: ["x"] } });
await latch.change({ "key-a": { revoked: true } });
// @ts-expect-error there is no such key
latch.headers("key-b");
// @ts-expect-error an accepted verdict has no reply
if (judged.ok) console.log(judged.reply);
// @ts-expect-error which of both was not asked
console.log(judged.reply);
// @ts-expect-error any or all
verifier.verifyKey("text", { permission: { some: ["a"] } });
// @ts-expect-error one place
createVerifier({ root: "", source: mine, location: { basic: "user" } });

const guard = middleware({ verifier, requirement: ({ method }) => ({ permission: method.toLowerCase() }) });
const table: RouteTable = routes({ "GET,HEAD /admin/:id": need, "/public/*": {}, "/": "deny", default: "deny" }, { router: "lenient" });
verifier.verify(new Request("https://h/"), Math.random() > 0.5 ? table : need);
middleware({ verifier, requirement: table });
createServer((request, response) => guard(request, response, () => response.end(request.edgelatch?.org)));

export default {
  fetch: protect((_request, given, env: { ROOT: string }, context: { waitUntil(work: Promise<unknown>): void }) => {
    context.waitUntil(Promise.resolve(env.ROOT));
    return new Response(given.name);
  }, { verifier: (env) => createVerifier({ root: env.ROOT, source: httpSource("https://h/") }) }),
};

slim({ root: "", source: "https://h/", wasm: core });
// @ts-expect-error the slim entry brings no core
slim({ root: "", source: "https://h/" });
// @ts-expect-error what all other requests require must be said
routes({ "/a": {} });
// @ts-expect-error a pattern begins with a slash
routes({ admin: {}, default: "deny" });
// @ts-expect-error an entry is a requirement or "deny"
routes({ "/a": "allow", default: "deny" });
// @ts-expect-error a table is for requests
verifier.verifyKey("text", table);
// @ts-expect-error a permission that may be undefined is a configuration error at run time, and one here
verifier.verify(new Request("https://h/"), { permission: undefined as string | undefined });
// @ts-expect-error a bound that may be undefined
createVerifier({ root: "", source: "https://h/", minEpoch: undefined });
createVerifier({ root: "", source: "https://h/", onError: undefined, now: undefined, query: undefined });
// @ts-expect-error a misspelt property would demand nothing
verifier.verifyKey("text", { permision: "x" });
// @ts-expect-error a misspelt bound would be the usual one
usageReporter({ url: "https://h/", realm: "acme", key: "text", maxQueues: 1 });
// @ts-expect-error the key is needed
usageReporter({ url: "https://h/", realm: "acme" });
// @ts-expect-error an event has a code of the table
usage.record({ at: 0, method: "GET", endpoint: "/", status: 200, code: "fine" });
// @ts-expect-error the root is needed
createVerifier({ source: "https://h/" });
// @ts-expect-error there is no such header
createVerifier({ root: "", source: "https://h/", credentials: ["cookie"] });
// @ts-expect-error only a verifier makes verdicts report in each other's place
verdict.supersede(verdict);
// @ts-expect-error a misspelt option would protect less
createVerifier({ root: "", source: "https://h/", maskIP: true });
