/** How often who accepted: a parser that refuses everything would never be found wrong. */

export class Tally {
  streams = 0;
  /** Valid by construction: all of them must be taken. */
  valid = 0;
  /** The others read the whole stream without a complaint. */
  theirs = 0;
  /** Of these, we did too. */
  both = 0;
  /** Why we did not: reason → how often. */
  readonly refused = new Map<string, number>();
  /** Messages that were compared. */
  compared = 0;

  add(theirs: boolean, ours: boolean, why: string): void {
    if (!theirs) return;
    this.theirs++;
    if (ours) this.both++;
    else this.refused.set(why, (this.refused.get(why) ?? 0) + 1);
  }

  toString(): string {
    const share = this.theirs === 0 ? 100 : (100 * this.both) / this.theirs;
    const reasons = [...this.refused].sort(([, a], [, b]) => b - a).map(([why, count]) => `${why} ${count}`);
    return (
      `${this.streams} streams, ${this.valid} valid by construction, ${this.compared} messages compared; ` +
      `of ${this.theirs} that the others accept we accept ${share.toFixed(1)} %; refused: ${reasons.join(', ') || 'none'}`
    );
  }
}
