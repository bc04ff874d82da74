// Receives alerts, and proves their signatures (https://www.standardwebhooks.com).
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";

/** Listens on the loopback; `received` grows with each delivery. */
export async function startListener(control) {
  const [received, secret] = [[], randomBytes(32)];
  const server = createServer((request, response) => {
    let text = "";
    request.setEncoding("utf8").on("data", (data) => (text += data));
    request.on("end", () => {
      received.push({ headers: request.headers, text, alert: JSON.parse(text) });
      response.writeHead(204).end();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const file = control.file("alert-secret");
  writeFileSync(file, `whsec_${secret.toString("base64")}\n`, { mode: 0o600 });
  return {
    received,
    /** What makes `edgelatch serve` send alerts here. */
    options: ["--alert-url", `http://127.0.0.1:${server.address().port}/alerts`, "--alert-secret-file", file],
    /** Whether a text was signed with the secret for this delivery. */
    signed({ headers }, text) {
      const content = `${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${text}`;
      const right = Buffer.from(`v1,${createHmac("sha256", secret).update(content).digest("base64")}`);
      const given = Buffer.from(headers["webhook-signature"] ?? "");
      return given.length === right.length && timingSafeEqual(given, right);
    },
    stop() {
      server.close();
      server.closeAllConnections();
    },
  };
}
