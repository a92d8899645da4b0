/**
 * Threat: a log pipe that nobody reads, or a full disk, stops the proxy: a write that waits holds a thread, and lines that wait
 * fill the memory (Node writes to pipes synchronously, nodejs.org/api/process.html "A note on process I/O"; reference E7).
 */
import fs from 'node:fs';
import { afterEach, expect, describe, it } from 'vitest';
import { Chain } from '../../support/chain.ts';
import type { SluiceOutput } from '../../support/child.ts';
import { eventually } from '../../support/eventually.ts';
import * as objects from '../../support/manifests.ts';
import { Pipe } from '../../support/pipe.ts';
import { RawClient } from '../../support/raw-client.ts';

const open: { close: () => Promise<void> | void }[] = [];

afterEach(async () => {
  for (const one of open.splice(0).toReversed()) await one.close();
});

async function serve(output: SluiceOutput): Promise<Chain> {
  const chain = await Chain.start({ flags: ['--access-log=true'], output });
  open.push(chain);
  chain.apply(objects.ingress('app', 'app.test Prefix / control'));
  await chain.listening();
  await eventually(async () => (await chain.get('http://app.test/')).status === 200);
  return chain;
}

/** So many requests on one connection, whose lines in the access log are of 7 KB each. */
async function requests(chain: Chain, count: number): Promise<void> {
  const client = await RawClient.connect(chain.httpPort);
  const text = `GET / HTTP/1.1\r\nHost: app.test\r\nUser-Agent: ${'x'.repeat(7000)}\r\n\r\n`;
  for (let i = 0; i < count; i++) expect((await client.request(text)).status).toBe(200);
  client.close();
}

async function dropped(chain: Chain): Promise<number> {
  const metrics = await (await fetch(`${chain.admin}/metrics`)).text();
  return Number(/^sluice_access_log_dropped_total (\d+)$/m.exec(metrics)?.[1]);
}

describe('E7 a log that nobody reads', () => {
  it('E7: stops neither requests nor the controller, costs lines that are counted, and is written on when somebody does', async () => {
    const [stdout, stderr] = [new Pipe(), new Pipe()];
    open.push(stdout, stderr);
    const chain = await serve({ stdout: stdout.fd, stderr });
    for (const pipe of [stdout, stderr]) {
      pipe.read();
      pipe.fill();
    }
    await requests(chain, 300);
    const lost = await dropped(chain);
    expect(lost).toBeGreaterThan(0);
    // A mebibyte is kept, and what one write takes.
    expect(lost).toBeLessThan(300 - 140);
    // What the controller says has no reader either, and it serves what is new.
    chain.apply(objects.ingress('wrong', 'wrong.test Prefix / nobody'), objects.ingress('new', 'new.test Prefix / control'));
    await eventually(async () => (await chain.get('http://new.test/')).status === 200);
    expect((await chain.ready()).status).toBe(200);
    stderr.read();
    await eventually(() => chain.sluice.log().some(({ code }) => code === 'ServiceNotFound'));
    let text = '';
    await eventually(() => (text += stdout.read()).split('\n').filter((line) => line.includes('xxx')).length === 300 - lost);
    // Whole lines all.
    expect(text.split('\n').filter((line) => line.includes('xxx') && !/^127\.0\.0\.1 .* [0-9a-f]{32}$/.test(line))).toEqual([]);
    // Requests for new.test may have cost lines too.
    const before = await dropped(chain);
    await requests(chain, 2);
    await eventually(() => (text += stdout.read()).split('\n').filter((line) => line.includes('xxx')).length === 302 - lost);
    expect(await dropped(chain)).toBe(before);
  });

  it('E7: does not hold up the end of the process', async () => {
    const [stdout, stderr] = [new Pipe(), new Pipe()];
    open.push(stdout, stderr);
    const chain = await serve({ stdout: stdout.fd, stderr });
    for (const pipe of [stdout, stderr]) pipe.fill();
    await requests(chain, 5);
    chain.sluice.signal('SIGTERM');
    expect(await chain.sluice.exited).toBe(0);
  });

  it('E7: on a full disk loses its lines, which are counted', async () => {
    const full = fs.openSync('/dev/full', 'w');
    open.push({ close: () => fs.closeSync(full) });
    const chain = await serve({ stdout: full });
    const before = await eventually(async () => (await dropped(chain)) || undefined);
    await requests(chain, 20);
    await eventually(async () => (await dropped(chain)) >= before + 20);
  });
});
