// Whoever reports leaked secrets: a key of the curve P-256, listed as GitHub lists its own, and signatures by it.
import { createSign, generateKeyPairSync } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

/** The file that lists the key, in a directory, and what signs a body: the headers of a report. */
export function reporter(directory) {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const list = join(directory, "github-keys.json");
  const key = publicKey.export({ type: "spki", format: "pem" });
  writeFileSync(list, JSON.stringify({ public_keys: [{ key_identifier: "k1", key, is_current: true }] }));
  const sign = (body) => ({
    "github-public-key-identifier": "k1",
    "github-public-key-signature": createSign("sha256").update(body).sign(privateKey, "base64"),
  });
  return { list, sign };
}
