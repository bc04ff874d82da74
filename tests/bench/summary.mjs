// What is told of a contender after all rounds.
import { median, spread } from "./statistics.mjs";

/** A server that has its core for less than this part of the time was not asked for all that it can do: the load generator was the limit, or other programs. */
const BUSY = 0.9;

/** What is told of one contender. `others` has the bare server of its family. */
export function summary(one, others) {
  const { contender, runs, latencies, fixed, resident, error } = one;
  const { id, family, title, lacks, ours = false } = contender;
  const first = (which) => others.find(({ contender }) => contender.family === family && which(contender));
  const bare = first(() => true);
  const edgelatch = first((contender) => contender.ours);
  const of = (figure) => spread(runs.filter(Boolean).map((run) => run[figure]));
  /** In each round that both took part in. */
  const against = (other, figure) => spread(runs.map((run, round) => (run && other?.runs[round] ? figure(run, other.runs[round]) : Number.NaN)));
  const busy = (one) => median(one.runs.filter(Boolean).map((run) => run.busy));
  /** How much more one does than the other. Where not both have done what they can, CPU time tells it, which does not depend on who asks. */
  const ratio = (other) => {
    if (other === undefined) return undefined;
    const full = [one, other].every((either) => !(busy(either) < BUSY));
    const found = against(other, (run, than) => (full ? run.rate / than.rate : than.cpu / run.cpu));
    return found && { ...found, by: full ? "rate" : "cpu" };
  };
  const inverse = (figure) => figure && { median: 1 / figure.median, low: 1 / figure.high, high: 1 / figure.low, by: figure.by };
  return {
    id, family, title, ours, ...(lacks === undefined ? {} : { lacks }), ...(error === undefined ? {} : { error }),
    rate: of("rate"),
    share: ratio(bare),
    ...(ours || one === bare ? {} : { slower: inverse(ratio(edgelatch)) }),
    cpu: of("cpu"),
    added: against(bare, (run, other) => run.cpu - other.cpu),
    busy: of("busy"),
    resident,
    fixed,
    p50: spread(latencies.map(({ p50 }) => p50)),
    p99: spread(latencies.map(({ p99 }) => p99)),
  };
}
