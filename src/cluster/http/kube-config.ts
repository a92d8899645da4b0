/** Where the API server is and how to log in: `@kubernetes/client-node`'s KubeConfig, with the holes we met in it closed. */
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import type { RequestOptions } from 'node:https';
import { Agent, ProxyAgent } from 'undici';
import type { Dispatcher } from 'undici';
import { parse } from 'yaml';

/** The settings that say how to reach the API server. */
export interface KubeConfigSettings {
  /** `--kubeconfig`; null: in-cluster, or the default kubeconfig when there is no cluster around us. */
  readonly kubeconfig: string | null;
  /** `--apiserver-host`; null: as the configuration says. */
  readonly apiserverHost: string | null;
  /** `--certificate-authority`: a file, for `apiserverHost`. */
  readonly certificateAuthority: string | null;
}

/** What one request needs, as KubeConfig applied it. */
export interface Credentials {
  readonly server: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** Changes when a dispatcher made before no longer fits: other certificates, keys or proxy. */
  readonly fingerprint: string;
  readonly createDispatcher: () => Dispatcher;
}

const NO_USER = 'anonymous';
const CONNECT_TIMEOUT = 10_000;
const KEEP_ALIVE_PROBE = 30_000;

/** Loads the configuration afresh from its files. Throws an Error that names the file and what is wrong with it. */
export function loadKubeConfig(settings: KubeConfigSettings): KubeConfig {
  const config = new KubeConfig();
  if (settings.kubeconfig !== null) {
    loadFile(config, settings.kubeconfig);
  } else if (settings.apiserverHost !== null) {
    config.loadFromClusterAndUser({ name: 'cluster', server: settings.apiserverHost, skipTLSVerify: false }, { name: NO_USER });
  } else if (process.env['KUBERNETES_SERVICE_HOST'] && process.env['KUBERNETES_SERVICE_PORT']) {
    config.loadFromCluster();
  } else if (process.env['KUBECONFIG'] || existsSync(path.join(homedir(), '.kube', 'config'))) {
    config.loadFromDefault();
  } else {
    // client-node would try http://localhost:8080.
    throw new Error('no cluster: not in a Pod, and neither --kubeconfig, KUBECONFIG nor ~/.kube/config says where one is');
  }
  return complete(config, settings);
}

/** The default kubeconfig reading of client-node, but `tokenFile` (which it misspells) is honoured and errors name the file. */
function loadFile(config: KubeConfig, file: string): void {
  try {
    const document: unknown = parse(readFileSync(file, 'utf8'));
    const users = (document as { users?: unknown } | null)?.users;
    for (const entry of Array.isArray(users) ? (users as { user?: Record<string, unknown> }[]) : []) {
      const tokenFile = entry?.user?.['tokenFile'];
      if (entry.user && typeof tokenFile === 'string' && entry.user['token'] === undefined) {
        const absolute = path.resolve(path.dirname(file), tokenFile);
        entry.user['auth-provider'] = { name: 'tokenFile', config: { tokenFile: absolute } };
      }
    }
    config.loadFromString(JSON.stringify(document ?? {}));
    config.makePathsAbsolute(path.dirname(file));
  } catch (error) {
    throw new Error(`kubeconfig ${file}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

/**
 * Makes the current context one that KubeConfig can apply: without a user it would ignore the cluster's CA, and an http://
 * server it refuses unless told to skip a verification that plain HTTP has not.
 */
function complete(config: KubeConfig, settings: KubeConfigSettings): KubeConfig {
  const cluster = config.getCurrentCluster();
  if (!cluster) {
    throw new Error(`kubeconfig ${settings.kubeconfig ?? '(default)'}: the current context names no cluster`);
  }
  const server = settings.apiserverHost ?? cluster.server;
  if (!/^https?:\/\/./i.test(server) || !URL.canParse(server)) {
    throw new Error(`the API server's address ${JSON.stringify(server)} is not an http:// or https:// URL`);
  }
  const secure = server.toLowerCase().startsWith('https:');
  const { caData, ...rest } = cluster;
  config.loadFromClusterAndUser(
    {
      ...rest,
      ...(caData === undefined || settings.certificateAuthority !== null ? {} : { caData }),
      ...(settings.certificateAuthority === null ? {} : { caFile: settings.certificateAuthority }),
      server,
      skipTLSVerify: secure ? cluster.skipTLSVerify : true,
    },
    config.getCurrentUser() ?? { name: NO_USER },
  );
  return config;
}

/** Applies the configuration once: reads the token, CA and client certificate, or runs the credential plugin. May reject. */
export async function applyKubeConfig(config: KubeConfig): Promise<Credentials> {
  const cluster = config.getCurrentCluster();
  if (!cluster) {
    throw new Error('the configuration has no current cluster');
  }
  const applied: RequestOptions = {};
  await config.applyToHTTPSOptions(applied);
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(applied.headers ?? {})) {
    // A token file ends with a line feed more often than not, and a header cannot.
    headers[name.toLowerCase()] = String(value).trim();
  }
  if (applied.auth) {
    headers['authorization'] = `Basic ${Buffer.from(applied.auth).toString('base64')}`;
  }
  const { ca, cert, key, pfx, passphrase, rejectUnauthorized, servername } = applied;
  const tls = { ca, cert, key, pfx, passphrase, rejectUnauthorized, servername };
  const options = config.createDispatcherOptions(cluster, dropUndefined(tls));
  const proxy = options.type === 'proxy' || options.type === 'socks' ? options.uri : '';
  return {
    server: new URL(cluster.server),
    headers,
    fingerprint: JSON.stringify([cluster.server, proxy, ...Object.values(tls).map(printable)]),
    createDispatcher: () => {
      const connect = {
        ...dropUndefined(tls),
        timeout: CONNECT_TIMEOUT,
        keepAlive: true,
        keepAliveInitialDelay: KEEP_ALIVE_PROBE,
      };
      if (proxy !== '') {
        return new ProxyAgent({ uri: proxy, requestTls: connect, allowH2: false });
      }
      // One connection per watch: with HTTP/2 a single black-holed connection would stall them all.
      return new Agent({ connect, allowH2: false });
    },
  };
}

function printable(value: unknown): unknown {
  return Buffer.isBuffer(value) ? value.toString('base64') : (value ?? null);
}

function dropUndefined<T extends object>(values: T): { [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined && value !== null)) as {
    [K in keyof T]?: NonNullable<T[K]>;
  };
}
