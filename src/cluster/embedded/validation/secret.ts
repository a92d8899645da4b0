/** Validation of Secret and ConfigMap (k8s.io/kubernetes/pkg/apis/core/validation, v1.35). Of a TLS Secret only the presence of its keys is checked. */
import { equalJson, isObject, objectAt, stringAt } from '../api/json.ts';
import type { Cause } from '../api/status-error.ts';
import type { StoredObject } from '../api/storage.ts';
import { forbiddenField, invalidValue, required, tooLong } from './causes.ts';
import { configKeyFault } from './names.ts';

/** Bytes, of all values together. */
const MAX_SIZE = 1024 * 1024;

function keyCauses(object: StoredObject, field: string): Cause[] {
  return Object.keys(objectAt(object, field) ?? {}).flatMap((key) => {
    const fault = configKeyFault(key);
    return fault === undefined ? [] : [invalidValue(`${field}[${key}]`, key, fault)];
  });
}

function size(object: StoredObject, field: string, encoding: 'base64' | 'utf8'): number {
  let total = 0;
  for (const value of Object.values(objectAt(object, field) ?? {})) {
    if (typeof value === 'string') total += Buffer.byteLength(value, encoding);
  }
  return total;
}

/** Of these types all the keys, or of the last one of them, must be there. */
const REQUIRED_KEYS: ReadonlyMap<string, readonly string[]> = new Map([
  ['kubernetes.io/tls', ['tls.crt', 'tls.key']],
  ['kubernetes.io/dockercfg', ['.dockercfg']],
  ['kubernetes.io/dockerconfigjson', ['.dockerconfigjson']],
  ['kubernetes.io/ssh-auth', ['ssh-privatekey']],
]);

export function validateSecret(secret: StoredObject): Cause[] {
  const causes = keyCauses(secret, 'data');
  if (size(secret, 'data', 'base64') > MAX_SIZE) causes.push(tooLong('data', MAX_SIZE));
  const type = stringAt(secret, 'type') ?? '';
  const data = objectAt(secret, 'data') ?? {};
  const missing = (key: string): boolean => !Object.hasOwn(data, key);
  for (const key of REQUIRED_KEYS.get(type) ?? []) if (missing(key)) causes.push(required(`data[${key}]`));
  if (type === 'kubernetes.io/basic-auth' && missing('username') && missing('password')) {
    causes.push(required('data[username]'), required('data[password]'));
  }
  const account = 'kubernetes.io/service-account.name';
  if (type === 'kubernetes.io/service-account-token' && (secret.metadata.annotations?.[account] ?? '') === '') {
    causes.push(required(`metadata.annotations[${account}]`));
  }
  for (const key of ['.dockercfg', '.dockerconfigjson']) {
    if (type === `kubernetes.io/${key.slice(1)}` && !missing(key) && !isJsonObject(data[key])) {
      causes.push(invalidValue(`data[${key}]`, '<secret contents redacted>', 'it is not a JSON object'));
    }
  }
  return causes;
}

function isJsonObject(base64: unknown): boolean {
  try {
    return typeof base64 === 'string' && isObject(JSON.parse(Buffer.from(base64, 'base64').toString('utf8')));
  } catch {
    return false;
  }
}

/** Immutable objects, and the type of Secrets, do not change. */
export function validateSecretUpdate(secret: StoredObject, old: StoredObject): Cause[] {
  const causes = validateConfigMapUpdate(secret, old);
  if (!equalJson(secret['type'], old['type'])) causes.unshift(invalidValue('type', secret['type'] ?? '', 'field is immutable'));
  return causes;
}

export function validateConfigMap(map: StoredObject): Cause[] {
  const causes = [...keyCauses(map, 'data'), ...keyCauses(map, 'binaryData')];
  const binary = objectAt(map, 'binaryData') ?? {};
  for (const key of Object.keys(objectAt(map, 'data') ?? {})) {
    if (Object.hasOwn(binary, key)) causes.push(invalidValue(`data[${key}]`, key, 'duplicate of key present in binaryData'));
  }
  if (size(map, 'data', 'utf8') + size(map, 'binaryData', 'base64') > MAX_SIZE) causes.push(tooLong('', MAX_SIZE));
  return causes;
}

export function validateConfigMapUpdate(map: StoredObject, old: StoredObject): Cause[] {
  if (old['immutable'] !== true) return [];
  const detail = 'field is immutable when `immutable` is set';
  const causes: Cause[] = [];
  if (map['immutable'] !== true) causes.push(forbiddenField('immutable', detail));
  for (const key of ['data', 'binaryData']) if (!equalJson(map[key], old[key])) causes.push(forbiddenField(key, detail));
  return causes;
}
