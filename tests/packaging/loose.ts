// What does not compile even for a user without `exactOptionalPropertyTypes`: look-ups that may miss, given as arguments.
import { createVerifier, type Requirement, type RequestContext } from "edgelatch";

const verifier = await createVerifier({ root: "", source: "https://h/" });
const request = new Request("https://h/");
const needs: Record<string, Requirement | undefined> = {};
const contexts: Record<string, RequestContext | undefined> = {};
const [need, context] = [needs["x"], contexts["x"]];
if (need !== undefined) verifier.verify(request, need);
if (need !== undefined && context !== undefined) verifier.verify(request, need, context);
verifier.verify(request, {}, { peer: undefined, proxyLine: undefined, waitUntil: undefined });
// @ts-expect-error a requirement that may be undefined
verifier.verify(request, need);
// @ts-expect-error a context that may be undefined
verifier.verify(request, {}, context);
// @ts-expect-error an address is given as `peer`
verifier.verify(request, {}, { ip: "192.0.2.1" });
// @ts-expect-error a requirement that may be undefined
verifier.verifyKey("text", need);
// @ts-expect-error a requirement for a bare key cannot depend on a request
verifier.verifyKey("text", () => ({}));
