// The protected API of the demo, for both hosts: an ordinary user of the SDK, who also tells what the verdict was and how
// long the verifier took, and looks for a newer snapshot when asked to.

/** What each route requires. */
const ROUTES = {
  "GET /reports": { service: "reports", permission: "report.view" },
  "POST /purge": { service: "cdn", permission: "cache.purge" },
};
const requirement = ({ method, path }) => ROUTES[`${method} ${path}`] ?? {};

/** How long calls are repeated to measure one, in milliseconds: some hosts have clocks that tick in milliseconds. */
const MEASURE_MS = 15;
const REPEAT = 250;
/** How long calls run before anything is measured, in milliseconds, so that the engine has optimised the code as under real traffic. */
const WARM_MS = 400;

/**
 * @param createVerifier of the entry for this host
 * @param settings `{ root, source, clientIp, mode, interval, stream, cache, lazy }`, the last four if they are not the usual ones
 */
export async function edge(createVerifier, { root, source, clientIp, mode, interval = 150, stream, cache, lazy }) {
  let refused;
  let cold = true;
  const latch = await createVerifier({
    root,
    source,
    cache,
    ...(lazy !== undefined && { lazy }),
    ...(clientIp !== undefined && { clientIp }),
    refresh: { mode, interval, maxBackoff: 500, ...(stream !== undefined && { stream }) },
    onError: (error) => (refused = error),
  });

  /** Judges a request; `{ status, headers, body }`. */
  async function answer(request, context, measured) {
    const verdict = await latch.check(request, requirement, context);
    const headers = { "x-demo-verdict": verdict.code };
    if (measured) {
      const call = () => latch.verify(request, requirement, context);
      if (cold) nanoseconds(call, WARM_MS);
      cold = false;
      headers["x-demo-nanoseconds"] = String(nanoseconds(call, MEASURE_MS));
    }
    if (!verdict.ok) {
      const { status, headers: given, body } = verdict.reply;
      return { status, headers: { ...given, ...headers }, body };
    }
    const { keyId, org, name, roles, epoch } = verdict;
    const body = `${JSON.stringify({ keyId, org, name, roles, epoch })}\n`;
    return { status: 200, headers: { "content-type": "application/json", "cache-control": "private", ...headers }, body };
  }

  /** Looks for a newer snapshot now and tells what came of it. */
  async function refresh() {
    refused = undefined;
    const changed = await latch.refresh().catch((error) => (refused = error) && false);
    const body = JSON.stringify({ changed, epoch: latch.epoch, refused: refused?.code ?? null, message: refused?.message ?? null });
    return { status: 200, headers: { "content-type": "application/json" }, body };
  }

  return { answer, refresh };
}

/** Mean time of one call, over as many as it takes to measure it. */
function nanoseconds(call, atLeast) {
  const begin = performance.now();
  for (let calls = REPEAT; ; calls += REPEAT) {
    for (let n = 0; n < REPEAT; n++) call();
    const elapsed = performance.now() - begin;
    if (elapsed >= atLeast) return Math.round((elapsed * 1e6) / calls);
  }
}
