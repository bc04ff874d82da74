// Contenders on Node's `http`: each makes the server out of the realm's directory.
import { createServer } from "node:http";
import { middleware } from "edgelatch/node";
import { BODY, handwrittenOf, REQUIREMENT, verifierOf } from "../realm.mjs";
import { checkOf } from "./tokens.mjs";

const hello = (response) => response.end(BODY);
const refuse = (response) => response.writeHead(401, { "www-authenticate": "Bearer" }).end();
const BEARER = /^Bearer ([^ ]+)$/i;
const credential = (request) => BEARER.exec(request.headers.authorization ?? "")?.[1];

async function guarded(dir, handler) {
  const guard = middleware({ verifier: await verifierOf(dir), requirement: REQUIREMENT });
  return createServer((request, response) => guard(request, response, () => handler(request, response)));
}

function token(alg) {
  const allows = checkOf(alg);
  return createServer(async (request, response) => {
    const text = credential(request);
    if (text !== undefined && (await allows(text))) hello(response);
    else refuse(response);
  });
}

export default {
  none: () => createServer((_, response) => hello(response)),
  edgelatch: (dir) => guarded(dir, (_, response) => hello(response)),
  identity: (dir) =>
    guarded(dir, ({ edgelatch: { keyId, org, roles } }, response) => {
      if (keyId === undefined || org !== "acme" || roles[0] !== "reader") throw new Error("another key's identity");
      hello(response);
    }),
  handwritten(dir) {
    const allows = handwrittenOf(dir);
    return createServer((request, response) => {
      const text = credential(request);
      if (text !== undefined && allows(text, request.socket.remoteAddress)) hello(response);
      else refuse(response);
    });
  },
  hs256: () => token("HS256"),
  eddsa: () => token("EdDSA"),
};
