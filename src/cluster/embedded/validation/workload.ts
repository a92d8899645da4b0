/** Validation of Deployment, ReplicaSet and Pod, as far as their users can get it wrong in a way that matters here (k8s.io/kubernetes/pkg/apis/apps/validation). */
import { arrayAt, equalJson, isObject, objectAt, stringAt, valueAt } from '../api/json.ts';
import type { Cause } from '../api/status-error.ts';
import type { StoredObject } from '../api/storage.ts';
import { duplicate, invalidValue, notSupported, required } from './causes.ts';
import { isPort, labelFault, portNameFaults, PORT_RANGE } from './names.ts';
import { validateLabels } from './metadata.ts';

export function validateDeployment(deployment: StoredObject): Cause[] {
  const causes = validateWorkload(deployment, 'deployment');
  const strategy = stringAt(deployment, 'spec', 'strategy', 'type') ?? '';
  if (strategy !== 'RollingUpdate' && strategy !== 'Recreate') {
    causes.push(notSupported('spec.strategy.type', strategy, ['Recreate', 'RollingUpdate']));
  }
  if (strategy === 'Recreate' && valueAt(deployment, 'spec', 'strategy', 'rollingUpdate') !== undefined) {
    const message = "Forbidden: may not be specified when strategy `type` is 'Recreate'";
    causes.push({ reason: 'FieldValueForbidden', field: 'spec.strategy.rollingUpdate', message });
  }
  return causes;
}

/** What Deployments and ReplicaSets have in common: replicas, a selector, and a template it selects. */
export function validateWorkload(workload: StoredObject, kind: string): Cause[] {
  const spec = objectAt(workload, 'spec') ?? {};
  const causes: Cause[] = [];
  const replicas = spec['replicas'];
  if (typeof replicas === 'number' && replicas < 0) {
    causes.push(invalidValue('spec.replicas', replicas, 'must be greater than or equal to 0'));
  }
  const selector = objectAt(spec, 'selector');
  const matchLabels = objectAt(selector, 'matchLabels') ?? {};
  if (selector === undefined) causes.push(required('spec.selector'));
  else if (Object.keys(matchLabels).length + arrayAt(selector, 'matchExpressions').length === 0) {
    causes.push(invalidValue('spec.selector', selector, `empty selector is invalid for ${kind}`));
  }
  causes.push(...validateLabels('spec.selector.matchLabels', matchLabels));
  const labels = objectAt(spec, 'template', 'metadata', 'labels') ?? {};
  causes.push(...validateLabels('spec.template.metadata.labels', labels));
  if (Object.entries(matchLabels).some(([key, value]) => !Object.hasOwn(labels, key) || labels[key] !== value)) {
    causes.push(invalidValue('spec.template.metadata.labels', labels, '`selector` does not match template `labels`'));
  }
  return [...causes, ...validatePodSpec(objectAt(spec, 'template', 'spec'), 'spec.template.spec')];
}

export function validateSelectorUpdate(workload: StoredObject, old: StoredObject): Cause[] {
  const selector = valueAt(workload, 'spec', 'selector');
  return equalJson(selector, valueAt(old, 'spec', 'selector'))
    ? []
    : [invalidValue('spec.selector', selector ?? null, 'field is immutable')];
}

export function validatePod(pod: StoredObject): Cause[] {
  return validatePodSpec(objectAt(pod, 'spec'), 'spec');
}

function validatePodSpec(spec: Record<string, unknown> | undefined, path: string): Cause[] {
  const containers = arrayAt(spec, 'containers').filter(isObject);
  if (containers.length === 0) return [required(`${path}.containers`)];
  const names = new Set<string>();
  return containers.flatMap((container, index) => {
    const at = `${path}.containers[${index}]`;
    const causes: Cause[] = [];
    const name = stringAt(container, 'name') ?? '';
    const fault = labelFault(name);
    if (name === '') causes.push(required(`${at}.name`));
    else if (fault !== undefined) causes.push(invalidValue(`${at}.name`, name, fault));
    if (name !== '' && names.has(name)) causes.push(duplicate(`${at}.name`, name));
    names.add(name);
    if ((stringAt(container, 'image') ?? '') === '') causes.push(required(`${at}.image`));
    for (const [portIndex, port] of arrayAt(container, 'ports').entries()) {
      const number = valueAt(port, 'containerPort') ?? 0;
      if (number === 0) causes.push(required(`${at}.ports[${portIndex}].containerPort`));
      else if (typeof number !== 'number' || !isPort(number)) {
        causes.push(invalidValue(`${at}.ports[${portIndex}].containerPort`, number, PORT_RANGE));
      }
      const portName = stringAt(port, 'name');
      if (portName === undefined || portName === '') continue;
      for (const portFault of portNameFaults(portName))
        causes.push(invalidValue(`${at}.ports[${portIndex}].name`, portName, portFault));
    }
    return causes;
  });
}
