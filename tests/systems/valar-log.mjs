// VALAR: the log of the requests made with a key, page by page.
import { settled } from "./harness/edge.mjs";

const OFFICE = "192.168.1.1";
const requests = (t, query = "") => t.rest("GET", `/keys/${t.ids["CI/CD Pipeline"]}/requests${query}`);
const METHODS = ["GET", "POST", "PUT", "DELETE", "PATCH"];

export default [
  ["all requests with a key are logged", "five of them", [...METHODS].reverse(), async (t) => {
    await t.until("valid", "CI/CD Pipeline");
    await settled(() => requests(t), (page) => page.requests?.length > 0);
    for (const [n, method] of METHODS.entries()) await t.ask("CI/CD Pipeline", { method, from: OFFICE, country: "CH", path: `/v1/scenes/${n}` });
    const all = async () => (await requests(t)).requests.filter(({ endpoint }) => endpoint.includes("/v1/scenes/"));
    return (await settled(all, (found) => found.length === METHODS.length)).map(({ method }) => method);
  }],
  ["with time, method, path, address, country and status", "the newest", { at: /Z$/, method: "PATCH", endpoint: /\/v1\/scenes\/4$/, ip: OFFICE, country: "CH", status: 200 }, async (t) =>
    (await requests(t, "?limit=1")).requests[0]],
  ["errors too", "a revoked key's attempt", { status: 401, code: "revoked" }, async (t) => {
    await t.edit("CI/CD Pipeline", { status: "revoked" });
    await t.until("revoked", "CI/CD Pipeline");
    return (await settled(() => requests(t, "?limit=1"), (page) => page.requests[0].status === 401)).requests[0];
  }],
  ["refreshing shows the latest", "one more", true, async (t) => {
    await t.ask("CI/CD Pipeline", { path: "/refreshed" });
    return (await settled(() => requests(t, "?limit=1"), (page) => page.requests[0].endpoint.endsWith("/refreshed"))).requests[0].endpoint.endsWith("/refreshed");
  }],
  ["next leads on page by page to the end, previous back", "pages of three", [true, true, true], async (t) => {
    const whole = (await requests(t, "?limit=100")).requests;
    const open = (cursor) => requests(t, cursor === undefined ? "?limit=3" : `?limit=3&cursor=${encodeURIComponent(cursor)}`);
    const [cursors, pages] = [[undefined], []];
    while (pages.length < cursors.length) {
      const page = await open(cursors[pages.length]);
      pages.push(page.requests);
      if (page.next) cursors.push(page.next);
    }
    const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);
    const back = [];
    for (const cursor of cursors.toReversed().slice(1)) back.unshift((await open(cursor)).requests);
    return [whole.length > 6, same(pages.flat(), whole), same(back, pages.slice(0, -1))];
  }],
  ["by command likewise", "keys requests", { method: "GET", endpoint: /refreshed$/ }, async (t) =>
    (await t.cli("keys", "requests", t.ids["CI/CD Pipeline"], "--limit", "1")).out.requests[0]],
];
