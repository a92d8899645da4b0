/** The middle value; of an even count the mean of the two in the middle. NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const [low, high] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  return low === undefined || high === undefined ? Number.NaN : (low + high) / 2;
}

/**
 * The median over the rounds of one value by another of the same round, so that a slow round does not count against one
 * proxy only; null when they have no round in common.
 */
export function medianRatio<T extends { readonly round: number }>(
  ours: readonly T[],
  theirs: readonly T[],
  value: (sample: T) => number,
): number | null {
  const byRound = new Map(theirs.map((sample) => [sample.round, sample]));
  const ratios = ours.flatMap((sample) => {
    const other = byRound.get(sample.round);
    return other === undefined ? [] : [value(sample) / value(other)];
  });
  return ratios.length === 0 ? null : median(ratios);
}
