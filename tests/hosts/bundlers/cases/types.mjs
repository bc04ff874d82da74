// TypeScript with every way to resolve a package, and Jest, which knows CommonJS.
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { node, run, tool } from "../place.mjs";
import { cjs, EXPECTED, typed } from "../program.mjs";

const NODE_TYPES = fileURLToPath(new URL("../../../../js/node_modules/@types", import.meta.url));
const TYPES = ["--typeRoots", NODE_TYPES, "--types", "node", "--lib", "es2022,dom,dom.iterable", "--skipLibCheck", "false", "--strict", "--target", "es2022"];

/** Compiles, and runs what came of it beside the installed package. */
const compiled = (how, type, module, resolution) => ({
  tool: "typescript", how,
  files: { "main.ts": typed, "package.json": JSON.stringify({ name: "user", type }) },
  async run(place) {
    await run(tool("tsc"), ["main.ts", "--outDir", "out", "--module", module, "--moduleResolution", resolution, ...TYPES], { cwd: place.source }).catch((error) => {
      throw new Error(error.stdout || error.message);
    });
    return node(join(place.out, "main.js"));
  },
});

const spec = `${cjs.replace(/told\(\).*\n/, "")}test("verdicts", async () => expect(await told()).toBe(${JSON.stringify(EXPECTED)}));\n`;

export const TYPES_AND_TESTS = [
  compiled("`node10`", "commonjs", "commonjs", "node10"),
  compiled("`node16`, CommonJS", "commonjs", "node16", "node16"),
  compiled("`node16`, ES module", "module", "node16", "node16"),
  compiled("`nodenext`", "module", "nodenext", "nodenext"),
  compiled("`bundler`", "module", "esnext", "bundler"),
  {
    tool: "jest", how: "CommonJS, without a transform",
    files: { "main.test.js": spec, "package.json": '{ "name": "user", "jest": { "transform": {} } }' },
    run: async (place) => (await run(tool("jest"), ["--ci"], { cwd: place.source }), EXPECTED),
  },
];
