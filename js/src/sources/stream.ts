/** The stream of a publisher: what its events hold, and which replies are no stream. */
import { SourceError } from "../errors.js";
import { EventReader } from "./events.js";
import type { PushedHead, WatchRequest } from "./source.js";

const TYPE = "text/event-stream";

/** Asks for a stream, from the epoch on that the edge has. */
export function streamHeaders({ epoch }: WatchRequest): Record<string, string> {
  return { accept: TYPE, ...(epoch !== undefined && { "last-event-id": String(epoch) }) };
}

/** Statuses of hosts that know no such path, or not what it is for, as those of static files are. */
const NOT_THERE: ReadonlySet<number> = new Set([204, 404, 405, 406, 410, 501]);

/** Hands on what a reply says until it ends. Rejects when it is no stream, or says what nobody can read. */
export async function readStream(reply: Response, { onHead, onIdle, onRetry }: WatchRequest): Promise<void> {
  const { status, headers, body } = reply;
  const type = headers.get("content-type")?.split(";")[0]?.trim().toLowerCase();
  if (status !== 200 || type !== TYPE || body === null) {
    await body?.cancel();
    const seconds = headers.get("retry-after") ?? "";
    if (/^\d{1,6}$/.test(seconds)) onRetry(Number(seconds) * 1000);
    if (NOT_THERE.has(status) || status === 200) throw new SourceError("no_stream", "GET stream: there is no stream of events at this source");
    throw new SourceError("http_status", `GET stream answered ${status}`);
  }
  const events = new EventReader({
    onEvent: (event, data) => {
      if (event === "head") onHead(headOf(data));
    },
    onComment: onIdle,
    onRetry,
  });
  const reader = body.getReader();
  try {
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) events.push(piece.value);
  } catch (error) {
    reader.cancel().catch(() => {}); // also when what came is at fault, not the connection
    throw error;
  }
}

/** The data of an event: JSON with a head in base64, and perhaps a patch. Whatever else stands beside them is for later readers. */
function headOf(data: string): PushedHead {
  try {
    const { head, patch } = JSON.parse(data) as { head: string; patch?: unknown };
    return { bytes: bytesOf(head), patch: patchOf(patch) };
  } catch {
    throw new SourceError("source", "GET stream: an event `head` must be JSON with the bytes of a head in base64, as `head`");
  }
}

/** One that nobody can read is as good as none: it is asked for. */
function patchOf(patch: unknown): Uint8Array | undefined {
  try {
    return typeof patch === "string" ? bytesOf(patch) : undefined;
  } catch {
    return undefined;
  }
}

const bytesOf = (base64: string) => Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
