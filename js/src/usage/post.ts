import { UsageError } from "../errors.js";
import type { Clock } from "../util/clock.js";
import { within } from "../util/deadline.js";
import { reasonOf, redirectOf } from "../util/fetching.js";

/** Something to be sent, as JSON. */
export interface Message {
  readonly body: string;
}

/** Events that are sent together. Sent again it is the same in every byte, so that it counts once. */
export interface Batch extends Message {
  readonly id: string;
  readonly count: number;
}

/** What became of an attempt: taken; refused for good; or to be tried again, not before so many milliseconds. */
export type Answer = { readonly error?: undefined } | { readonly error: UsageError; readonly again?: number };

/** Where and how to send. */
export interface Address {
  readonly url: URL;
  readonly key: string;
  readonly deadline: number;
  readonly fetch: typeof fetch;
}

/** Statuses below 500 that say "later" (request timeout, too early, too many requests), not "no". */
const LATER = new Set([408, 425, 429]);

/**
 * Makes the function that sends one message, and lets `read` have the reply if it was taken. It never rejects, and is done when its deadline
 * has passed.
 */
export function poster({ url, key, deadline, fetch: ask }: Address, clock: Clock): (message: Message, read?: (reply: Response) => Promise<void>) => Promise<Answer> {
  const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };

  return async function post({ body }, read) {
    const late = new UsageError("deadline", `no answer within ${deadline} ms`);
    try {
      // A redirect is not followed: the key is for this address alone.
      const send = async (signal: AbortSignal) => {
        const reply = await ask(url, { method: "POST", headers, body, redirect: "manual", signal });
        if (reply.ok) await read?.(reply);
        return reply;
      };
      const reply = await within(deadline, () => late, clock, send, true);
      reply.body?.cancel().catch(() => {});
      return answerOf(reply, url);
    } catch (error) {
      const failure = error === late ? late : new UsageError("unreachable", reasonOf(error, [key]));
      return { error: failure, again: 0 };
    }
  };
}

function answerOf(reply: Response, url: URL): Answer {
  const { ok, status, headers } = reply;
  if (ok) return {};
  const redirect = redirectOf(reply, url);
  const more = redirect && `, a redirect to ${redirect.place}, which is not followed: give the address where it ends`;
  const error = new UsageError("http_status", `the control plane answered ${status}${more ?? ""}`, status);
  if (status < 500 && !LATER.has(status)) return { error };
  const seconds = headers.get("retry-after") ?? "";
  return { error, again: /^\d{1,9}$/.test(seconds) ? Number(seconds) * 1000 : 0 };
}
