// A realm with some thousand keys, which the real program publishes into a directory.
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, unlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Control } from "../../systems/harness/control.mjs";
import { until } from "./edges.mjs";

/** Enough of them that one change is a small part of the tree, and that objects are fetched one by one. */
const KEYS = 48_000;

export class Realm {
  static async begin(binary) {
    const realm = new Realm();
    realm.control = new Control(binary, "acme");
    await realm.control.init("default");
    realm.root = realm.control.root;
    const digest = (n) => createHash("sha256").update(`key ${n}`).digest("hex");
    const file = realm.control.file("keys.csv");
    writeFileSync(file, ["sha256,name", ...Array.from({ length: KEYS }, (_, n) => `${digest(n)},key ${n}`)].join("\n"));
    // Published before the server starts, so that each change from then on is an epoch of its own.
    for (const args of [["keys", "import", file, "--owner", "admin", "--role", "reader"], ["publish"]]) {
      const { code, err } = await realm.control.cli(args);
      if (code !== 0) throw new Error(err);
    }
    await realm.control.serve();
    realm.published = realm.control.file("data/published");
    realm.sites = realm.control.file("sites");
    await realm.settled();
    return realm;
  }

  /** Waits until head and bundle are of one epoch, and another one than `before`. */
  async settled(before = Buffer.alloc(0)) {
    await until("the next epoch is published", () => {
      if (!existsSync(this.file("bundle"))) return false;
      const head = readFileSync(this.file("head"));
      return !head.equals(before) && readFileSync(this.file("bundle")).includes(head);
    });
  }

  /** Acts on the registry, and waits for the epoch with it. */
  async changed(method, path, body) {
    const before = readFileSync(this.file("head"));
    const reply = await this.control.rest(method, path, { body, secret: true });
    if (reply.status >= 300) throw new Error(`${method} ${path} answered ${reply.status}`);
    await this.settled(before);
    return reply;
  }

  /** A new key, published; `{ id, secret }`. */
  async key(name) {
    const { key, secret } = await this.changed("POST", "/keys", { org: "main", owner: "admin", name, roles: ["reader"] });
    return { id: key.key_id, secret };
  }

  revoke({ id }) {
    return this.changed("POST", `/keys/${id}/revoke`, {});
  }

  /** A published file. */
  file(name) {
    return join(this.published, "r/acme", name);
  }

  /** Lets files show one time, as those do that are written within one second. */
  at(second, ...names) {
    for (const name of names) utimesSync(this.file(name), second, second);
  }

  /**
   * Head and bundle as they are now, as they stay, below the path `name`; what never changes as it is there, unless it is taken away.
   */
  copy(name) {
    const to = join(this.sites, name, "r/acme");
    rmSync(join(this.sites, name), { recursive: true, force: true });
    mkdirSync(to, { recursive: true });
    const site = {
      file: (path) => join(to, path),
      take: (...paths) => paths.forEach((path) => copyFileSync(this.file(path), site.file(path))),
      without: (...paths) => paths.forEach((path) => unlinkSync(site.file(path))),
      give: (...paths) => paths.forEach((path) => symlinkSync(this.file(path), site.file(path))),
    };
    site.take("head", "bundle");
    site.give("root", "objects", "patch");
    return site;
  }

  /** Takes directories of published files away for a moment in which nothing is published. */
  hide(...names) {
    for (const name of names) renameSync(this.file(name), this.file(`${name}-hidden`));
  }

  unhide(...names) {
    for (const name of names) renameSync(this.file(`${name}-hidden`), this.file(name));
  }

  /** What is published, as it changes, below the path `name`. */
  show(name) {
    mkdirSync(this.sites, { recursive: true });
    symlinkSync(this.published, join(this.sites, name));
  }

  async end() {
    await this.control.stop();
    this.control.remove();
  }
}
