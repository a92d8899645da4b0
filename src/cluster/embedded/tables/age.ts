/** Ages as kubectl prints them (k8s.io/apimachinery/pkg/util/duration, HumanDuration). */
import { stringAt } from '../api/json.ts';
import type { Column } from '../resources/columns.ts';

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const YEAR = 365 * DAY;

function pair(first: number, firstUnit: string, second: number, secondUnit: string): string {
  return second === 0 ? `${first}${firstUnit}` : `${first}${firstUnit}${second}${secondUnit}`;
}

/** A span of whole seconds in at most two units. */
function humanDuration(seconds: number): string {
  if (seconds < -1) return '<invalid>';
  if (seconds < 0) return '0s';
  const whole = Math.floor(seconds);
  if (whole < 2 * MINUTE) return `${whole}s`;
  if (whole < 10 * MINUTE) return pair(Math.floor(whole / MINUTE), 'm', whole % MINUTE, 's');
  if (whole < 3 * HOUR) return `${Math.floor(whole / MINUTE)}m`;
  if (whole < 8 * HOUR) return pair(Math.floor(whole / HOUR), 'h', Math.floor(whole / MINUTE) % 60, 'm');
  if (whole < 2 * DAY) return `${Math.floor(whole / HOUR)}h`;
  if (whole < 8 * DAY) return pair(Math.floor(whole / DAY), 'd', Math.floor(whole / HOUR) % 24, 'h');
  if (whole < 2 * YEAR) return `${Math.floor(whole / DAY)}d`;
  if (whole < 8 * YEAR) return pair(Math.floor(whole / YEAR), 'y', Math.floor(whole / DAY) % 365, 'd');
  return `${Math.floor(whole / YEAR)}y`;
}

/** The time since a timestamp (RFC 3339); `now` in milliseconds since the epoch. */
export function age(since: string | undefined, now: number): string {
  const time = since === undefined ? Number.NaN : Date.parse(since);
  return Number.isNaN(time) ? '<unknown>' : humanDuration((now - time) / 1000);
}

/** How old the object is; on most tables the last column that is not only for `-o wide`. */
export const AGE: Column = {
  name: 'Age',
  type: 'string',
  description: 'CreationTimestamp is a timestamp representing the server time when this object was created.',
  value: (object, now) => age(stringAt(object, 'metadata', 'creationTimestamp'), now),
};
