/** HTTP to the API server by undici: JSON requests with a deadline, and the byte stream of a watch. Every failure is an ApiError. */
import type { KubeConfig } from '@kubernetes/client-node';
import { request as send } from 'undici';
import type { Dispatcher } from 'undici';
import type { Logger } from '../../observe/log.ts';
import type { Timing } from '../timing.ts';
import { ApiError, parseRetryAfter, toApiError } from './api-error.ts';
import { createSession } from './session.ts';
import type { Login } from './session.ts';

interface KubeRequest {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** The path below the server's, with its query: `/api/v1/namespaces/default/secrets/a`. */
  readonly path: string;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Of the body; `application/json` unless given. */
  readonly contentType?: string;
  /** Milliseconds for the whole exchange; 30 s unless given. */
  readonly deadline?: number;
  readonly signal?: AbortSignal;
}

/** A watch whose head has been answered with 200. */
interface KubeStream {
  /** Throws an ApiError when the connection breaks; ends when the server closes it. */
  readonly chunks: AsyncIterable<Uint8Array>;
  /** Ends the stream and its connection. */
  readonly close: () => void;
}

/** Talks to one API server. Rejects with ApiError only. */
export interface KubeClient {
  /** The parsed JSON of a 2xx answer. */
  readonly request: (request: KubeRequest) => Promise<unknown>;
  /** Opens a watch: the deadline is for the head only; the stream itself has none. */
  readonly stream: (request: KubeRequest) => Promise<KubeStream>;
  readonly close: () => Promise<void>;
}

interface KubeClientOptions {
  /** Reads the configuration; called again when the server refuses the credentials. `() => loadKubeConfig(settings)`. */
  readonly load: () => KubeConfig;
  readonly timing: Timing;
  readonly log: Logger;
  /** Bytes of the largest answer that is read; 256 MiB unless given. */
  readonly maxBody?: number;
}

type Answer = Dispatcher.ResponseData;

const DEADLINE = 30_000;
const MAX_BODY = 256 * 1024 * 1024;
const MAX_ERROR_BODY = 64 * 1024;

/** The client of one API server. Nothing is read or connected before the first request. */
export function createKubeClient(options: KubeClientOptions): KubeClient {
  const { timing } = options;
  const session = createSession(options.load, timing, options.log);
  const maxBody = options.maxBody ?? MAX_BODY;

  const attempt = async (request: KubeRequest, signal: AbortSignal, login: Login): Promise<Answer> => {
    const { credentials, dispatcher } = login;
    const base = credentials.server.pathname.replace(/\/+$/, '');
    const answer = await send(new URL(`${base}${request.path}`, credentials.server), {
      dispatcher,
      method: request.method ?? 'GET',
      signal,
      // The deadline below covers both; a watch may be silent for long and has a watchdog of its own.
      headersTimeout: 0,
      bodyTimeout: 0,
      headers: {
        ...credentials.headers,
        accept: 'application/json',
        'user-agent': 'sluice',
        ...(request.body === undefined ? {} : { 'content-type': request.contentType ?? 'application/json' }),
      },
      body: request.body === undefined ? null : JSON.stringify(request.body),
    });
    if (answer.statusCode >= 200 && answer.statusCode < 300) {
      return answer;
    }
    throw await failure(answer, request, timing);
  };

  /** A refused login is tried once more with credentials read afresh: tokens are rotated under our feet. */
  const authenticated = async (request: KubeRequest, signal: AbortSignal): Promise<Answer> => {
    const login = await session.login();
    try {
      return await attempt(request, signal, login);
    } catch (error) {
      if (error instanceof ApiError && error.status === 401 && session.renew(login)) {
        return attempt(request, signal, await session.login());
      }
      throw error;
    }
  };

  return {
    request: async (request) => {
      const limit = createDeadline(request, timing);
      try {
        const answer = await authenticated(request, limit.signal);
        const text = await readBody(answer, maxBody);
        try {
          return JSON.parse(text) as unknown;
        } catch (error) {
          throw new ApiError(0, 'BadResponse', `${describe(request)}: the answer is not JSON`, undefined, error);
        }
      } catch (error) {
        throw limit.explain(error);
      } finally {
        limit.clear();
      }
    },
    stream: async (request) => {
      const limit = createDeadline(request, timing);
      try {
        const answer = await authenticated(request, limit.signal);
        limit.headArrived();
        const close = (): void => {
          limit.clear();
          answer.body.on('error', () => {});
          answer.body.destroy();
        };
        return { chunks: chunksOf(answer, request, limit, close), close };
      } catch (error) {
        limit.clear();
        throw limit.explain(error);
      }
    },
    close: session.close,
  };
}

interface Deadline {
  readonly signal: AbortSignal;
  readonly headArrived: () => void;
  readonly clear: () => void;
  readonly explain: (error: unknown) => ApiError;
}

/** Joins the caller's signal and the deadline into one signal, and knows afterwards which of them it was. */
function createDeadline(request: KubeRequest, timing: Timing): Deadline {
  const controller = new AbortController();
  let late = false;
  const onAbort = (): void => controller.abort();
  if (request.signal?.aborted) {
    controller.abort();
  }
  request.signal?.addEventListener('abort', onAbort, { once: true });
  const cancel = timing.after(request.deadline ?? DEADLINE, () => {
    late = true;
    controller.abort();
  });
  return {
    signal: controller.signal,
    headArrived: cancel,
    clear: () => {
      cancel();
      request.signal?.removeEventListener('abort', onAbort);
    },
    explain: (error) => {
      if (request.signal?.aborted) {
        return new ApiError(0, 'Aborted', `${describe(request)}: given up`);
      }
      if (late) {
        return new ApiError(0, 'Timeout', `${describe(request)}: no answer in ${request.deadline ?? DEADLINE} ms`);
      }
      return toApiError(error, describe(request));
    },
  };
}

async function* chunksOf(
  answer: Answer,
  request: KubeRequest,
  limit: Deadline,
  close: () => void,
): AsyncGenerator<Uint8Array, void, void> {
  try {
    for await (const chunk of answer.body) {
      yield chunk as Uint8Array;
    }
  } catch (error) {
    throw limit.explain(toApiError(error, describe(request)));
  } finally {
    close();
  }
}

async function readBody(answer: Answer, most: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of answer.body as AsyncIterable<Uint8Array>) {
    length += chunk.length;
    if (length > most) {
      throw new ApiError(0, 'BadResponse', `the answer is larger than ${most} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, length).toString('utf8');
}

/** An answer that is not 2xx as an ApiError, with what its Status object says. */
async function failure(answer: Answer, request: KubeRequest, timing: Timing): Promise<ApiError> {
  const { statusCode: status, headers } = answer;
  let reason = `HTTP${status}`;
  let message = '';
  try {
    const text = await readBody(answer, MAX_ERROR_BODY);
    const body = JSON.parse(text) as { reason?: unknown; message?: unknown } | null;
    reason = typeof body?.reason === 'string' && body.reason !== '' ? body.reason : reason;
    message = typeof body?.message === 'string' ? body.message.slice(0, 1024) : '';
  } catch {
    // A proxy before the API server answers with HTML; the status says enough.
  }
  const retryAfter = parseRetryAfter(headers['retry-after'], timing.date());
  return new ApiError(status, reason, `${describe(request)}: ${status} ${message || reason}`, retryAfter);
}

function describe(request: KubeRequest): string {
  return `${request.method ?? 'GET'} ${request.path.split('?')[0] ?? ''}`;
}
