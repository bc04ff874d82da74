// The console in a real browser: `node tests/console/run.mjs EDGELATCH [--only vergeos,…] [--screenshots DIR]`.
// Each preset's documentation is walked on the screen, every page is looked at by axe in light and dark, and nothing that a page does may break its
// own content security policy. With --screenshots, pictures of all pages are left in DIR.
import { mkdirSync } from "node:fs";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";
import { end, step } from "../e2e/steps.mjs";
import { Control } from "../systems/harness/control.mjs";
import { Looker, Watcher } from "./look.mjs";
import { hostileNames } from "./names.mjs";
import { OF_KEYS, OF_REALM, fill, path } from "./pages.mjs";
import { invitation } from "./invitation.mjs";
import { importsFile, tooLarge } from "./imports.mjs";
import { atProvider } from "./provider.mjs";
import { WALKS } from "./walks.mjs";

const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
/** How long something on a page is waited for, in milliseconds: far above what a page takes on a machine with much else to do. */
const PATIENCE_MS = 15_000;
/** The preset by which whatever is the same for all of them is looked at. */
const WHOLE = "vergeos";
/** The most bytes that the table of keys may weigh with all that it loads. */
const MAX_PAGE_BYTES = 150_000;

const { values, positionals } = parseArgs({ allowPositionals: true, options: { only: { type: "string" }, screenshots: { type: "string" } } });
if (positionals.length !== 1) {
  console.error(`usage: run.mjs EDGELATCH [--only ${Object.keys(WALKS)}] [--screenshots DIR]`);
  process.exit(2);
}
const chosen = values.only?.split(",") ?? Object.keys(WALKS);
if (values.screenshots !== undefined) mkdirSync(values.screenshots, { recursive: true });
const browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox", "--disable-gpu"] });

/** A page of somebody who has signed in. */
async function signedIn(control, options = {}) {
  const context = await browser.newContext({ baseURL: control.url, locale: "en-GB", permissions: ["clipboard-read", "clipboard-write"], ...options });
  context.setDefaultTimeout(PATIENCE_MS);
  const page = await context.newPage();
  const watcher = new Watcher(page, control.url);
  await page.goto("/console");
  await page.getByLabel(/^(Management key|Verwaltungsschlüssel)$/).fill(control.administrator);
  await page.getByRole("button", { name: /^(Sign in|Anmelden)$/ }).click();
  await page.waitForURL(`${control.url}/console`);
  return { context, page, watcher };
}

/** Does something as somebody who has signed in, with and without what a browser adds. */
async function as(control, options, act) {
  const { context, page, watcher } = await signedIn(control, options);
  try {
    await act(page, watcher);
    watcher.check();
  } finally {
    await context.close();
  }
}

/** Every page, on both screens, in light and dark. */
async function look(control, preset, areas) {
  const { context, page, watcher } = await signedIn(control);
  const looker = new Looker(page, preset, values.screenshots);
  for (const area of areas) {
    await step(`${preset} ${area}`, async () => {
      const reply = await page.goto(path(preset, area));
      const wanted = area === "nowhere" ? 404 : 200;
      if (reply.status() !== wanted) throw new Error(`answers ${reply.status()} instead of ${wanted}`);
      await looker.look(area);
      watcher.check();
    });
  }
  await context.close();
}

/** The bytes that a page weighs in a browser that was never here. */
async function weigh(control, preset) {
  await as(control, {}, async (page) => {
    const client = await page.context().newCDPSession(page);
    await client.send("Network.enable");
    await client.send("Network.setCacheDisabled", { cacheDisabled: true });
    let bytes = 0;
    client.on("Network.loadingFinished", ({ encodedDataLength }) => (bytes += encodedDataLength));
    await page.goto(path(preset, "keys"), { waitUntil: "networkidle" });
    console.log(`${preset}: the table of keys weighs ${bytes} bytes, with all that it loads`);
    if (bytes === 0 || bytes > MAX_PAGE_BYTES) throw new Error(`it weighs ${bytes} bytes, ${MAX_PAGE_BYTES} at most`);
  });
}

for (const preset of chosen) {
  const control = new Control(resolve(positionals[0]), preset);
  try {
    await control.init(preset);
    await control.serve();
    for (const scripts of [true, false]) {
      await step(`${preset}, ${scripts ? "with" : "without"} scripts`, () =>
        as(control, { javaScriptEnabled: scripts }, async (page) => {
          const looker = new Looker(page, preset, values.screenshots);
          // What only shows on the way: a form that was refused, a secret, two versions of a key.
          const inspect = async (name) => { if (scripts) await looker.look(name); };
          await WALKS[preset]({ page, control, keys: path(preset, "keys"), scripts, inspect });
        }));
    }
    let known;
    await step(`${preset}: something to look at`, async () => (known = await fill(control, preset)));
    if (known === undefined) continue;
    await look(control, preset, [...OF_KEYS(known), ...(preset === WHOLE ? OF_REALM(known) : [])]);
    if (preset !== WHOLE) continue;
    await step("names stay text", () => as(control, {}, (page) => hostileNames(page, control, preset)));
    for (const scripts of [true, false]) {
      await step(`an invitation, ${scripts ? "with" : "without"} scripts`, () =>
        as(control, { javaScriptEnabled: scripts }, async (page) => {
          const context = await browser.newContext({ baseURL: control.url, locale: "en-GB", javaScriptEnabled: scripts });
          context.setDefaultTimeout(PATIENCE_MS);
          try {
            await invitation({ page, stranger: () => context.newPage(), control, preset, scripts, screenshots: values.screenshots });
          } finally {
            await context.close();
          }
        }));
    }
    await step("the weight of a page", () => weigh(control, preset));
    await step("in German", () =>
      as(control, { locale: "de-AT", viewport: { width: 360, height: 740 } }, async (page) => {
        const looker = new Looker(page, preset);
        for (const area of [...OF_KEYS(known), ...OF_REALM(known)]) {
          await page.goto(path(preset, area));
          if ((await page.locator("html").getAttribute("lang")) !== "de") throw new Error(`${area} is in another language`);
          await looker.fits(area);
        }
      }));
    await step("a file too large for a form", () => as(control, {}, (page) => tooLarge(page, path(preset, "keys/import"))));
    for (const scripts of [true, false]) {
      await step(`a file of many keys, ${scripts ? "with" : "without"} scripts`, () =>
        as(control, { javaScriptEnabled: scripts }, (page, watcher) => importsFile({ page, watcher, at: path(preset, "keys/import"), scripts })));
    }
    await atProvider(browser, control);
  } finally {
    await control.stop();
    control.remove();
  }
}
await browser.close();
end("console");
