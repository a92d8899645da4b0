/** The users of a Secret on their way to the workers: once for all routes, seen by nobody, and new when the Secret is. */
import { createSecretKey } from 'node:crypto';
import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { equalData } from '../../../src/model/diff.ts';
import type { Secret } from '../../../src/model/objects.ts';
import type { VirtualHost } from '../../../src/model/table.ts';
import { parseUsers, usersOf } from '../../../src/policies/access/users.ts';
import { Translator } from '../../../src/translate/incremental.ts';
import { FALLBACK_CERTIFICATE, ObjectStore, TRANSLATE_DEFAULTS } from '../../support/cluster-view.ts';
import { ingress, secret, service } from '../../support/ingress.ts';

const ON = { 'auth-type': 'basic', 'auth-secret': 'users' };
const CLASS = { kind: 'IngressClass', metadata: { name: 'nginx' }, spec: { controller: 'k8s.io/ingress-nginx' } };

function usersIn(host: VirtualHost | undefined): string[] {
  return (host?.routes ?? []).flatMap(({ policies: { passwordAuth } }) =>
    passwordAuth === undefined ? ['none'] : parseUsers(passwordAuth.users).map(({ name, rest }) => `${name}:${rest}`),
  );
}

describe('a Secret that changes', () => {
  const before = secret('users', { auth: 'joe:{PLAIN}a' }) as Secret;
  const after = secret('users', { auth: 'joe:{PLAIN}b' }) as Secret;
  const store = new ObjectStore([CLASS, ingress(ON, { paths: ['/'] }), ...service('app', [1]), before]);
  const translator = new Translator(TRANSLATE_DEFAULTS, FALLBACK_CERTIFICATE);
  const denied = (): boolean =>
    translator.table.hosts.get('app.example')!.routes.every(({ target }) => target.kind === 'answer' && target.denied === true);

  it('changes its routes, and nothing when its users stay the same', () => {
    translator.load(store.view(), 0);
    expect(usersIn(translator.table.hosts.get('app.example'))).toEqual(['joe:{PLAIN}a']);
    store.put(after);
    const changed = translator.apply([{ kind: 'Secret', before, after }], store.view(), 0);
    expect(changed.delta.hosts.flatMap(usersIn)).toEqual(['joe:{PLAIN}b']);
    const again = secret('users', { auth: 'joe:{PLAIN}b' }) as Secret;
    store.put(again);
    expect(translator.apply([{ kind: 'Secret', before: after, after: again }], store.view(), 0).delta.hosts).toEqual([]);
  });

  it('denies when it goes, and lets in again when it is back', () => {
    store.remove(after);
    translator.apply([{ kind: 'Secret', before: after, after: undefined }], store.view(), 0);
    expect(denied()).toBe(true);
    store.put(before);
    translator.apply([{ kind: 'Secret', before: undefined, after: before }], store.view(), 0);
    expect([denied(), usersIn(translator.table.hosts.get('app.example'))]).toEqual([false, ['joe:{PLAIN}a']]);
  });

  it('is watched', () => {
    expect(translator.references().secrets).toContainEqual({ namespace: 'default', name: 'users' });
  });
});

describe('users', () => {
  const object = secret('users', { auth: 'joe:{PLAIN}a' }) as Secret;

  it('are read once for all routes, and go to a worker once', () => {
    expect(usersOf(object, 'auth-file')).toBe(usersOf(object, 'auth-file'));
    const users = usersOf(object, 'auth-file');
    const { port1, port2 } = new MessageChannel();
    port1.postMessage([{ users }, { users }]);
    const [one, other] = receiveMessageOnPort(port2)!.message as { users: object }[];
    port1.close();
    expect(one!.users).toBe(other!.users);
  });

  it('are data that is equal when they are', () => {
    const key = (text: string) => ({ users: createSecretKey(Buffer.from(text)) });
    expect([equalData(key('a'), key('a')), equalData(key('a'), key('b')), equalData(key('a'), { users: {} })]).toEqual([
      true,
      false,
      false,
    ]);
  });

  it.each([undefined, null, 'text', { auth: 5 }, [] as unknown])('may be missing in data that is %j', (data) => {
    const broken = { metadata: { name: 'x' }, data } as unknown as Secret;
    expect([usersOf(broken, 'auth-file'), parseUsers(usersOf(broken, 'auth-map')!)]).toEqual([null, []]);
  });
});
