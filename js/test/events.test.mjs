import assert from "node:assert/strict";
import test from "node:test";
import { EventReader } from "../dist/sources/events.js";

/** What a reader says when it is given these pieces. */
function read(...pieces) {
  const said = [];
  const reader = new EventReader({
    onEvent: (type, data) => said.push([type, data]),
    onComment: () => said.push("comment"),
    onRetry: (ms) => said.push(ms),
  });
  for (const piece of pieces) reader.push(typeof piece === "string" ? new TextEncoder().encode(piece) : piece);
  return said;
}

test("fields, as the standard reads them", () => {
  for (const [stream, said] of [
    ["data: a\n\n", [["message", "a"]]],
    ["event: head\ndata:a\nid: 7\n\n", [["head", "a"]]],
    ["data: a\ndata:  b\ndata\n\n", [["message", "a\n b\n"]]],
    ["data\n\n", [["message", ""]]],
    ["event: head\n\ndata: a\n\n", [["message", "a"]]], // no data, no event; and its name is forgotten
    [": c\n:\n", ["comment", "comment"]],
    ["retry: 1500\nretry: 1s\nretry:\nretry: -1\n", [1500]],
    ["DATA: a\n data: b\nother: c\n\n", []],
    ["data: a", []],
    ["data: a\n", []], // the end came before the empty line
    ["data: a:b: c\n\n", [["message", "a:b: c"]]],
    ["\ufeffdata: a\n\n", [["message", "a"]]],
    ["\n\n\n", []],
    ["data: ü€𐍈\n\n", [["message", "ü€𐍈"]]],
  ]) {
    assert.deepEqual(read(stream), said, JSON.stringify(stream));
  }
});

test("lines end with CR, LF or both, and pieces wherever the network cut them", () => {
  for (const end of ["\n", "\r", "\r\n"]) {
    const bytes = new TextEncoder().encode([": c", "event: head", "data: ü", "data: b", "", ""].join(end));
    const expected = ["comment", ["head", "ü\nb"]];
    assert.deepEqual(read(bytes), expected);
    assert.deepEqual(read(...Array.from(bytes, (byte) => Uint8Array.of(byte))), expected, JSON.stringify(end));
    for (let cut = 0; cut <= bytes.length; cut++) assert.deepEqual(read(bytes.subarray(0, cut), bytes.subarray(cut)), expected);
  }
  assert.deepEqual(read("data: a\r", "\ndata: b\r", "\n\r", "\n"), [["message", "a\nb"]]);
  assert.deepEqual(read("data: a\r\r"), [["message", "a"]]); // at once, though a line feed may follow
});

test("a line or an event without an end is refused, and not kept", () => {
  const long = "x".repeat(1 << 16);
  const refused = (pieces) => assert.throws(() => read(...pieces), { code: "too_large" });
  refused([long, long, "x"]);
  refused([`data: ${long}\ndata: ${long}\n`]);
  refused(Array(1000).fill(`data: ${"x".repeat(1000)}\n`));
  assert.equal(read(`data: ${long}\n\n`, `data: ${long}\n\n`).length, 2);
});
