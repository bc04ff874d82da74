// Passes connections on and counts their bytes, both ways.
import { connect, createServer } from "node:net";

/** Resolves to the port of a relay to another one, and how many bytes it has passed on. */
export async function relay(port) {
  let bytes = 0;
  const server = createServer((near) => {
    const far = connect(port, "127.0.0.1");
    for (const [one, other] of [[near, far], [far, near]]) {
      one.setNoDelay(true);
      one.on("data", (data) => (bytes += data.length)).on("error", () => other.destroy()).pipe(other);
    }
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  return { port: server.address().port, bytes: () => bytes };
}
