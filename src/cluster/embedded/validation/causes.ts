/** Builders of validation causes, worded as k8s.io/apimachinery/pkg/util/validation/field words them. */
import type { Cause } from '../api/status-error.ts';

/** How Go prints a value in these messages: strings quoted, anything else as JSON. */
function shown(value: unknown): string {
  return JSON.stringify(value) ?? 'null';
}

export function invalidValue(field: string, value: unknown, detail: string): Cause {
  return { reason: 'FieldValueInvalid', field, message: `Invalid value: ${shown(value)}: ${detail}` };
}

export function required(field: string, detail = ''): Cause {
  return { reason: 'FieldValueRequired', field, message: detail === '' ? 'Required value' : `Required value: ${detail}` };
}

export function duplicate(field: string, value: unknown): Cause {
  return { reason: 'FieldValueDuplicate', field, message: `Duplicate value: ${shown(value)}` };
}

export function notSupported(field: string, value: unknown, supported: readonly string[]): Cause {
  const list = [...supported].sort().map((item) => shown(item));
  return {
    reason: 'FieldValueNotSupported',
    field,
    message: `Unsupported value: ${shown(value)}: supported values: ${list.join(', ')}`,
  };
}

export function forbiddenField(field: string, detail: string): Cause {
  return { reason: 'FieldValueForbidden', field, message: `Forbidden: ${detail}` };
}

export function tooLong(field: string, limit: number): Cause {
  return { reason: 'FieldValueTooLong', field, message: `Too long: may not be more than ${limit} bytes` };
}

export function tooMany(field: string, actual: number, limit: number): Cause {
  return { reason: 'FieldValueTooMany', field, message: `Too many: ${actual}: must have at most ${limit} items` };
}
