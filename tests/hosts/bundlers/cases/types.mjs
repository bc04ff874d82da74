// TypeScript with every way to resolve a package, and Jest, which knows CommonJS.
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { node, run, sdkTool, sdkVersionOf, tool, versionOf } from "../place.mjs";
import { cjs, EXPECTED, typed } from "../program.mjs";

const NODE_TYPES = fileURLToPath(new URL("../../../../js/node_modules/@types", import.meta.url));
const TYPES = ["--typeRoots", NODE_TYPES, "--types", "node", "--skipLibCheck", "false", "--strict", "--target", "es2022"];
const DOM = "es2022,dom,dom.iterable";
/** The oldest that the types are for, the last in JavaScript, the newest. */
const COMPILERS = { "typescript-5.0": packageTool("typescript-5.0"), typescript: packageTool("typescript"), "typescript 7": sdkTool("tsc") };

/** The compiler of a package of that name here. */
function packageTool(name) {
  return fileURLToPath(new URL(`../node_modules/${name}/bin/tsc`, import.meta.url));
}

/** Compiles, and runs what came of it beside the installed package. */
const compiled = (how, type, module, resolution, { compiler = "typescript", lib = DOM } = {}) => ({
  tool: "typescript", how, version: compiler === "typescript 7" ? sdkVersionOf("typescript") : versionOf(compiler),
  files: { "main.ts": typed, "package.json": JSON.stringify({ name: "user", type }) },
  async run(place) {
    await run(process.execPath, [COMPILERS[compiler], "main.ts", "--outDir", "out", "--module", module, "--moduleResolution", resolution, "--lib", lib, ...TYPES], { cwd: place.source }).catch((error) => {
      throw new Error(error.stdout || error.message);
    });
    return node(join(place.out, "main.js"));
  },
});

/** Every way to resolve a package that a compiler knows. */
const everyWay = (options) => [
  ...(options.compiler === "typescript 7" ? [] : [compiled("`node10`", "commonjs", "commonjs", "node10", options)]),
  compiled("`node16`, CommonJS", "commonjs", "node16", "node16", options),
  compiled("`node16`, ES module", "module", "node16", "node16", options),
  compiled("`nodenext`", "module", "nodenext", "nodenext", options),
  compiled("`bundler`", "module", "esnext", "bundler", options),
];

const spec = `${cjs.replace(/told\(\).*\n/, "")}test("verdicts", async () => expect(await told()).toBe(${JSON.stringify(EXPECTED)}));\n`;

export const TYPES_AND_TESTS = [
  ...["typescript-5.0", "typescript", "typescript 7"].flatMap((compiler) => [...everyWay({ compiler }), compiled("`nodenext`, without the DOM's types", "module", "nodenext", "nodenext", { compiler, lib: "es2022" })]),
  {
    tool: "jest", how: "CommonJS, without a transform",
    files: { "main.test.js": spec, "package.json": '{ "name": "user", "jest": { "transform": {} } }' },
    run: async (place) => (await run(tool("jest"), ["--ci"], { cwd: place.source }), EXPECTED),
  },
];
