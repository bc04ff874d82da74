/**
 * {@link Guard} for Hapi.
 *
 * @module
 */
import { Guard, type GuardOptions } from "../guard.js";
import { OMITTED } from "../util/own.js";
import type { Verdict } from "../types/verdict.js";
import { admit, type Incoming, type Outgoing, reportWhenDone } from "./incoming.js";

/** @ts-ignore Hapi need not be there: its types are added to where it is. */
declare module "@hapi/hapi" {
  interface PluginsStates {
    /** The verdict of the check. */
    edgelatch?: Verdict;
  }
}

/** A request of Hapi, as far as it is spoken to here. */
export interface HapiRequest {
  /** Node's own, whose header lines are judged. */
  readonly raw: { readonly req: Incoming; readonly res: Outgoing };
  readonly plugins: { edgelatch?: Verdict };
}

/** A response of Hapi, as far as it is spoken to here. */
export interface HapiResponse {
  readonly headers: Record<string, unknown>;
  code(status: number): unknown;
  header(name: string, value: string): unknown;
  takeover(): this;
}

/** The toolkit of Hapi, as far as it is spoken to here. */
export interface HapiToolkit {
  readonly abandon: symbol;
  readonly close: symbol;
  readonly continue: symbol;
  response(value?: any): HapiResponse;
}

/** Options of {@link check}. `refuse`, `requirement`, `context` and a function that makes the verifier get request and toolkit. */
export type CheckOptions<Request extends HapiRequest = HapiRequest, Toolkit extends HapiToolkit = HapiToolkit> = GuardOptions<[request: Request, h: Toolkit]>;

/**
 * An extension for `onPreAuth` that lets accepted requests pass, with `request.plugins.edgelatch`: of all routes by `server.ext`, of one by its option `ext`.
 *
 * ```ts
 * server.ext("onPreAuth", check({ verifier, requirement: { permission: "zone.view" } }));
 * ```
 *
 * `refuse` returns what a handler may return; what it throws goes to Hapi. Throws a `TypeError` for options that are not well formed.
 *
 * @param options what is checked, by which verifier
 * @returns an extension, for `server.ext` or a route's `ext`
 */
export function check<Request extends HapiRequest = HapiRequest, Toolkit extends HapiToolkit = HapiToolkit>(
  options: CheckOptions<Request, Toolkit>,
): (request: HapiRequest, h: HapiToolkit) => Promise<any> {
  const guard = new Guard("check", options);

  return async (given, toolkit) => {
    const [request, h] = [given as Request, toolkit as Toolkit];
    const { req, res } = request.raw;
    const judged = guard.judge(req, OMITTED, [request, h]);
    const verdict = judged instanceof Promise ? await judged : judged;
    verdict.supersede(request.plugins.edgelatch); // of a check before this one
    const refusal = guard.refusal(verdict);
    if (refusal === undefined) {
      admit(verdict, req, res, guard.reports);
      request.plugins.edgelatch = verdict;
      return h.continue;
    }
    if (guard.own !== undefined) {
      reportWhenDone(res, verdict);
      const answer = await guard.own(verdict, request, h);
      if (answer instanceof Error) throw answer;
      if (answer === h.abandon || answer === h.close) return answer;
      // `h.continue`, like nothing at all, would let the request pass
      if (answer !== undefined && typeof answer !== "symbol") return uncached(h.response(answer)).takeover();
    }
    const response = h.response(refusal.body === "" ? undefined : refusal.body);
    response.code(refusal.status);
    for (const [name, value] of Object.entries(refusal.headers)) response.header(name, value);
    return response.takeover();
  };
}

function uncached(response: HapiResponse): HapiResponse {
  if (response.headers["cache-control"] === undefined) response.header("cache-control", "no-store");
  return response;
}
