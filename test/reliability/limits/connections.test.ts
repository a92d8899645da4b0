/**
 * Threat: connections without a bound take the memory, or the open files, that those need who are served already; a process
 * without open files cannot even say that it is alive. Source: D12, D13; nginx's worker_connections and keepalive_requests.
 */
import { describe, expect, it } from 'vitest';
import { excessConnections } from '../../support/excess.ts';
import { idleConnections } from '../../support/idle.ts';

const GET = 'GET / HTTP/1.1\r\nHost: app.example\r\n\r\n';

describe('D12: 500 idle connections', () => {
  it('take little memory each, and others are served beside them', async () => {
    const { heap, resident, failures } = await idleConnections(500, GET);
    expect(failures).toEqual([]);
    expect(heap).toBeLessThan(20 * 1024);
    expect(resident).toBeLessThan(100 * 1024);
  });

  it('do not hold the large heads they came with', async () => {
    const large = `GET / HTTP/1.1\r\nHost: app.example\r\nX-Request-ID: ${'i'.repeat(64)}\r\n${`X: ${'v'.repeat(7_000)}\r\n`.repeat(4)}\r\n`;
    const { heap, failures } = await idleConnections(500, large);
    expect(failures).toEqual([]);
    expect(heap).toBeLessThan(20 * 1024);
  });
});

describe('D13: more connections', () => {
  it('than max-worker-connections are closed at once; those that are there are served, and the admin port answers', async () => {
    const { log, ...result } = await excessConnections({ connections: 150, maxConnections: 50 });
    expect(result).toEqual({ kept: 50, health: 200, servedOnKept: 200, servedAfter: 200, restarts: 0 });
    expect(log).not.toContain('open files');
  });

  it('than there are files for are closed too: nothing crashes, endpoints and the admin port are within reach', async () => {
    const { log, ...result } = await excessConnections({ connections: 500, maxConnections: 16_384, openFiles: '256' });
    expect(result).toEqual({ kept: 57, health: 200, servedOnKept: 200, servedAfter: 200, restarts: 0 });
    expect(log).toContain('too few open files');
  });
});
