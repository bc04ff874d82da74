// Keys that are taken over from files: what is too large is told of at once, and what takes long goes on while one looks elsewhere.
import { createHash } from "node:crypto";
import { ORG } from "./pages.mjs";

/** Lines of a file that takes a server some seconds. */
const LINES = 100_000;
/** How long that may take, in milliseconds, on a machine with much else to do. */
const PATIENCE_MS = 240_000;

/** What no form may hold is told of before it is sent, and what was typed stays. */
export async function tooLarge(page, at) {
  await page.goto(at);
  await page.locator("#owner").fill("admin");
  const told = page.locator("#too-large");
  const choose = (bytes) => page.locator("#file").setInputFiles({ name: "keys.csv", mimeType: "text/csv", buffer: Buffer.alloc(bytes, "a") });
  // A file may be larger than the rest; the browser is not made to hold one that is too large.
  await choose(1_100_000);
  await told.waitFor({ state: "hidden" });
  await page.locator("form[data-most-file]").evaluate((form) => (form.dataset.mostFile = "1000000"));
  await choose(1_100_000);
  await told.waitFor({ state: "visible" });
  if (await page.locator("#file").inputValue()) throw new Error("the file was taken");
  await choose(10);
  await told.waitFor({ state: "hidden" });
  await page.locator("#file").setInputFiles([]);
  await page.locator("#lines").fill(",".repeat(1_100_000));
  await page.getByRole("button", { name: "Try it" }).click();
  await told.waitFor({ state: "visible" });
  if ((await page.locator("#owner").inputValue()) !== "admin") throw new Error("what was typed is gone");
}

/** A file of many keys is imported; whoever leaves the page finds it again. */
export async function importsFile({ page, watcher, at, scripts }) {
  const lines = Array.from({ length: LINES }, (_, n) => `${createHash("sha256").update(`${scripts} ${n}`).digest("hex")},import ${scripts} ${n}`);
  await page.goto(at);
  await page.locator("#org").selectOption(ORG);
  await page.locator("#owner").fill("admin");
  await page.locator("#file").setInputFiles({ name: "keys.csv", mimeType: "text/csv", buffer: Buffer.from(`sha256,name\n${lines.join("\n")}\n`) });
  await page.getByRole("button", { name: "Import", exact: true }).click();
  await page.waitForURL(/\/keys\/import\/imp_[0-9a-f]{32}$/, { timeout: PATIENCE_MS });
  const place = page.url();
  // The page says more each time it asks, without anybody's doing.
  let shown = 0;
  while (shown === 0 && (await page.locator("progress").count()) === 1) {
    shown = Number(await page.locator("progress").getAttribute("value", { timeout: 2_000 }).catch(() => 0));
    await page.waitForTimeout(100);
  }
  if (shown === 0) throw new Error("it had ended before anything was shown of it: give it more lines");
  await page.goto(at);
  await page.locator(`a[href="${new URL(place).pathname}"]`).click();
  await page.getByText(`Imported keys: ${LINES}`).waitFor({ timeout: PATIENCE_MS });
  if (!scripts) return;
  // A server that does not answer is told of, and so is its answer.
  await page.route("**/keys/import/imp_*", (route) => route.abort());
  await page.evaluate(() => {
    const section = document.querySelector("#progress");
    section.setAttribute("hx-get", location.pathname);
    section.setAttribute("hx-select", "#progress");
    section.setAttribute("hx-swap", "outerHTML");
    section.setAttribute("hx-trigger", "every 200ms");
    window.htmx.process(section);
  });
  await page.locator("[data-offline]").waitFor({ state: "visible" });
  await page.unroute("**/keys/import/imp_*");
  await page.locator("[data-offline]").waitFor({ state: "hidden" });
  watcher.forget(/^htmx:(afterRequest|sendError)|ERR_FAILED/);
}
