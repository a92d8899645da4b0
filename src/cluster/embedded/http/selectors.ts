/** Label and field selectors of lists and watches (https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors). */
import { labelValueFault, qualifiedNameFault } from '../validation/names.ts';
import type { ResourceType } from '../resources/resources.ts';
import { valueAt } from '../api/json.ts';
import { badRequest } from '../api/status-error.ts';
import type { StoredObject } from '../api/storage.ts';

export type Selector = (object: StoredObject) => boolean;

type LabelTest = (labels: Readonly<Record<string, string>>) => boolean;

const has = (labels: Readonly<Record<string, string>>, key: string): boolean => Object.hasOwn(labels, key);

const SET_BASED = /^([^\s,!=()]+)\s+(in|notin)\s*\(([^()]*)\)$/;
const EQUALITY = /^([^\s,!=()<>]+)\s*(==|=|!=)\s*([^\s,!=()]*)$/;
const ORDER = /^([^\s,!=()<>]+)\s*([<>])\s*(-?\d+)$/;
const PRESENCE = /^(!?)\s*([^\s,!=()<>]+)$/;

function labelTest(requirement: string): LabelTest {
  const set = SET_BASED.exec(requirement);
  if (set !== null) {
    const [, key = '', operator, list = ''] = set;
    const values = new Set(list.split(',').map((value) => checkedValue(value.trim())));
    checkKey(key);
    return operator === 'in'
      ? (labels) => has(labels, key) && values.has(labels[key] ?? '')
      : (labels) => !has(labels, key) || !values.has(labels[key] ?? '');
  }
  const equality = EQUALITY.exec(requirement);
  if (equality !== null) {
    const [, key = '', operator, value = ''] = equality;
    checkKey(key);
    checkedValue(value);
    return operator === '!='
      ? (labels) => !has(labels, key) || labels[key] !== value
      : (labels) => has(labels, key) && labels[key] === value;
  }
  const order = ORDER.exec(requirement);
  if (order !== null) {
    const [, key = '', operator, bound = ''] = order;
    checkKey(key);
    return (labels) => {
      if (!has(labels, key) || !/^-?\d+$/.test(labels[key] ?? '')) return false;
      return operator === '>' ? Number(labels[key]) > Number(bound) : Number(labels[key]) < Number(bound);
    };
  }
  const presence = PRESENCE.exec(requirement);
  if (presence === null) throw badRequest(`unable to parse requirement: ${JSON.stringify(requirement)}`);
  const [, not, key = ''] = presence;
  checkKey(key);
  return not === '!' ? (labels) => !has(labels, key) : (labels) => has(labels, key);
}

function checkKey(key: string): void {
  const fault = qualifiedNameFault(key);
  if (fault !== undefined)
    throw badRequest(`unable to parse requirement: key: Invalid value: ${JSON.stringify(key)}: ${fault}`);
}

function checkedValue(value: string): string {
  const fault = labelValueFault(value);
  if (fault !== undefined) {
    throw badRequest(`unable to parse requirement: values[0][]: Invalid value: ${JSON.stringify(value)}: ${fault}`);
  }
  return value;
}

/** Splits at commas outside of parentheses. */
function splitRequirements(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let index = 0; index < text.length; index++) {
    const letter = text[index];
    if (letter === '(') depth++;
    else if (letter === ')') depth--;
    else if (letter === ',' && depth === 0) {
      parts.push(text.slice(start, index));
      start = index + 1;
    }
  }
  parts.push(text.slice(start));
  return parts.map((part) => part.trim()).filter((part) => part !== '');
}

/** Throws 400 for a selector that cannot be read. */
function labelSelector(text: string): Selector {
  const tests = splitRequirements(text).map(labelTest);
  return (object) => {
    const labels = object.metadata.labels ?? {};
    return tests.every((test) => test(labels));
  };
}

/** Splits `a=b`, honouring the backslash escapes of field selectors. */
const FIELD_TERM = /^([^=!]+?)(==|!=|=)(.*)$/s;

/** What a field that is left out counts as, and where a field is that has another name. */
const FIELD_DEFAULTS = new Map([
  ['spec.unschedulable', 'false'],
  ['spec.hostNetwork', 'false'],
]);
const FIELD_PATHS = new Map([['source', 'source.component']]);

function fieldValue(object: StoredObject, field: string): string {
  const found = valueAt(object, ...(FIELD_PATHS.get(field) ?? field).split('.')) ?? FIELD_DEFAULTS.get(field);
  if (typeof found === 'string') return found;
  return typeof found === 'number' || typeof found === 'boolean' ? String(found) : '';
}

/** Throws 400 for a field that the resource cannot be selected by. */
function fieldSelector(type: ResourceType, text: string): Selector {
  const allowed = new Set(['metadata.name', ...(type.namespaced ? ['metadata.namespace'] : []), ...type.selectableFields]);
  const tests: Selector[] = [];
  for (const part of text.split(/(?<!\\),/).filter((term) => term !== '')) {
    const term = FIELD_TERM.exec(part);
    if (term === null) throw badRequest(`invalid selector: ${JSON.stringify(text)}; can't understand ${JSON.stringify(part)}`);
    const [, field = '', operator, escaped = ''] = term;
    if (!allowed.has(field)) throw badRequest(`field label not supported: ${field}`);
    const value = escaped.replaceAll(/\\(.)/gs, '$1');
    tests.push((object) => (fieldValue(object, field) === value) === (operator !== '!='));
  }
  return (object) => tests.every((test) => test(object));
}

/** Both selectors of a request as one; undefined when it has none. */
export function selectorOf(type: ResourceType, query: URLSearchParams): Selector | undefined {
  const labels = query.get('labelSelector') ?? '';
  const fields = query.get('fieldSelector') ?? '';
  if (labels === '' && fields === '') return undefined;
  const byLabel = labelSelector(labels);
  const byField = fieldSelector(type, fields);
  return (object) => byLabel(object) && byField(object);
}
