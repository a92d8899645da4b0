/** The bytes of a scenario's requests, which every load generator sends as they are. */
import { routeHosts, type Scenario } from '../scenarios.ts';

const CHUNK = 512;

function chunkedBody(length: number): string {
  const sizes = Array.from({ length: Math.ceil(length / CHUNK) }, (_, n) => Math.min(CHUNK, length - n * CHUNK));
  return `${sizes.map((size) => `${size.toString(16)}\r\n${'b'.repeat(size)}\r\n`).join('')}0\r\n\r\n`;
}

/** One request to a host and path, in latin1. */
export function requestText(scenario: Scenario, host = scenario.host, path = scenario.path): string {
  const { method, headers, bodyLength, chunked } = scenario;
  const framing: readonly (readonly [string, string])[] = chunked
    ? [['Transfer-Encoding', 'chunked']]
    : bodyLength > 0
      ? [['Content-Length', String(bodyLength)]]
      : [];
  const fields = [['Host', host] as const, ...headers, ...framing].map(([name, value]) => `${name}: ${value}\r\n`);
  const body = chunked ? chunkedBody(bodyLength) : 'b'.repeat(bodyLength);
  return `${method} ${path} HTTP/1.1\r\n${fields.join('')}\r\n${body}`;
}

/** All the requests of a scenario: one, or one for each of its routes. */
export function requestTexts(scenario: Scenario): readonly string[] {
  if (scenario.routes === 0) return [requestText(scenario)];
  return routeHosts(scenario.routes).flatMap(({ host, prefixes }) =>
    prefixes.map((prefix) => requestText(scenario, host, `${prefix}item`)),
  );
}
