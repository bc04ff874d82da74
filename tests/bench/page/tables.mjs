// The tables of BENCHMARKS.md, by the names of the places where they stand. No figure of that page is typed.

const table = (head, rows) => [head, head.map((_, column) => (column === 0 ? "---" : "--:")), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
const number = (value, digits = 2) => (value === undefined || value === null ? "–" : value.toFixed(digits));
const whole = (value) => (value === undefined ? "–" : Math.round(value).toLocaleString("en-US"));
/** A median, and between what half of the figures lie. */
const spread = (figure, show = number) => (figure === undefined ? "–" : `${show(figure.median)} (${show(figure.low)}–${show(figure.high)})`);
const named = ({ title, ours }) => (ours ? `**${title}**` : title);

/** Behind a ratio that was taken from CPU times. */
const mark = (figure) => (figure?.by === "cpu" ? " †" : "");

function servers(contenders) {
  const rows = contenders.map((one) => {
    const { family, share, slower, rate, cpu, added, busy, resident, error } = one;
    if (error !== undefined) return [`${family}: ${named(one)}`, `failed: ${error}`, ...Array(6).fill("–")];
    return [
      `${family}: ${named(one)}`, `${spread(share)}${mark(share)}`, slower === undefined ? "" : `${number(slower.median)} ×${mark(slower)}`, spread(rate, whole),
      number(cpu?.median, 1), number(added?.median, 1), number(busy?.median), whole(resident === undefined ? undefined : resident / 1e6),
    ];
  });
  return table(["server, check", "of no check", "Edgelatch is faster by", "requests a second", "CPU a request, µs", "of which the check", "core in use", "memory, MB"], rows);
}

function latencies(contenders) {
  const rows = contenders
    .filter(({ error }) => error === undefined)
    .map((one) => [`${one.family}: ${named(one)}`, whole(one.fixed), spread(one.p50), spread(one.p99)]);
  return table(["server, check", "requests a second", "p50, ms", "p99, ms"], rows);
}

function inside(figures, goals) {
  if (figures === undefined) return "Not measured: the program failed.";
  const { identity, requirement, usage, growth } = figures;
  const goal = ({ keys, lines }) => (lines <= goals.lines && keys in goals.identity ? `≤ ${goals.identity[keys]}` : "");
  const rows = identity.map((row) => [`request to verdict and identity, ${whole(row.keys)} keys, ${row.lines} header lines`, `${spread(row.time)} µs`, goal(row)]);
  return table(["what", "figure", "goal"], [
    ...rows,
    ["requirement given as data", `${spread(requirement.data)} µs`, ""],
    ["requirement given as a function", `${spread(requirement.function)} µs`, ""],
    ["what usage reports add to a request", `${spread(usage.added)} µs`, `≤ ${goals.usage}`],
    [`memory that ${whole(growth.requests)} requests with ${growth.updates} updates leave behind`, `${growth.bytes} bytes`, `${goals.growth}`],
  ]);
}

const lacking = (contenders) =>
  contenders.filter(({ title, lacks }) => lacks !== undefined && title !== "no check").map(({ family, title, lacks }) => `- ${family}, ${title}: ${lacks}.`).join("\n");

function made({ date, machine, pinned, quick, versions, capacity, latency, seconds, keys }) {
  const cores = pinned ? "server on one core, load generator on another" : "processes on whatever core they were given";
  const names = Object.entries(versions).map(([name, version]) => `${name} ${version}`).join(", ");
  return [
    ...(quick ? ["**A quick run beside other programs: the figures are rough.**"] : []),
    `Made on ${date} by \`cargo xtask bench path --write\` in ${Math.round(seconds / 60)} minutes: ${machine}; ${cores}.`,
    `${whole(keys)} keys; ${capacity.rounds} rounds of ${capacity.seconds} s for what a server can do, ${latency.rounds} of ${latency.seconds} s for latencies.`,
    `Versions: ${names}.`,
  ].join("\n");
}

/** The two figures that there are goals for. */
function goals(contenders, { share, faster }) {
  const of = (id) => contenders.find((one) => one.id === id);
  const row = (what, figure, least) => [what, spread(figure), `≥ ${least}`, figure === undefined ? "–" : figure.median >= least ? "reached" : "**missed**"];
  return table(["what", "figure", "goal", ""], [
    row("requests to Node `http` with `middleware`, as a part of those without a check", of("edgelatch")?.share, share),
    row("the same against a check written by hand, times", of("handwritten")?.slower, faster),
  ]);
}

/** Place → text. */
export function tables({ made: how, goals: aims, contenders, inside: figures }) {
  return { made: made(how), goals: goals(contenders, aims), servers: servers(contenders), latencies: latencies(contenders), inside: inside(figures, aims), lacking: lacking(contenders) };
}
