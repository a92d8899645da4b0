/** The fields of an answer, taken apart: for what policies say of them. */
import type { ResponseChanges } from '../../policies/changes.ts';
import type { ResponseHead } from '../http1/head/response-head.ts';

/** Name in lower case → value; several of one name are joined by ", ", as nginx has them in `$upstream_http_…`. */
export function fieldsOf(head: ResponseHead): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  for (const line of head.text.split('\r\n').slice(1)) {
    const colon = line.indexOf(':');
    if (colon < 0) continue;
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    const before = fields.get(name);
    fields.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  return fields;
}

/** Lines with CRLF without those that are removed. */
export function withoutFields(lines: string, response: ResponseChanges): string {
  if (lines === '' || response.removed.length + response.removedBeginnings.length === 0) return lines;
  return lines
    .split(/(?<=\r\n)/)
    .filter((line) => line === '' || !response.removes(line.slice(0, line.indexOf(':')).toLowerCase()))
    .join('');
}
