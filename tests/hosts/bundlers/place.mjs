// Where one case is built, and where its result is run: nothing of the package is there any more.
import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const staged = here("../../node_modules/edgelatch");
const require = createRequire(import.meta.url);

/** A program that this package installs, or the SDK's. */
export const tool = (name) => here(`node_modules/.bin/${name}`);
export const sdkTool = (name) => here(`../../../js/node_modules/.bin/${name}`);
/** The version of a package that is installed here, or by the SDK. */
export const versionOf = (name) => (SDK.has(name) ? sdkVersionOf(name) : require(`${name}/package.json`).version);
export const sdkVersionOf = (name) => createRequire(here("../../../js/package.json"))(`${name}/package.json`).version;
const SDK = new Set(["bun", "miniflare"]);

const SILENT = { CI: "1", NO_COLOR: "1", NITRO_TELEMETRY_DISABLED: "1", WRANGLER_SEND_METRICS: "false", NEXT_TELEMETRY_DISABLED: "1" };

/** @returns what a program prints, without the line's end */
export async function run(command, args, options = {}) {
  const env = { ...process.env, ...SILENT, ...options.env };
  const { stdout } = await promisify(execFile)(command, args, { maxBuffer: 1 << 26, timeout: 300_000, ...options, env });
  return stdout.trim();
}

/** What a file prints in Node, by itself. */
export const node = (file) => run(process.execPath, [file]);

export class Place {
  #root = mkdtempSync(join(tmpdir(), "edgelatch-bundled-"));
  /** The user's project, with the packed package installed. */
  source = join(this.#root, "project");
  /** Where bundlers write to. */
  out = join(this.source, "out");

  /** @param files by name, `package.json` among them where it is not one of ES modules */
  constructor(files) {
    cpSync(staged, join(this.source, "node_modules/edgelatch"), { recursive: true });
    for (const [name, text] of Object.entries({ "package.json": '{ "name": "user", "type": "module" }', ...files })) this.write(name, text);
  }

  at(name) {
    return join(this.source, name);
  }

  write(name, text) {
    mkdirSync(dirname(this.at(name)), { recursive: true });
    writeFileSync(this.at(name), text);
  }

  /** Takes a result to where nothing else is. @returns its new path */
  moved(from = this.out) {
    const to = join(this.#root, "moved");
    renameSync(from, to);
    rmSync(this.source, { recursive: true });
    return to;
  }

  remove() {
    rmSync(this.#root, { recursive: true, force: true });
  }
}
