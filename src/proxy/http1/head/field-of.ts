/** Looks a field up in a head that was parsed. For the few that policies ask for: the parser keeps those that every request needs. */
import { COLON } from './chars.ts';
import { trimOws } from './hop-by-hop.ts';

/**
 * The value of a field by its name in lower case; several of one name are joined by ", ", and those of Cookie by "; "
 * (RFC 9110 §5.3, RFC 9113 §8.2.3). Empty: there is none. `from`: before the end of the first line.
 */
export function fieldOf(text: string, from: number, lowerName: string): string {
  const { length } = lowerName;
  let value: string | null = null;
  let end = text.indexOf('\r\n', from);
  while (end >= 0) {
    const at = end + 2;
    end = text.indexOf('\r\n', at);
    if (end <= at) break;
    if (text.charCodeAt(at + length) !== COLON || text.slice(at, at + length).toLowerCase() !== lowerName) continue;
    const one = trimOws(text.slice(at + length + 1, end));
    value = value === null ? one : `${value}${lowerName === 'cookie' ? '; ' : ', '}${one}`;
  }
  return value ?? '';
}
