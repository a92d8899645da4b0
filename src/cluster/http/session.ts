/** The login to the API server, kept fresh: credentials are read again every half minute, and at once after a 401. */
import type { KubeConfig } from '@kubernetes/client-node';
import type { Dispatcher } from 'undici';
import type { Logger } from '../../observe/log.ts';
import type { Timing } from '../timing.ts';
import { ApiError } from './api-error.ts';
import { applyKubeConfig } from './kube-config.ts';
import type { Credentials } from './kube-config.ts';

/** Credentials with the connections that belong to them. */
export interface Login {
  readonly credentials: Credentials;
  readonly dispatcher: Dispatcher;
  /** Grows every time the configuration is read afresh. */
  readonly generation: number;
}

interface Session {
  /** Rejects with an ApiError whose reason is `Credentials` when they cannot be read. */
  readonly login: () => Promise<Login>;
  /** The API server refused this login: the next one reads everything again. False when trying again is of no use now. */
  readonly renew: (refused: Login) => boolean;
  readonly close: () => Promise<void>;
}

/** Credentials older than this are applied again; KubeConfig itself reads a token file once a minute. */
const FRESH = 30_000;
/** A credential plugin is a process of its own: not more than one for refused logins in this time. */
const RENEW_GAP = 2_000;
/** A credential plugin that takes longer is given up on. */
const PLUGIN_DEADLINE = 30_000;

/** `load` reads the configuration from its files and may throw. Nothing is read before the first login. */
export function createSession(load: () => KubeConfig, timing: Timing, log: Logger): Session {
  let config: KubeConfig | undefined;
  let current: (Login & { readonly at: number }) | undefined;
  let pending: Promise<Login> | undefined;
  let generation = 0;
  let renewedAt = Number.NEGATIVE_INFINITY;

  const apply = async (): Promise<Login> => {
    let cancel: (() => void) | undefined;
    try {
      const own = generation;
      config ??= load();
      const late = new Promise<never>((_resolve, reject) => {
        cancel = timing.after(PLUGIN_DEADLINE, () => reject(new Error('reading the credentials took too long')));
      });
      const credentials = await Promise.race([applyKubeConfig(config), late]);
      const same = current?.credentials.fingerprint === credentials.fingerprint;
      const dispatcher = same && current ? current.dispatcher : credentials.createDispatcher();
      if (!same && current) {
        log.info({}, 'the certificates for the API server changed; new connections use them');
        retire(current.dispatcher);
      }
      current = { credentials, dispatcher, generation: own, at: own === generation ? timing.now() : Number.NEGATIVE_INFINITY };
      return current;
    } catch (error) {
      // Read afresh the next time: a file that was missing may be there then.
      config = undefined;
      const text = error instanceof Error ? error.message : String(error);
      throw new ApiError(0, 'Credentials', `cannot log in to the API server: ${text}`, undefined, error);
    } finally {
      cancel?.();
    }
  };

  return {
    login: () => {
      if (current && timing.now() - current.at < FRESH) {
        return Promise.resolve(current);
      }
      pending ??= apply().finally(() => {
        pending = undefined;
      });
      return pending;
    },
    renew: (refused) => {
      if (refused.generation < generation) {
        return true;
      }
      if (timing.now() - renewedAt < RENEW_GAP) {
        return false;
      }
      renewedAt = timing.now();
      generation += 1;
      // KubeConfig keeps tokens itself, so only a new one reads them again.
      config = undefined;
      current = current && { ...current, at: Number.NEGATIVE_INFINITY };
      return true;
    },
    close: async () => {
      await current?.dispatcher.destroy().catch(() => {});
      current = undefined;
    },
  };
}

/** Requests in flight may finish; the connections close behind them. */
function retire(dispatcher: Dispatcher): void {
  dispatcher.close().catch(() => {});
}
