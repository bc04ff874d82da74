// Makes a copy of a wasm file in which some exported functions do nothing but trap: a real trap, to see what the host does.

/** @param {Uint8Array} wasm @param {string[]} names of exports */
export function trapping(wasm, names) {
  const sections = [...split(wasm)];
  const imported = functionImports(sections.find((section) => section.id === 2)?.body);
  const exported = exportsOf(sections.find((section) => section.id === 7).body);
  const stopped = new Set(names.map((name) => exported.get(name) - imported));
  const parts = [wasm.subarray(0, 8)];
  for (const { id, body } of sections) {
    const content = id === 10 ? stop(body, stopped) : body;
    parts.push(Uint8Array.of(id), leb(content.length), content);
  }
  return join(parts);
}

/** The same module with at most so many pages of memory, of 64 KiB, beyond those it begins with. */
export function limited(wasm, pages) {
  const parts = [wasm.subarray(0, 8)];
  for (const { id, body } of split(wasm)) {
    let content = body;
    if (id === 5) {
      const [least] = read(body, 2);
      content = join([Uint8Array.of(1, 1), leb(least), leb(least + pages)]);
    }
    parts.push(Uint8Array.of(id), leb(content.length), content);
  }
  return join(parts);
}

function stop(code, stopped) {
  let [count, at] = read(code, 0);
  const parts = [leb(count)];
  for (let i = 0; i < count; i++) {
    const [size, start] = read(code, at);
    at = start + size;
    const body = stopped.has(i) ? Uint8Array.of(0, 0x00, 0x0b) : code.subarray(start, at); // no locals, unreachable, end
    parts.push(leb(body.length), body);
  }
  return join(parts);
}

function* split(wasm) {
  for (let at = 8; at < wasm.length; ) {
    const [size, start] = read(wasm, at + 1);
    yield { id: wasm[at], body: wasm.subarray(start, start + size) };
    at = start + size;
  }
}

function functionImports(body) {
  if (body === undefined) return 0;
  let functions = 0;
  let [count, at] = read(body, 0);
  for (; count > 0; count--) {
    for (let names = 0; names < 2; names++) {
      const [size, start] = read(body, at);
      at = start + size;
    }
    if (body[at] !== 0) throw new Error("only functions are imported here");
    functions++;
    [, at] = read(body, at + 1);
  }
  return functions;
}

function exportsOf(body) {
  const found = new Map();
  let [count, at] = read(body, 0);
  for (; count > 0; count--) {
    const [size, start] = read(body, at);
    const name = new TextDecoder().decode(body.subarray(start, start + size));
    const [index, next] = read(body, start + size + 1);
    if (body[start + size] === 0) found.set(name, index);
    at = next;
  }
  return found;
}

function read(bytes, at) {
  let value = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[at++];
    value += (byte & 127) * 2 ** shift;
    if (byte < 128) return [value, at];
  }
}

function leb(value) {
  const bytes = [];
  do {
    bytes.push((value % 128) | (value >= 128 ? 128 : 0));
    value = Math.floor(value / 128);
  } while (value > 0);
  return Uint8Array.from(bytes);
}

function join(parts) {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
