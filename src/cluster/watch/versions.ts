/** Which objects of a collection are known, and in which version: what keeps an older object from replacing a newer one. */

import { NamespacedMap } from '../namespaced-map.ts';

const DECIMAL = /^\d+$/;

/** Less than, equal or greater than 0; undefined when the two cannot be compared. Resource versions are decimal numbers of any length (KEP-5504). */
export function compareVersions(a: string | undefined, b: string | undefined): number | undefined {
  if (a === undefined || b === undefined || !DECIMAL.test(a) || !DECIMAL.test(b)) {
    return undefined;
  }
  if (a.length !== b.length) {
    return a.length - b.length;
  }
  return a < b ? -1 : Number(a > b);
}

/** True when `a` is certainly older than `b`. */
export function isOlder(a: string | undefined, b: string | undefined): boolean {
  const order = compareVersions(a, b);
  return order !== undefined && order < 0;
}

/** The identity and version of one object, as an API server sent it. */
export interface Version {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string | undefined;
  readonly resourceVersion: string | undefined;
}

interface Known extends Version {
  /** The list that saw it last. */
  list: number;
}

/** Reads the identity of an untrusted object; undefined when it has no name. */
export function versionOf(object: unknown): Version | undefined {
  const metadata = (object as { metadata?: unknown } | null | undefined)?.metadata as
    | Record<string, unknown>
    | null
    | undefined;
  const name = text(metadata?.['name']);
  return name === undefined
    ? undefined
    : {
        namespace: text(metadata?.['namespace']) ?? '',
        name,
        uid: text(metadata?.['uid']),
        resourceVersion: text(metadata?.['resourceVersion']),
      };
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** `newer`: take it. `same`: already had. `older`: it would go back in time. */
type Verdict = 'newer' | 'same' | 'older';

/** The versions of one collection. Holds an entry for every object, also those whose content nobody keeps. */
export class VersionTable {
  readonly #known = new NamespacedMap<Known>();
  #list = 0;

  get size(): number {
    return this.#known.size;
  }

  get(namespace: string, name: string): Version | undefined {
    return this.#known.get(namespace, name);
  }

  /** Judges an object that exists, and remembers it unless it is older. Whatever the verdict, it counts as seen. */
  see(version: Version): Verdict {
    const known = this.#known.get(version.namespace, version.name);
    if (known) {
      known.list = this.#list;
      if (isOlder(version.resourceVersion, known.resourceVersion)) {
        return 'older';
      }
      if (
        version.resourceVersion !== undefined &&
        known.uid === version.uid &&
        known.resourceVersion === version.resourceVersion
      ) {
        return 'same';
      }
    }
    this.#known.set(version.namespace, version.name, { ...version, list: this.#list });
    return 'newer';
  }

  /** Forgets an object that was deleted. False when it is not known, or when the deleted one came before the one we know. */
  remove(version: Version): boolean {
    const known = this.#known.get(version.namespace, version.name);
    if (!known) {
      return false;
    }
    const another = known.uid !== undefined && version.uid !== undefined && known.uid !== version.uid;
    if (another && isOlder(version.resourceVersion, known.resourceVersion)) {
      return false;
    }
    return this.#known.delete(version.namespace, version.name);
  }

  /** Everything seen from now on counts as seen by this list. */
  beginList(): void {
    this.#list += 1;
  }

  /** Forgets and returns what the list did not show, but for what is newer than the list itself. */
  endList(listVersion: string | undefined): Version[] {
    const gone = [...this.#known.values()].filter(
      (known) => known.list !== this.#list && !isOlder(listVersion, known.resourceVersion),
    );
    for (const { namespace, name } of gone) {
      this.#known.delete(namespace, name);
    }
    return gone;
  }

  /** The server's history was lost: its versions say nothing about those we know, so whatever comes is taken as newer. */
  disown(): void {
    for (const [namespace, name, known] of this.#known.entries()) {
      this.#known.set(namespace, name, { ...known, resourceVersion: undefined });
    }
  }
}
