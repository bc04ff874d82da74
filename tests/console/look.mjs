// What is looked at on every page.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const source = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** The screens that pages are shown on, and the schemes. */
const SCREENS = { wide: { width: 1280, height: 900 }, narrow: { width: 390, height: 844 } };
const SCHEMES = ["light", "dark"];

/** The pictures that the documentation shows, by preset and page: what they are called, and in which scheme. */
const SHOWN = {
  "valar keys": ["keys", "light"], "vergecloud keys/new": ["wizard", "light"], "vergeos keys/key?ask=1&ip=192.0.2.7&service=dns": ["key", "dark"],
  "vergeos usage": ["usage", "light"],
};
/** The most bytes of one of them: whoever reads a page loads them all. */
const MAX_PICTURE_BYTES = 60_000;

/** A page's name without ids, which are others each time. */
const stable = (name) => name.replaceAll(/key_\w+/g, "key").replaceAll(/person-[0-9a-f]+/g, "person").replaceAll(/imp_[0-9a-f]+/g, "import");

/** Looks at what a page shows, in light and dark, on a wide screen and on a narrow one. */
export class Looker {
  #page;
  #preset;
  #screenshots;

  /** Pictures are left in `screenshots`, if it is there. */
  constructor(page, preset, screenshots) {
    this.#page = page;
    this.#preset = preset;
    this.#screenshots = screenshots;
  }

  async look(name) {
    const axe = await Axe.beside(this.#page);
    for (const [screen, size] of Object.entries(SCREENS)) {
      await this.#page.setViewportSize(size);
      await this.fits(`${name}, ${screen}`);
      for (const colorScheme of SCHEMES) {
        await this.#page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
        // Colours do not depend on the screen's width.
        if (screen === "wide" || colorScheme === "light") await axe.run(`${name}, ${screen}, ${colorScheme}`);
        if (this.#screenshots === undefined) continue;
        const file = `${this.#preset}-${stable(name).replaceAll(/[^a-z]+/g, "-")}-${screen}-${colorScheme}.png`;
        await this.#page.screenshot({ path: join(this.#screenshots, file), fullPage: true });
        if (screen === "wide") await this.#show(stable(name), colorScheme);
      }
    }
    await axe.end();
    await this.#page.setViewportSize(SCREENS.wide);
    await this.#page.emulateMedia({ colorScheme: "light" });
  }

  /** Leaves a picture for the documentation, if this page is on one. */
  async #show(name, colorScheme) {
    const [file, scheme] = SHOWN[`${this.#preset} ${name}`] ?? [];
    if (scheme !== colorScheme) return;
    const session = await this.#page.context().newCDPSession(this.#page);
    const { data } = await session.send("Page.captureScreenshot", { format: "webp", quality: 70 });
    await session.detach();
    const bytes = Buffer.from(data, "base64");
    if (bytes.length > MAX_PICTURE_BYTES) throw new Error(`${file}.webp is ${bytes.length} bytes, ${MAX_PICTURE_BYTES} at most`);
    mkdirSync(join(this.#screenshots, "shown"), { recursive: true });
    writeFileSync(join(this.#screenshots, "shown", `${file}.webp`), bytes);
  }

  /** Nobody has to scroll sideways. */
  async fits(name) {
    const wider = await this.#page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    if (wider > 0) throw new Error(`${name}: wider than the screen by ${wider} px`);
  }
}

/** axe, run beside the page's own scripts: its policy would not let it in. */
class Axe {
  #session;
  #contextId;

  static async beside(page) {
    const axe = new Axe();
    axe.#session = await page.context().newCDPSession(page);
    const { frameTree } = await axe.#session.send("Page.getFrameTree");
    const world = await axe.#session.send("Page.createIsolatedWorld", { frameId: frameTree.frame.id, worldName: "axe" });
    axe.#contextId = world.executionContextId;
    await axe.#evaluate(source);
    return axe;
  }

  async #evaluate(expression) {
    const { result, exceptionDetails } = await this.#session.send("Runtime.evaluate", { expression, contextId: this.#contextId, awaitPromise: true });
    if (exceptionDetails !== undefined) throw new Error(`axe: ${exceptionDetails.exception?.description ?? exceptionDetails.text}`);
    return result.value;
  }

  /** Fails on whatever it finds. */
  async run(name) {
    const found = await this.#evaluate("axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => JSON.stringify(violations))");
    const said = JSON.parse(found).map(({ id, help, nodes }) => `${id} (${help}): ${nodes.map(({ html }) => html).slice(0, 3).join(" | ")}`);
    if (said.length > 0) throw new Error(`${name}: axe: ${said.join("; ")}`);
  }

  end() {
    return this.#session.detach();
  }
}

/** Notes what a page complains of: scripts that fail, whatever its content security policy forbids, calls of other hosts, and dialogs of scripts. */
export class Watcher {
  #said = [];

  constructor(page, origin) {
    page.on("pageerror", (error) => this.#said.push(error.message));
    page.on("console", (message) => {
      // A page that says that a form was refused has that status.
      if (message.type() === "error" && !/status of (403|404|409|412|422)/.test(message.text())) this.#said.push(message.text());
    });
    page.on("request", (request) => {
      if (!/^(data|blob):/.test(request.url()) && new URL(request.url()).origin !== origin) this.#said.push(`asked ${request.url()}`);
    });
    page.on("dialog", (dialog) => {
      if (dialog.type() !== "beforeunload") this.#said.push(`a dialog: ${dialog.message()}`);
      void dialog.accept();
    });
  }

  /** Forgets what was to be complained of. */
  forget(pattern) {
    this.#said = this.#said.filter((one) => !pattern.test(one));
  }

  check() {
    const said = this.#said.splice(0);
    if (said.length > 0) throw new Error(said.join("; "));
  }
}
