/** Takes a head, or lines of one, as text: where it is to be looked at again before it is sent. */
import type { Sink } from './outbox.ts';

export class TextSink implements Sink {
  value = '';

  copy(bytes: Buffer, start: number, end: number): void {
    this.value += bytes.toString('latin1', start, end);
  }

  text(text: string): void {
    this.value += text;
  }
}
