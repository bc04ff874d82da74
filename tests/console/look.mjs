// What is looked at on every page.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const source = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Fails on whatever axe finds. It is run beside the page's own scripts, which its policy would not let in. */
export async function axe(page) {
  const frame = await page.context().newCDPSession(page);
  const { frameTree } = await frame.send("Page.getFrameTree");
  const { executionContextId } = await frame.send("Page.createIsolatedWorld", { frameId: frameTree.frame.id, worldName: "axe" });
  await frame.send("Runtime.evaluate", { expression: source, contextId: executionContextId });
  const expression = "axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => JSON.stringify(violations))";
  const { result, exceptionDetails } = await frame.send("Runtime.evaluate", { expression, contextId: executionContextId, awaitPromise: true });
  await frame.detach();
  if (exceptionDetails !== undefined) throw new Error(`axe: ${exceptionDetails.text}`);
  const said = JSON.parse(result.value).map(({ id, help, nodes }) => `${id} (${help}): ${nodes.map(({ html }) => html).slice(0, 3).join(" | ")}`);
  if (said.length > 0) throw new Error(`axe: ${said.join("; ")}`);
}

/** Notes what a page complains of: scripts that fail, and whatever its content security policy forbids. */
export class Watcher {
  #said = [];

  constructor(page) {
    page.on("pageerror", (error) => this.#said.push(error.message));
    page.on("console", (message) => {
      // A page that says that a form was refused has that status.
      if (message.type() === "error" && !/status of (403|404|409|412|422)/.test(message.text())) this.#said.push(message.text());
    });
    page.on("request", (request) => {
      const host = new URL(request.url()).hostname;
      if (!request.url().startsWith("data:") && !request.url().startsWith("blob:") && host !== "127.0.0.1") this.#said.push(`asked ${request.url()}`);
    });
  }

  check() {
    const said = this.#said.splice(0);
    if (said.length > 0) throw new Error(said.join("; "));
  }
}
