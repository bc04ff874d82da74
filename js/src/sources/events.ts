/** Server-sent events, read as the HTML standard says ("Server-sent events", "Interpreting an event stream"), within bounds. */
import { SourceError } from "../errors.js";

/** Characters of a line, and of the data of one event: many times a head of the most bytes it can have, in base64. */
const MAX_LENGTH = 1 << 17;
const LINE_END = /\r\n|\r|\n/;

/** What to do with what a stream says. */
export interface EventHandlers {
  /** An event, of the type `message` unless it names one. */
  readonly onEvent: (type: string, data: string) => void;
  readonly onComment: () => void;
  /** Milliseconds after which to connect again once the stream has ended. */
  readonly onRetry: (ms: number) => void;
}

/** Takes the stream in pieces, wherever they are cut. An `id` is passed over: what an edge has is what it serves, not what it was sent. */
export class EventReader {
  readonly #handlers: EventHandlers;
  readonly #decoder = new TextDecoder(); // takes a byte order mark off
  /** Of the line whose end has not come yet. */
  #begun = "";
  /** Whether a line feed that comes next belongs to the line end before it. */
  #afterReturn = false;
  #type = "";
  #data: string | undefined;

  constructor(handlers: EventHandlers) {
    this.#handlers = handlers;
  }

  /** Throws a {@link SourceError} when there is no end to a line or an event. */
  push(piece: Uint8Array): void {
    let text = this.#decoder.decode(piece, { stream: true });
    if (text === "") return;
    if (this.#afterReturn && text.startsWith("\n")) text = text.slice(1);
    this.#afterReturn = text.endsWith("\r");
    const lines = text.split(LINE_END);
    lines[0] = this.#begun + lines[0];
    this.#begun = lines.pop() as string;
    for (const line of lines) this.#line(line);
    limited(this.#begun);
  }

  #line(line: string): void {
    if (line === "") return this.#dispatch();
    const colon = line.indexOf(":");
    if (colon === 0) return this.#handlers.onComment();
    const [name, value] = colon < 0 ? [line, ""] : [line.slice(0, colon), line.slice(colon + (line[colon + 1] === " " ? 2 : 1))];
    if (name === "event") this.#type = limited(value);
    if (name === "data") this.#data = limited(this.#data === undefined ? value : `${this.#data}\n${value}`);
    if (name === "retry" && /^\d{1,9}$/.test(value)) this.#handlers.onRetry(Number(value));
  }

  #dispatch(): void {
    const [type, data] = [this.#type, this.#data];
    [this.#type, this.#data] = ["", undefined];
    if (data !== undefined) this.#handlers.onEvent(type === "" ? "message" : type, data);
  }
}

function limited(text: string): string {
  if (text.length > MAX_LENGTH) throw new SourceError("too_large", `GET stream: a line or an event of more than ${MAX_LENGTH} characters`);
  return text;
}
