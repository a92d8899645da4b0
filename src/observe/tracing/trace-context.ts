/** The headers of a trace: `traceparent` and `tracestate` (W3C Trace Context, https://www.w3.org/TR/trace-context/). */

/** Where in which trace a request is. */
export interface TraceContext {
  /** 32 and 16 digits, hexadecimal, in lower case; neither is all zeros. */
  readonly traceId: string;
  readonly spanId: string;
  /** Whoever began the trace records it. */
  readonly sampled: boolean;
}

const TRACEPARENT = /^([\da-f]{2})-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})(-.*)?$/;
const ZEROS = /^0+$/;

/** Reads `traceparent`; null: it is none that counts (§3.2). A later version may say more behind what version 00 says (§3.2.4). */
export function readTraceparent(value: string): TraceContext | null {
  const parts = TRACEPARENT.exec(value);
  if (parts === null) return null;
  const [, version, traceId = '', spanId = '', flags = '', more] = parts;
  if (version === 'ff' || (version === '00' && more !== undefined) || ZEROS.test(traceId) || ZEROS.test(spanId)) return null;
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

/** Writes it, in version 00. */
export function traceparent({ traceId, spanId, sampled }: TraceContext): string {
  return `00-${traceId}-${spanId}-${sampled ? '01' : '00'}`;
}
