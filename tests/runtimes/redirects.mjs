// What a source sends, over real HTTP: to its own origin alone. `origins` are the two of origins.mjs.
import { equal, ok } from "./suite.mjs";

const TOKEN = "publisher-token-of-the-edge";

/** @returns `[name, run][]` */
export function redirectSuite({ createVerifier, httpSource, fixture, origins: { url, away } }) {
  const { signal } = new AbortController();
  const seen = async (where = url) => (await fetch(`${where}/seen`)).json();
  const source = (name, options) => httpSource(`${url}/${name}?query-token=${TOKEN}`, { headers: { authorization: `Bearer ${TOKEN}`, "x-edge": "1" }, ...options });
  const failure = (promise) => promise.then(() => undefined, (error) => error);
  const silent = (error) => ok(!/publisher-token|signature|user|pass/.test(`${error.message}${error.stack}${JSON.stringify(error)}${error.cause}`), `a silent ${error.stack}`);

  return Object.entries({
    async "redirects: within the origin they are followed, each request alike"() {
      await seen();
      for (const [name, hops] of [["direct", 1], ["renamed", 2], ["relative", 2], ["other", 3], ["one", 2], ["five", 6]]) {
        const made = source(name);
        for (const call of [(etag) => made.head({ signal, etag }), (etag) => made.bundle({ signal, etag })]) {
          const { bytes, stream, etag } = await call();
          let length = bytes?.length ?? 0;
          if (stream !== undefined) for await (const piece of stream) length += piece.length;
          equal([name, length > 100, etag], [name, true, '"seen"']);
          equal([name, await call(etag)], [name, undefined]);
          const requests = await seen();
          equal([name, requests.map(({ headers }) => [headers.authorization, headers["x-edge"]])], [name, Array(2 * hops).fill([`Bearer ${TOKEN}`, "1"])]);
          equal(requests.map(({ headers }) => headers["if-none-match"] ?? null), [...Array(hops).fill(null), ...Array(hops).fill('"seen"')]);
        }
      }
      ok((await source("renamed").root(2, { signal })).length > 100, "a root");
      equal((await seen()).map(({ url }) => url), [`/renamed/root/2?query-token=${TOKEN}`, "/direct/root?signature=of-the-target"]);
    },

    async "redirects: nothing is sent to another origin"() {
      await seen(away);
      const cases = {
        twice: away, slashes: away, host: "http://localhost:", secure: "https://127.0.0.1:", named: "an address with credentials", data: "a data: address", blob: "a blob: address", silent: "no address", nonsense: "no address",
        ...Object.fromEntries([301, 302, 303, 307, 308].map((status) => [`away${status}`, away])),
      };
      for (const [name, place] of Object.entries(cases)) {
        const made = source(name);
        for (const call of [() => made.head({ signal }), () => made.bundle({ signal }), () => made.root(2, { signal })]) {
          const error = await failure(call());
          equal([name, error?.name, error?.code], [name, "SourceError", "redirect"]);
          ok(error.message.includes(`is redirected to ${place}`), error.message);
          silent(error);
        }
      }
      equal(await seen(away), []);
      await seen();
      for (const [name, requests] of [["six", 6], ["loop", 6]]) {
        const error = await failure(source(name).head({ signal }));
        equal([name, error.code, /more than 5 times/.test(error.message), (await seen()).length], [name, "redirect", true, requests]);
        silent(error);
      }
    },

    async "redirects: a verifier hears of one, and serves what it has"() {
      const errors = [];
      const made = async (name) => {
        const verifier = await createVerifier({ root: fixture.roots[0], source: source(name), refresh: { mode: "manual" }, now: () => (fixture.start + 10) * 1000, onError: (error) => errors.push(error) });
        await verifier.refresh().catch(() => {});
        return verifier;
      };
      const verdicts = [(await made("renamed")).verifyKey(fixture.keys.plain).code, (await made("away302")).verifyKey(fixture.keys.plain).code];
      equal([verdicts, errors.map(({ code }) => code), await seen(away)], [["valid", "snapshot_missing"], ["redirect"], []]);
    },

    async "sources: an error repeats no header, token or query"() {
      const nobody = httpSource(`http://127.0.0.1:1/r/acme?query-token=${TOKEN}`, { headers: { authorization: `Bearer ${TOKEN}` } });
      const broken = source("x", { fetch: async (url, { headers }) => { throw new TypeError(`no ${url} ${headers.authorization}`, { cause: { message: `${url.search}` } }); } });
      for (const made of [nobody, broken]) {
        const error = await failure(made.head({ signal }));
        equal([error.name, error.code, error.message.startsWith("unreachable: GET head: ")], ["SourceError", "unreachable", true]);
        silent(error);
      }
      for (const headers of [{ authorization: `Bearer ${TOKEN}\n${TOKEN}` }, { [`${TOKEN} x`]: "1" }, { authorization: undefined }, { authorization: null }, [], "x", new Headers()]) {
        let error;
        try { httpSource(url, { headers }); } catch (thrown) { error = thrown; }
        ok(error instanceof TypeError && /^headers: /.test(error.message), `${error}`);
        silent(error);
      }
    },
  });
}
