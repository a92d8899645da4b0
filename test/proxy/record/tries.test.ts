/** Several tries of one request in one line, as nginx writes them: `$upstream_addr` and its kin are lists. */
import { afterEach, describe, expect, it } from 'vitest';
import { readLogFormat } from '../../../src/settings/values/log-format.ts';
import type { ProxySettings } from '../../../src/settings/settings.ts';
import { LogFile } from '../../support/access-log.ts';
import { response } from '../../support/proxy.ts';
import { Stage } from '../../support/stage.ts';

let stage = new Stage();
afterEach(async () => {
  await stage.close();
  stage = new Stage();
});

/** The lines of two requests: of two endpoints, either is the first of one of them. */
async function lines(ports: readonly number[], changes: Partial<ProxySettings> = {}): Promise<string[]> {
  const log = stage.opened(new LogFile());
  const proxy = await stage.proxyTo(ports, {
    accessLog: true,
    accessLogPath: log.path,
    // No endpoint is left out, and no retry denied.
    upstreamEjectFailures: 0,
    upstreamRetryBudget: 0,
    ...changes,
  });
  for (let i = 0; i < 2; i++) {
    const client = await stage.client(proxy.port);
    client.send('GET / HTTP/1.1\r\nHost: app.example\r\nX-Request-ID: x\r\n\r\n');
    await client.response();
    client.close();
  }
  await proxy.close();
  return log.lines();
}

function format(text: string): Pick<ProxySettings, 'logFormat'> {
  const read = readLogFormat(text, 'http');
  return { logFormat: typeof read === 'string' ? null : read.parts };
}

const FORMAT = format(
  '$status|$upstream_addr|$upstream_status|$upstream_response_length|$upstream_response_time|$upstream_connect_time|$upstream_header_time',
);

/** One that closes without a word, and one that answers. */
async function backends(): Promise<{ bad: number; good: number }> {
  const bad = await stage.backend((_, socket) => {
    socket.destroy();
    return null;
  });
  const good = await stage.backend(() => response('hello'));
  return { bad: bad.port, good: good.port };
}

describe('a request that was tried twice', () => {
  it('has both tries, in the order of the tries', async () => {
    const { bad, good } = await backends();
    const all = await lines([bad, good], FORMAT);
    expect(all.find((line) => line.includes(', '))).toMatch(
      new RegExp(
        `^200\\|127\\.0\\.0\\.1:${bad}, 127\\.0\\.0\\.1:${good}\\|502, 200\\|0, 5\\|\\d\\.\\d{3}, \\d\\.\\d{3}\\|\\d\\.\\d{3}, \\d\\.\\d{3}\\|-, \\d\\.\\d{3}$`,
      ),
    );
  });

  it("has them in ingress-nginx's own format", async () => {
    const { bad, good } = await backends();
    const all = await lines([bad, good]);
    expect(all.find((line) => line.includes(', '))).toMatch(
      new RegExp(`\\[\\] 127\\.0\\.0\\.1:${bad}, 127\\.0\\.0\\.1:${good} 0, 5 \\d\\.\\d{3}, \\d\\.\\d{3} 502, 200 x$`),
    );
  });
});

describe('a request that was tried once', () => {
  it('has one value of each', async () => {
    const { good } = await backends();
    const [line] = await lines([good], FORMAT);
    expect(line).toMatch(new RegExp(`^200\\|127\\.0\\.0\\.1:${good}\\|200\\|5\\|\\d\\.\\d{3}\\|\\d\\.\\d{3}\\|\\d\\.\\d{3}$`));
  });
});

describe('a request whose last try failed', () => {
  it('has its status, although the backend said none', async () => {
    const { bad } = await backends();
    const [line] = await lines([bad], FORMAT);
    expect(line).toMatch(new RegExp(`^502\\|127\\.0\\.0\\.1:${bad}\\|502\\|0\\|\\d\\.\\d{3}\\|\\d\\.\\d{3}\\|-$`));
  });

  it('without a connection has no time of it', async () => {
    const { bad } = await backends();
    const gone = await stage.backend(() => null);
    await gone.close();
    const all = await lines([gone.port, bad], { ...FORMAT, upstreamTries: 2 });
    expect(all[0]).toContain('|502, 502|0, 0|');
    expect(all[0]).toMatch(/\|(?:-, \d\.\d{3}|\d\.\d{3}, -)\|-, -$/);
  });
});

describe('a request without a try', () => {
  it('has none of it', async () => {
    const [line] = await lines([], FORMAT);
    expect(line).toBe('503|-|-|-|-|-|-');
  });
});
