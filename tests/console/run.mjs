// The console in a real browser: `node tests/console/run.mjs EDGELATCH [--only vergeos,…] [--screenshots DIR]`.
// Each preset's documentation is walked on the screen, every page is looked at by axe in light and dark, and nothing that a page does may break its
// own content security policy. With --screenshots, pictures of all pages are left in DIR.
import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";
import { end, step } from "../e2e/steps.mjs";
import { Control } from "../systems/harness/control.mjs";
import { axe, Watcher } from "./look.mjs";
import { WALKS } from "./walks.mjs";

const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
const { values, positionals } = parseArgs({ allowPositionals: true, options: { only: { type: "string" }, screenshots: { type: "string" } } });
if (positionals.length !== 1) {
  console.error("usage: run.mjs EDGELATCH [--only vergeos,vergecloud,ipaware,valar] [--screenshots DIR]");
  process.exit(2);
}
const chosen = values.only?.split(",") ?? Object.keys(WALKS);
const browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox", "--disable-gpu"] });

/** The two screens that pages are shown on. */
const SCREENS = { wide: { width: 1280, height: 900 }, narrow: { width: 390, height: 844 } };

/** A page of somebody who has signed in. */
async function signedIn(control, options = {}) {
  const context = await browser.newContext({ baseURL: control.url, viewport: SCREENS.wide, permissions: ["clipboard-read", "clipboard-write"], ...options });
  const page = await context.newPage();
  const watcher = new Watcher(page);
  await page.goto("/console");
  await page.getByLabel("Management key").fill(control.administrator);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL(`${control.url}/console`);
  return { context, page, watcher };
}

for (const preset of chosen) {
  const control = new Control(resolve(positionals[0]), preset);
  try {
    await control.init(preset);
    await control.serve();
    const walk = WALKS[preset];
    for (const javaScriptEnabled of [true, false]) {
      await step(`${preset}, ${javaScriptEnabled ? "with" : "without"} scripts`, async () => {
        const { context, page, watcher } = await signedIn(control, { javaScriptEnabled });
        await walk({ page, control, keys: `/console/r/${preset}/keys`, scripts: javaScriptEnabled });
        watcher.check();
        await context.close();
      });
    }
    const key = (await control.rest("GET", "/keys?limit=1")).keys[0].key_id;
    const areas = ["keys", "keys/new", "keys?search=none", `keys/${key}`, `keys/${key}/edit`, `keys/${key}/revoke`, `keys/${key}/rotate`, `keys/${key}/delete`,
      `keys/${key}/requests`, "roles", "owners", "orgs", "activity", "alerts", "fleet", "leak"];
    for (const colorScheme of ["light", "dark"]) {
      const { context, page, watcher } = await signedIn(control, { colorScheme });
      for (const area of ["", ...areas]) {
        const path = area === "" ? "/console" : `/console/r/${preset}/${area}`;
        await step(`${preset} ${path} ${colorScheme}`, async () => {
          for (const [screen, size] of Object.entries(SCREENS)) {
            await page.setViewportSize(size);
            await page.goto(path);
            const wider = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
            if (wider > 0) throw new Error(`${screen}: wider than the screen by ${wider} px`);
            await axe(page);
            if (values.screenshots !== undefined) {
              mkdirSync(values.screenshots, { recursive: true });
              const name = `${preset}-${area.replaceAll(/[^a-z]+/g, "-") || "start"}-${screen}-${colorScheme}.png`;
              await page.screenshot({ path: join(values.screenshots, name), fullPage: true });
            }
          }
          watcher.check();
        });
      }
      await context.close();
    }
  } finally {
    await control.stop();
    control.remove();
  }
}
await browser.close();
end("console");
