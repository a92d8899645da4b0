/** Load by h2load, as many know it: what the short test and the soak share. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { readingBackend } from '../../support/http2/stage.ts';
import { Stage } from '../../support/stage.ts';

const run = promisify(execFile);

/** Runs `h2load` with these arguments against a proxy of its own; returns what it says of the requests. */
export async function h2load(requests: number, ...args: readonly string[]): Promise<string> {
  const stage = new Stage();
  const backend = stage.opened(await readingBackend());
  // No connection ends for the number of its requests: h2load counts those that it must ask again as failed.
  const proxy = await stage.proxyTo([backend.port], { keepAliveRequests: requests + 1 });
  try {
    const command = ['-n', String(requests), ...args, `--connect-to=127.0.0.1:${proxy.httpsPort}`, 'https://app.example/'];
    const { stdout } = await run('h2load', command);
    return /^requests: (.*)$/m.exec(stdout)?.[1] ?? stdout;
  } finally {
    await stage.close();
  }
}

/** What it says when all is well. */
export function allSucceeded(requests: number): string {
  return `${requests} total, ${requests} started, ${requests} done, ${requests} succeeded, 0 failed, 0 errored, 0 timeout`;
}

/** What `nghttp` gets: the body. */
export async function nghttp(...args: readonly string[]): Promise<string> {
  const stage = new Stage();
  const backend = stage.opened(
    await readingBackend(({ method, url }, answer, body) => answer.end(`${method} ${url} ${body.length}`)),
  );
  const proxy = await stage.proxyTo([backend.port]);
  try {
    const { stdout } = await run('nghttp', ['-H:authority: app.example', ...args, `https://127.0.0.1:${proxy.httpsPort}/path`]);
    return stdout;
  } finally {
    await stage.close();
  }
}
