/** Collects what is sent to it, as Latin-1. */
import type { Sink } from '../../src/proxy/outbox.ts';

export class TextSink implements Sink {
  value = '';

  text(text: string): void {
    this.value += text;
  }

  copy(bytes: Buffer, start: number, end: number): void {
    this.value += bytes.toString('latin1', start, end);
  }
}

/** What `send` sends. */
export function sentBy(send: (sink: Sink) => void): string {
  const sink = new TextSink();
  send(sink);
  return sink.value;
}
