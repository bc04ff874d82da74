// Medians and how far figures scatter around them.

/** `{ median, low, high }`: half of the figures lie between `low` and `high`; `undefined` for none. */
export function spread(figures) {
  const sorted = figures.filter(Number.isFinite).sort((a, b) => a - b);
  if (sorted.length === 0) return undefined;
  const at = (part) => {
    const place = part * (sorted.length - 1);
    const [left, right] = [sorted[Math.floor(place)], sorted[Math.ceil(place)]];
    return left + (right - left) * (place % 1);
  };
  return { median: at(0.5), low: at(0.25), high: at(0.75) };
}

export const median = (figures) => spread(figures)?.median;
