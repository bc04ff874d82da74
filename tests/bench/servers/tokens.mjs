// Signed tokens for the contenders that verify such: made and checked here alone.
import { createPrivateKey, createPublicKey } from "node:crypto";
import { jwtVerify, SignJWT } from "jose";

const ISSUER = "https://issuer.example.com";
const AUDIENCE = "https://api.example.com";
/** Keys that guard nothing. */
const SECRET = new Uint8Array(32).fill(7);
const PRIVATE = createPrivateKey({ key: Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), SECRET]), format: "der", type: "pkcs8" });
const KEYS = { HS256: [SECRET, SECRET], EdDSA: [PRIVATE, createPublicKey(PRIVATE)] };

/** So many tokens of an algorithm, each of another subject. */
export function tokens(alg, count) {
  const claims = (n) => ({ sub: `key_${n}`, org: "acme", roles: ["reader"], permissions: ["read"] });
  const sign = (n) => new SignJWT(claims(n)).setProtectedHeader({ alg }).setIssuedAt().setExpirationTime("1d").setIssuer(ISSUER).setAudience(AUDIENCE).sign(KEYS[alg][0]);
  return Promise.all(Array.from({ length: count }, (_, n) => sign(n)));
}

/** The check: the text of a token → whether it may. */
export function checkOf(alg) {
  const options = { algorithms: [alg], issuer: ISSUER, audience: AUDIENCE, requiredClaims: ["exp"] };
  return async (token) => {
    try {
      const { payload } = await jwtVerify(token, KEYS[alg][1], options);
      return payload.permissions.includes("read");
    } catch {
      return false;
    }
  };
}
