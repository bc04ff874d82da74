// `node.mjs FAMILY NAME DIR`: one contender in a process of its own, which ends with its standard input. Says its port in a line. Each line that it
// is given has it collect all garbage, after which it says one more.
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

const [family, name, dir] = process.argv.slice(2);
const { default: contenders } = await import(`./${family}.mjs`);
const server = await contenders[name](dir);
server.listen(0, "127.0.0.1", () => console.log(JSON.stringify({ port: server.address().port })));
setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc");
process.stdin.on("data", () => {
  collect();
  console.log("{}");
});
process.stdin.on("end", () => process.exit());
