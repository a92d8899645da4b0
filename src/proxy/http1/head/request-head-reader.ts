/** Request heads that come in pieces. */
import { parseRequestHead, type RequestHead, type RequestHeadLimits } from './request-head.ts';

/** Reads heads that may come in pieces. */
export class RequestHeadReader {
  readonly #head: RequestHead;
  /** How much of an incomplete head was looked at. */
  #scanned = 0;

  constructor(head: RequestHead) {
    this.#head = head;
  }

  begin(): void {
    this.#scanned = 0;
  }

  /** As `parseRequestHead`, of all bytes of a head so far. One that drips in is parsed again only when complete, or doubled. */
  read(input: Buffer, limits: RequestHeadLimits): number {
    const scanned = this.#scanned;
    const { length } = input;
    if (scanned > 0 && length < 2 * scanned && length < limits.maxRequestHeadSize && !endsIn(input, scanned)) return 0;
    this.#scanned = length;
    return parseRequestHead(input, 0, input.length, this.#head, limits);
  }
}

/** Whether an empty line ends in what came after the first `scanned` bytes. */
function endsIn(input: Buffer, scanned: number): boolean {
  return input.includes('\r\n\r\n', Math.max(0, scanned - 3));
}
