/** What is sent, as Latin-1. */
import type { Sink } from '../../src/proxy/outbox.ts';
import { TextSink } from '../../src/proxy/text-sink.ts';

/** What `send` sends. */
export function sentBy(send: (sink: Sink) => void): string {
  const sink = new TextSink();
  send(sink);
  return sink.value;
}
