/** The further names of hosts (`server-alias`), in the order nginx looks through the names of servers (ngx_http_server_names). */
import { compileRegex } from '../../settings/values/regex.ts';

/** Names as clients send them that are remembered; more are worked out again. */
const REMEMBERED = 4096;

/** What the aliases of all hosts come to; made anew when one changed. */
interface Index {
  readonly exact: ReadonlyMap<string, string>;
  /** Behind the "*" at the beginning: ".x" → host. */
  readonly heads: ReadonlyMap<string, string>;
  /** Before the "*" at the end: "x." → host. */
  readonly tails: ReadonlyMap<string, string>;
  readonly patterns: readonly { readonly test: (name: string) => boolean; readonly host: string }[];
}

export class HostAliases {
  readonly #aliases = new Map<string, readonly string[]>();
  #index: Index | null = null;
  /** Name → the host whose pattern it matches. */
  readonly #remembered = new Map<string, string | null>();

  /** Sets the aliases of a host; undefined or empty: it has none. */
  set(host: string, aliases: readonly string[] | undefined): void {
    if (aliases === undefined || aliases.length === 0) return this.delete(host);
    this.#aliases.set(host, aliases);
    this.#changed();
  }

  delete(host: string): void {
    if (this.#aliases.delete(host)) this.#changed();
  }

  clear(): void {
    this.#aliases.clear();
    this.#changed();
  }

  /** The host that has this name as an alias, exactly or by a wildcard: to be asked after hosts of that very name. */
  named(name: string): string | null {
    if (this.#aliases.size === 0) return null;
    const { exact, heads, tails } = (this.#index ??= indexOf(this.#aliases));
    return exact.get(name) ?? byHead(heads, name) ?? byTail(tails, name);
  }

  /** The host that has an alias whose pattern the name matches: to be asked after wildcard hosts. */
  matched(name: string): string | null {
    if (this.#aliases.size === 0) return null;
    const { patterns } = (this.#index ??= indexOf(this.#aliases));
    if (patterns.length === 0) return null;
    let host = this.#remembered.get(name);
    if (host === undefined) {
      host = patterns.find(({ test }) => test(name))?.host ?? null;
      if (this.#remembered.size >= REMEMBERED) this.#remembered.clear();
      this.#remembered.set(Buffer.from(name, 'latin1').toString('latin1'), host);
    }
    return host;
  }

  #changed(): void {
    this.#index = null;
    this.#remembered.clear();
  }
}

/** The longest first. */
function byHead(heads: ReadonlyMap<string, string>, name: string): string | null {
  if (heads.size === 0) return null;
  for (let dot = name.indexOf('.', 1); dot > 0; dot = name.indexOf('.', dot + 1)) {
    const host = heads.get(name.slice(dot));
    if (host !== undefined) return host;
  }
  return null;
}

function byTail(tails: ReadonlyMap<string, string>, name: string): string | null {
  if (tails.size === 0) return null;
  for (let dot = name.lastIndexOf('.'); dot > 0; dot = name.lastIndexOf('.', dot - 1)) {
    const host = tails.get(name.slice(0, dot + 1));
    if (host !== undefined) return host;
  }
  return null;
}

/** ingress-nginx writes servers, and their aliases, in alphabetical order; of two the first has a name. */
function indexOf(aliases: ReadonlyMap<string, readonly string[]>): Index {
  const exact = new Map<string, string>();
  const heads = new Map<string, string>();
  const tails = new Map<string, string>();
  const patterns: { test: (name: string) => boolean; host: string }[] = [];
  for (const host of [...aliases.keys()].sort()) {
    for (const alias of aliases.get(host)!) {
      if (alias.startsWith('~')) {
        const regex = compileRegex(alias.slice(1), true);
        // The translation compiled it before.
        if (typeof regex !== 'string') patterns.push({ test: regex.test, host });
      } else if (alias.startsWith('*.')) setOnce(heads, alias.slice(1), host);
      else if (alias.startsWith('.')) {
        setOnce(heads, alias, host);
        setOnce(exact, alias.slice(1), host);
      } else if (alias.endsWith('.*')) setOnce(tails, alias.slice(0, -1), host);
      else setOnce(exact, alias, host);
    }
  }
  return { exact, heads, tails, patterns };
}

function setOnce(map: Map<string, string>, name: string, host: string): void {
  if (!map.has(name)) map.set(name, host);
}
