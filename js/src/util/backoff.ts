/** Doublings after which a pause grows no more: far beyond any that is configured, and still a finite number. */
const MAX_DOUBLINGS = 30;

/**
 * The pause after so many failures: doubling from `first` to `longest`, and drawn from its upper half, so that edges that failed
 * together do not return together.
 *
 * @param failures from 1
 * @param random from 0 to below 1
 */
export function backoff(failures: number, first: number, longest: number, random: number): number {
  return Math.min(longest, first * 2 ** Math.min(failures - 1, MAX_DOUBLINGS)) * (0.5 + 0.5 * random);
}

/**
 * The same, drawn from all of it: for attempts that many edges begin at the same moment, as when a server ends all its streams.
 */
export function fullJitter(failures: number, first: number, longest: number, random: number): number {
  return Math.min(longest, first * 2 ** Math.min(failures - 1, MAX_DOUBLINGS)) * random;
}
