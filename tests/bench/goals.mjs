// What the figures should be.
export const GOALS = {
  /** Of the requests that Node's `http` answers without a check, with `middleware` in front of a tiny handler; at least. */
  share: 0.88,
  /** Times as many requests as with a check written by hand; at least. */
  faster: 1.2,
  /** Microseconds from a request to verdict and identity, by number of keys; at most, up to so many header lines. */
  identity: { 1000: 1.2, 1000000: 1.8 },
  lines: 15,
  /** Microseconds that usage reports add to a request; at most. */
  usage: 0.5,
  /** Bytes of the core's memory that requests and updates leave behind; at most. */
  growth: 0,
};
