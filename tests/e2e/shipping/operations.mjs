// The guide for operators, followed: each `sh` block of OPERATIONS.md, in its order and in one shell, where what was handed out lies.
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** @param {object} context what `run.mjs` has */
export async function operationsSteps({ check, root, work, dist, stepWith }) {
  const blocks = [...readFileSync(join(root, "OPERATIONS.md"), "utf8").matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, text]) => text);
  await stepWith("openssl", "every command of OPERATIONS.md does what it is there for", () => {
    check(blocks.length > 2, `only ${blocks.length} blocks`);
    const home = join(work, "operator");
    mkdirSync(home);
    cpSync(dist, home, { recursive: true });
    // Background jobs are told apart as in the shell of a person; whatever fails ends all of it, and says where.
    const script = ["set -euo pipefail -o monitor", "trap 'echo \"fails: $BASH_COMMAND\" >&2' ERR", "trap 'kill $(jobs -p) 2>/dev/null || true' EXIT", ...blocks].join("\n");
    const { status, stdout, stderr } = spawnSync("bash", ["-c", script], { cwd: home, env: { PATH: process.env.PATH, HOME: home }, encoding: "utf8", timeout: 120_000 });
    check(status === 0, `exit ${status}\n${stdout}\n${stderr}`);
  });
}
