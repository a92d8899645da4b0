/** What of the source the streams have reached, in this process, by V8's count of blocks. */
import { readFileSync } from 'node:fs';
import { Session, type Profiler } from 'node:inspector';
import { fileURLToPath } from 'node:url';

/** The files whose coverage is told. */
const WATCHED = /\/src\/proxy\/(?:http1\/[\w-]+|upstream\/response-reader|exchange|host|path)\.ts$/;

export class Coverage {
  readonly #session = new Session();

  /** Must be made before what it counts is compiled by the optimiser: at the start of the process. */
  constructor() {
    this.#session.connect();
    this.#post('Profiler.enable', {});
    this.#post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  }

  /** Per file: the share of its characters in blocks that ran, and the lines of those that did not. */
  report(): string {
    const { result } = this.#post('Profiler.takePreciseCoverage', {});
    const rows = result
      .filter(({ url }) => WATCHED.test(url))
      .map(({ url, functions }) => {
        const source = readFileSync(fileURLToPath(url), 'utf8');
        const unreached = missing(source, functions);
        const characters = unreached.reduce((sum, [start, end]) => sum + end - start, 0);
        const lines = unreached.map(([start]) => source.slice(0, start).split('\n').length);
        const share = ((100 * (source.length - characters)) / source.length).toFixed(1);
        return `${url.replace(/^.*\/src\//, 'src/').padEnd(42)} ${share.padStart(6)} %  ${[...new Set(lines)].join(' ')}`;
      });
    return ['file, share reached, lines where what was not reached begins', ...rows.toSorted()].join('\n');
  }

  #post(method: 'Profiler.takePreciseCoverage', parameters: object): Profiler.TakePreciseCoverageReturnType;
  #post(method: string, parameters: object): unknown;
  #post(method: string, parameters: object): unknown {
    let answer: unknown;
    // Within one thread the inspector answers at once.
    this.#session.post(method, parameters, (error, result) => {
      if (error !== null) throw error;
      answer = result;
    });
    return answer;
  }
}

/** The parts of the source that did not run: inner blocks override outer ones. */
function missing(source: string, functions: readonly Profiler.FunctionCoverage[]): [start: number, end: number][] {
  const reached = new Uint8Array(source.length).fill(1);
  const ranges = functions.flatMap(({ ranges: own }) => own);
  // Outer before inner.
  ranges.sort((a, b) => a.startOffset - b.startOffset || b.endOffset - a.endOffset);
  for (const { startOffset, endOffset, count } of ranges) reached.fill(count > 0 ? 1 : 0, startOffset, endOffset);
  const parts: [number, number][] = [];
  for (let at = reached.indexOf(0); at >= 0;) {
    const end = reached.indexOf(1, at);
    const stop = end < 0 ? source.length : end;
    if (/\w/.test(source.slice(at, stop))) parts.push([at, stop]);
    at = end < 0 ? -1 : reached.indexOf(0, end);
  }
  return parts;
}
