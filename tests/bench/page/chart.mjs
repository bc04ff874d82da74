// The chart of BENCHMARKS.md: for each family of servers a bar a contender, as a part of what the bare server does. Half of the rounds lie
// within the whisker.

const WIDTH = 880;
/** Where bars begin, and pixels of a whole bare server. */
const [LEFT, SCALE] = [370, 400];
const [BAR, ROW, HEAD, TOP] = [16, 26, 34, 84];

/** Colours that can be told apart by who sees none: bars of the bare server are hollow, ours are full, others are grey. */
const STYLE = `
  text { font: 13px system-ui, sans-serif; fill: #1f2328; }
  .title { font-size: 17px; font-weight: 600; }
  .family { font-weight: 600; }
  .small { font-size: 12px; fill: #59636e; }
  .ours { fill: #0969da; }
  .other { fill: #8c959f; }
  .bare { fill: none; stroke: #8c959f; stroke-width: 1.5; }
  .whisker { stroke: #1f2328; stroke-width: 1.5; }
  .goal { stroke: #bf3989; stroke-width: 1.5; stroke-dasharray: 5 4; }
  .line { stroke: #d1d9e0; }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc; }
    .small { fill: #9198a1; }
    .ours { fill: #4493f8; }
    .other { fill: #656c76; }
    .bare { stroke: #9198a1; }
    .whisker { stroke: #f0f6fc; }
    .goal { stroke: #db61a2; }
    .line { stroke: #3d444d; }
  }`;

const escape = (text) => text.replaceAll("`", "").replaceAll("&", "&amp;").replaceAll("<", "&lt;");
const text = (x, y, content, more = "") => `<text x="${x}" y="${y}"${more}>${escape(content)}</text>`;
const line = (x1, y1, x2, y2, name) => `<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" class="${name}"/>`;
const px = (part) => Math.round(10 * (LEFT + SCALE * part)) / 10;
const percent = (part) => `${Math.round(100 * part)} %`;

function row({ title, share, ours, error }, y, bare) {
  const middle = y + BAR / 2;
  const label = text(LEFT - 10, y + BAR - 3, title, ` text-anchor="end"`);
  if (error !== undefined || share === undefined) return [label, text(LEFT + 6, y + BAR - 3, "failed", ` class="small"`)];
  const { median, low, high } = share;
  const name = bare ? "bare" : ours ? "ours" : "other";
  const bar = `<rect x="${LEFT}" y="${y}" width="${Math.round(10 * SCALE * median) / 10}" height="${BAR}" rx="2" class="${name}"/>`;
  const whisker = bare ? [] : [line(px(low), middle, px(high), middle, "whisker"), ...[low, high].map((end) => line(px(end), middle - 4, px(end), middle + 4, "whisker"))];
  return [label, bar, ...whisker, text(px(Math.max(median, high ?? 0)) + 8, y + BAR - 3, `${percent(median)}${share.by === "cpu" && !bare ? " †" : ""}`)];
}

/** The text of the SVG file. `goal` is the part that ours are to reach. */
export function chart({ made, contenders }, goal) {
  const families = new Map();
  for (const one of contenders) families.set(one.family, [...(families.get(one.family) ?? []), one]);
  const parts = [];
  let y = TOP;
  let aim = TOP;
  for (const [family, members] of families) {
    parts.push(text(20, y + 14, family, ` class="family"`));
    y += HEAD - 10;
    members.forEach((member, place) => {
      parts.push(...row(member, y, place === 0));
      y += ROW;
    });
    y += 10;
    if (aim === TOP) aim = y - 12; // the goal is about the first family
  }
  const height = y + 64;
  const grid = [0, 0.25, 0.5, 0.75, 1].flatMap((part) => [line(px(part), TOP - 8, px(part), y, "line"), text(px(part), y + 18, percent(part), ` class="small" text-anchor="middle"`)]);
  const ours = contenders.filter(({ ours, share }) => ours && share !== undefined).map(({ family, title, share }) => `${family}, ${title}: ${percent(share.median)}`);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-labelledby="title desc">
<title id="title">Requests a second with a check in front of a tiny handler, as a part of those without one</title>
<desc id="desc">${escape(`${ours.join("; ")}. Measured ${made.date} on ${made.machine}. Every figure stands in the tables of BENCHMARKS.md.`)}</desc>
<style>${STYLE}
</style>
${[
  text(20, 30, "What a check leaves of a server that does nothing else", ` class="title"`),
  text(20, 52, `requests a second as a part of the bare server's, median of ${made.capacity.rounds} interleaved rounds; ${made.date}`, ` class="small"`),
  ...grid,
  line(px(goal), TOP - 8, px(goal), aim, "goal"),
  text(px(goal), TOP - 12, `goal ${percent(goal)}`, ` class="small" text-anchor="middle"`),
  ...parts,
  text(20, y + 44, `${made.machine}; cargo xtask bench path --write${made.quick ? "; a quick run, rough" : ""}. † CPU time a request, where the load generator was the limit.`, ` class="small"`),
].join("\n")}
</svg>
`;
}
