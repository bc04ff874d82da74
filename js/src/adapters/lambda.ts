/**
 * {@link Guard} for AWS Lambda: API Gateway (REST and HTTP APIs), function URLs, Application Load Balancers, and Lambda@Edge.
 *
 * Header lines of one name are judged one by one where the event has them so: REST APIs, load balancers with multi-value headers, Lambda@Edge. HTTP APIs
 * and function URLs have joined them with commas, and two of one credential are refused. A load balancer without multi-value headers has dropped all but the last:
 * nobody can tell any more that there were two; switch multi-value headers on.
 *
 * @module
 */
import { Guard, type GuardOptions } from "../guard.js";
import type { Verdict } from "../types/verdict.js";
import { type EdgeEvent, type EdgeRequest, type LambdaEvent, requestOf } from "./lambda-event.js";
import { edgeResult, type EdgeResult, refusedResult, resultOf, withoutForged } from "./lambda-result.js";

export type { EdgeEvent, EdgeRequest, LambdaEvent } from "./lambda-event.js";
export type { EdgeResult, LambdaResult } from "./lambda-result.js";

/** Options of {@link protect} and {@link protectEdge}. `refuse`, `requirement`, `context` and a function that makes the verifier get event and context. */
export type ProtectOptions<Event, Context, Result> = GuardOptions<[event: Event, context: Context], Result | undefined>;

/** What Lambda answers when a handler throws. */
const UNCAUGHT = 502;

/**
 * Puts the check in front of the handler of an HTTP event.
 *
 * ```ts
 * export const handler = protect(async (event, verdict) => ({ statusCode: 200, body: `hello ${verdict.name}` }), { verifier });
 * ```
 *
 * The address is the one that the platform saw (`sourceIp`); of a load balancer's events none is known without the option `clientIp` of the verifier. An
 * event of another form is answered as a fault of the program (500). Throws a `TypeError` for options that are not well formed.
 *
 * @param handler gets the event without inbound `X-Edgelatch-*` headers, the verdict, and the context
 * @param options what is checked, by which verifier
 * @returns the function that Lambda calls
 */
export function protect<Event extends LambdaEvent, Context, Result>(
  handler: (event: Event, verdict: Verdict, context: Context) => Promise<Result> | Result,
  options: ProtectOptions<Event, Context, Result>,
): (event: Event, context: Context) => Promise<Result> {
  const guard = new Guard("protect", options);

  return async (event, context) => {
    const { request, peer } = requestOf(event);
    const judged = guard.judge(request, { peer }, [event, context]);
    const verdict = judged instanceof Promise ? await judged : judged;
    const refusal = guard.refusal(verdict);
    if (refusal !== undefined) {
      const given = await guard.own?.(verdict, event, context);
      const { result, status } = given === undefined ? refusedResult(event, refusal) : resultOf(event, given, { "cache-control": "no-store" });
      verdict.report({ status });
      return result as Result;
    }
    return finished(verdict, async () => {
      const given = await handler(withoutForged(event), verdict, context);
      return verdict.preflight ? resultOf(event, given, {}) : resultOf(event, given, { "cache-control": "private" }, verdict.vary);
    }) as Promise<Result>;
  };
}

/**
 * Puts the check in front of a Lambda@Edge function for viewer or origin requests. The handler returns the request, which goes on, or a response.
 *
 * ```ts
 * export const handler = protectEdge(async (request, verdict) => request, { verifier });
 * ```
 *
 * The address is the one that CloudFront saw (`clientIp`).
 *
 * @param handler gets the request without inbound `X-Edgelatch-*` headers, the verdict, and the context
 * @param options what is checked, by which verifier
 * @returns the function that Lambda@Edge calls
 */
export function protectEdge<Context>(
  handler: (request: EdgeRequest, verdict: Verdict, context: Context) => Promise<EdgeRequest | EdgeResult> | EdgeRequest | EdgeResult,
  options: ProtectOptions<EdgeEvent, Context, EdgeResult>,
): (event: EdgeEvent, context: Context) => Promise<EdgeRequest | EdgeResult> {
  const guard = new Guard("protectEdge", options);

  return async (event, context) => {
    const { request, peer } = requestOf(event);
    const judged = guard.judge(request, { peer }, [event, context]);
    const verdict = judged instanceof Promise ? await judged : judged;
    const refusal = guard.refusal(verdict);
    if (refusal !== undefined) {
      const result = (await guard.own?.(verdict, event, context)) ?? edgeResult(refusal);
      verdict.report({ status: Number(result.status) });
      return result;
    }
    return finished(verdict, async () => {
      const [record] = withoutForged(event).Records as [EdgeEvent["Records"][number]];
      const result = await handler(record.cf.request, verdict, context);
      return { result, status: "status" in result ? Number(result.status) : PASSED_ON };
    });
  };
}

/** Stands in reports for requests whose response CloudFront has yet to fetch. */
const PASSED_ON = 200;

/** The result of a handler, whose status is reported, also where it throws. */
async function finished<R>(verdict: Verdict, handle: () => Promise<{ result: R; status: number }>): Promise<R> {
  try {
    const { result, status } = await handle();
    verdict.report({ status });
    return result;
  } catch (error) {
    verdict.report({ status: UNCAUGHT });
    throw error;
  }
}
