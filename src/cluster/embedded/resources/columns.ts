/** Columns of the tables that `kubectl get` prints. */
import type { JsonObject } from '../api/json.ts';

/** One column; priority above 0 is shown with `-o wide` only. */
export interface Column {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'number' | 'boolean' | 'date';
  readonly format?: string;
  readonly description?: string;
  readonly priority?: number;
  /** `now` in milliseconds since the epoch, for ages. */
  readonly value: (object: JsonObject, now: number) => unknown;
}
