// `node smoke.mjs DIR`: that every contender answers a good credential, and refuses one that is wrong, and none; and that the load generator
// counts what it should. It measures nothing.
import { CONTENDERS, start } from "./contenders.mjs";
import { loadChecks } from "./load/check.mjs";
import { BODY } from "./realm.mjs";

const [dir] = process.argv.slice(2);
let [passed, failed] = [0, 0];
const tell = (id, error) => {
  if (error === undefined) return passed++;
  failed++;
  console.log(`${id}: ${error}`);
};

for (const [name, error] of await loadChecks()) tell(name, error);
for (const contender of CONTENDERS) {
  const { id, title } = contender;
  try {
    const server = await start(contender, dir);
    const more = server.headers.map((line) => line.split(": "));
    const ask = async (credential) => {
      const headers = Object.fromEntries([...more, ...(credential === undefined ? [] : [["authorization", `Bearer ${credential}`]])]);
      const reply = await fetch(`http://127.0.0.1:${server.port}/zones`, { headers });
      return [reply.status, await reply.text()];
    };
    try {
      for (const credential of server.credentials.slice(0, 3)) {
        const [status, body] = await ask(credential);
        tell(id, status === 200 && body === BODY ? undefined : `a good credential was answered ${status}: ${body}`);
      }
      if (title === "no check") continue;
      const last = server.credentials[0].slice(0, -8);
      for (const wrong of [`${last}AAAAAAAA`, undefined]) {
        const [status] = await ask(wrong);
        tell(id, [400, 401, 403].includes(status) ? undefined : `${wrong === undefined ? "no" : "a wrong"} credential was answered ${status}`);
      }
    } finally {
      server.stop();
    }
  } catch (error) {
    tell(id, error.message);
  }
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed > 0 ? 1 : 0);
