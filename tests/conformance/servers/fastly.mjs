// The header cases on Fastly Compute: Viceroy takes the connections, a process for each listener, and the program behind them is `tests/hosts/servers/fastly`.
import { origin, viceroy } from "../../hosts/servers/fastly.mjs";
import { fail, readConfig, ready } from "./native.mjs";

const MONTH = 30 * 24 * 3600;
const { config, objects, clock } = readConfig(process.argv[2]);
const { root, bundle } = objects;
const [realm, nothing] = [await origin(), await origin()];
realm.publish({ head: bundle.subarray(16, 16 + bundle.readUInt32LE(8)), bundle });

/** The settings of a listener, and whose files it reads. An instance there keeps nothing, so it loads under the clock by which it judges. */
function settingsOf({ config: state, need = "" }) {
  const lines = ["client_ip=trust=127.0.0.0/8;header=x-test-ip"];
  let [now, from] = [clock.now, realm];
  for (const item of state.split(/[;\s]+/).filter((item) => item !== "" && item !== "default")) {
    const [key, value] = item.split(/=(.*)/s);
    if (key === "sources") lines.push(`credentials=${value}`);
    else if (["query", "mask_ip", "allow_preflight"].includes(key)) lines.push(item);
    else if (key === "client_ip") lines[0] = `client_ip=${value.replaceAll("&", ";")}`;
    else if (key === "clock") now = 0;
    else if (item === "snapshot=none") from = nothing;
    else if (key === "snapshot") {
      now = clock.expiredNow;
      if (value === "expired-in-grace") lines.push(`grace=${MONTH}`);
    } else fail(`${item}: no state of this host`);
  }
  return [{ root: root.toString("base64"), source: from.source, now, rows: need, lines: lines.join("\n") }, from.url];
}

const listeners = [];
for (const listener of config.listeners) {
  const { port } = await viceroy("edgelatch-host-fastly", ...settingsOf(listener));
  listeners.push({ name: listener.name, port });
}
ready("fastly", listeners);
