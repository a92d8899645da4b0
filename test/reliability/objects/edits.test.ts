/**
 * Threat: an edit that makes an object invalid takes away what others serve, or gives its host to somebody else.
 * Source: A16; ingress-nginx once stopped all updates over one bad Ingress.
 *
 * What of an object is invalid is left out and reported, and the rest of it is served; its former version is not: the same
 * objects give the same table, whatever was there before, so that a replica that starts now serves what the others serve, and
 * an edit that asks for a protection never leaves the unprotected route in place.
 */
import { describe, expect, it } from 'vitest';
import { startCluster } from '../../support/chain.ts';
import { eventually } from '../../support/eventually.ts';
import { ingress } from '../../support/manifests.ts';
import { Scene } from '../control-plane/scene.ts';

const PREFIX = 'nginx.ingress.kubernetes.io/';
const PATHS = 'edited.test Prefix /a old\nedited.test Prefix /b old';

interface Edit {
  readonly name: string;
  readonly object: object;
  /** Path → who answers. */
  readonly answers: Readonly<Record<string, string>>;
  /** The reason of the Event. */
  readonly reason: string;
}

const EDITS: readonly Edit[] = [
  {
    name: 'an annotation that cannot be read',
    object: ingress('edited', PATHS, { annotations: { [`${PREFIX}force-ssl-redirect`]: 'perhaps' } }),
    answers: { '/a': 'old', '/b': 'old' },
    reason: 'AnnotationInvalid',
  },
  {
    name: 'a protection that is not supported',
    object: ingress('edited', PATHS, { annotations: { [`${PREFIX}enable-modsecurity`]: 'true' } }),
    answers: { '/a': '503', '/b': '503' },
    reason: 'AnnotationUnsupported',
  },
  {
    name: 'a path that no request can have',
    object: ingress('edited', 'edited.test Prefix /a old\nedited.test Exact /b(.*) old'),
    answers: { '/a': 'old', '/b': '404' },
    reason: 'PathInvalid',
  },
  {
    name: 'a Service that does not exist',
    object: ingress('edited', 'edited.test Prefix /a old\nedited.test Prefix /b nobody'),
    answers: { '/a': 'old', '/b': '503' },
    reason: 'ServiceNotFound',
  },
  {
    name: 'the path of an older Ingress',
    object: ingress('edited', `${PATHS}\nolder.test Prefix / new`),
    answers: { '/a': 'old', '/b': 'old' },
    reason: 'PathConflict',
  },
];

describe.concurrent('A16: an object that was good is edited', { timeout: 60_000 }, () => {
  it('A16: what is invalid is left out and reported, the rest and everybody else are served, and mended is mended', async () => {
    const objects = [ingress('older', 'older.test Prefix / old'), ingress('edited', PATHS)];
    // Of two of the same age, the greater name is the older: `older` comes before `edited`.
    await Scene.with({ objects }, async (scene) => {
      const { chain } = scene;
      const serves = async (answers: Edit['answers']): Promise<void> => {
        for (const [path, who] of Object.entries(answers)) await scene.serves(`http://edited.test${path}`, who);
      };
      await serves({ '/a': 'old', '/b': 'old' });
      for (const { name, object, answers, reason } of EDITS) {
        chain.apply(object);
        await serves(answers);
        await eventually(() => {
          expect(chain.events('Ingress', 'edited').map((event) => event['reason'])).toContain(reason);
          return true;
        });
        expect([name, await scene.who('http://older.test/')]).toEqual([name, 'old']);
        expect([name, await scene.who('http://control.test/')]).toEqual([name, 'control']);
        chain.apply(ingress('edited', PATHS));
        await serves({ '/a': 'old', '/b': 'old' });
        await eventually(async () => (await chain.diagnostics()).length === 0);
      }
      await eventually(() => chain.events('Ingress', 'edited').some(({ reason }) => reason === 'Resolved'));
    });
  });

  it('A16: of two Ingresses for one path the older has it, whatever is edited, until it goes', async () => {
    let now = Date.parse('2026-01-01T00:00:00Z');
    const cluster = await startCluster({ now: () => now });
    await Scene.with({ cluster }, async (scene) => {
      const { chain } = scene;
      const path = 'twice.test Prefix / ';
      // The names would decide the other way round.
      chain.apply(ingress('a-older', `${path}old`));
      now += 60_000;
      chain.apply(ingress('b-younger', `${path}new`));
      await eventually(() => chain.events('Ingress', 'b-younger').some(({ reason }) => reason === 'PathConflict'));
      expect(await scene.who('http://twice.test/')).toBe('old');
      now += 60_000;
      chain.apply(ingress('b-younger', `${path}new\ntwice.test Prefix /more new`));
      await scene.serves('http://twice.test/more', 'new');
      expect(await scene.who('http://twice.test/')).toBe('old');
      chain.cluster.delete([ingress('a-older')]);
      await scene.serves('http://twice.test/', 'new');
      // Made again it is the younger one.
      chain.apply(ingress('a-older', `${path}old`));
      await eventually(() => chain.events('Ingress', 'a-older').some(({ reason }) => reason === 'PathConflict'));
      expect(await scene.who('http://twice.test/')).toBe('new');
    });
  });
});
