/** What becomes of errors that nobody listens to. */
import { EdgelatchError } from "../errors.js";
import type { Clock } from "./clock.js";

/** Milliseconds within which one kind of trouble is told once. */
const MINUTE = 60_000;
/** Kinds that are told apart: a source of the host's may make up any number. */
const MAX_KINDS = 64;

/** Warns on the console, of each code at most once a minute, with the number of times that it was silent. */
export function warner({ now }: Pick<Clock, "now">, warn: (text: string) => void = (text) => console.warn(text)): (error: Error) => void {
  const kinds = new Map<string, { at: number; missed: number }>();
  return (error) => {
    const code = error instanceof EdgelatchError ? error.code : error.name;
    const kind = kinds.has(code) || kinds.size < MAX_KINDS ? code : "";
    const [time, last] = [now(), kinds.get(kind)];
    if (last !== undefined && time - last.at < MINUTE) {
      last.missed++;
      return;
    }
    const more = last === undefined || last.missed === 0 ? "" : ` (and ${last.missed} more times since the last such warning)`;
    kinds.set(kind, { at: time, missed: 0 });
    warn(`edgelatch: ${error.message}${more}; give \`onError\` to hear of it yourself`);
  };
}
