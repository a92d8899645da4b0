/** A map keyed by (namespace, name): never by a joined string, so that no two keys can be taken for each other. */
export class NamespacedMap<T> {
  readonly #namespaces = new Map<string, Map<string, T>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(namespace: string, name: string): T | undefined {
    return this.#namespaces.get(namespace)?.get(name);
  }

  has(namespace: string, name: string): boolean {
    return this.#namespaces.get(namespace)?.has(name) ?? false;
  }

  set(namespace: string, name: string, value: T): void {
    let names = this.#namespaces.get(namespace);
    if (!names) {
      names = new Map();
      this.#namespaces.set(namespace, names);
    }
    this.#size += names.has(name) ? 0 : 1;
    names.set(name, value);
  }

  delete(namespace: string, name: string): boolean {
    const names = this.#namespaces.get(namespace);
    if (!names?.delete(name)) {
      return false;
    }
    this.#size -= 1;
    if (names.size === 0) {
      this.#namespaces.delete(namespace);
    }
    return true;
  }

  *values(): Generator<T, void, void> {
    for (const names of this.#namespaces.values()) {
      yield* names.values();
    }
  }

  *entries(): Generator<readonly [namespace: string, name: string, value: T], void, void> {
    for (const [namespace, names] of this.#namespaces) {
      for (const [name, value] of names) {
        yield [namespace, name, value];
      }
    }
  }

  /** The values of one namespace. */
  in(namespace: string): Iterable<T> {
    return this.#namespaces.get(namespace)?.values() ?? [];
  }
}
