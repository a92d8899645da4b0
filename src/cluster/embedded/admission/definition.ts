/** CustomResourceDefinitions on their way in: accepted names, and the condition that `kubectl wait` looks for. */
import { arrayAt, isObject, objectAt, stringAt } from '../api/json.ts';
import type { Cause } from '../api/status-error.ts';
import type { StoredObject } from '../api/storage.ts';
import { invalidValue, notSupported, required } from '../validation/causes.ts';
import type { Strategy } from './strategy.ts';

function setDefaults(definition: StoredObject): void {
  const names = objectAt(definition, 'spec', 'names');
  const kind = stringAt(names, 'kind');
  if (names === undefined || kind === undefined) return;
  names['singular'] ??= kind.toLowerCase();
  names['listKind'] ??= `${kind}List`;
  const spec = objectAt(definition, 'spec');
  if (spec !== undefined) spec['conversion'] ??= { strategy: 'None' };
}

function prepareCreate(definition: StoredObject, now: string): void {
  setDefaults(definition);
  const stored = arrayAt(definition, 'spec', 'versions').find((version) => isObject(version) && version['storage'] === true);
  definition['status'] = {
    acceptedNames: objectAt(definition, 'spec', 'names') ?? {},
    conditions: [
      { type: 'NamesAccepted', status: 'True', reason: 'NoConflicts', message: 'no conflicts found', lastTransitionTime: now },
      {
        type: 'Established',
        status: 'True',
        reason: 'InitialNamesAccepted',
        message: 'the initial names have been accepted',
        lastTransitionTime: now,
      },
    ],
    storedVersions: [stringAt(stored, 'name') ?? ''],
  };
}

function validate(definition: StoredObject): Cause[] {
  const causes: Cause[] = [];
  const spec = objectAt(definition, 'spec');
  const group = stringAt(spec, 'group') ?? '';
  const plural = stringAt(spec, 'names', 'plural') ?? '';
  if (group === '') causes.push(required('spec.group'));
  if (plural === '') causes.push(required('spec.names.plural'));
  if ((stringAt(spec, 'names', 'kind') ?? '') === '') causes.push(required('spec.names.kind'));
  const scope = stringAt(spec, 'scope') ?? '';
  if (scope === '') causes.push(required('spec.scope'));
  else if (scope !== 'Namespaced' && scope !== 'Cluster')
    causes.push(notSupported('spec.scope', scope, ['Cluster', 'Namespaced']));
  const name = definition.metadata.name;
  if (plural !== '' && group !== '' && name !== `${plural}.${group}`) {
    causes.push(invalidValue('metadata.name', name, 'must be spec.names.plural+"."+spec.group'));
  }
  const versions = arrayAt(spec, 'versions').filter(isObject);
  const stored = versions.filter((version) => version['storage'] === true);
  if (stored.length !== 1)
    causes.push(invalidValue('spec.versions', versions.length, 'must have exactly one version marked as storage version'));
  for (const [index, version] of versions.entries()) {
    if ((stringAt(version, 'name') ?? '') === '') causes.push(required(`spec.versions[${index}].name`));
    if (objectAt(version, 'schema', 'openAPIV3Schema') === undefined) {
      causes.push(required(`spec.versions[${index}].schema.openAPIV3Schema`, 'schemas are required'));
    }
  }
  return causes;
}

export const definitionStrategy: Strategy = { setDefaults, prepareCreate, validate };
