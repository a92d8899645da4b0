/** D12 and D13 with their full counts: see `connections.test.ts`. */
import { describe, expect, it } from 'vitest';
import { excessConnections } from '../../support/excess.ts';
import { idleConnections } from '../../support/idle.ts';

describe('D12: 10 000 idle connections', () => {
  it('take less than 120 MiB more, and others are served beside them', async () => {
    const count = 10_000;
    const { resident, heap, total, failures } = await idleConnections(count, 'GET / HTTP/1.1\r\nHost: app.example\r\n\r\n');
    const kib = (bytes: number): string => `${(bytes / 1024).toFixed(1)} KiB`;
    console.log(`${count} idle connections: ${kib(resident)} each (heap ${kib(heap)}), the process ${kib(total)}`);
    expect(failures).toEqual([]);
    expect(resident * count).toBeLessThan(120 * 1024 ** 2);
  });
});

describe('D13: 1000 connections', () => {
  it('beyond max-worker-connections are closed', async () => {
    const { log: _, ...result } = await excessConnections({ connections: 3_000, maxConnections: 2_000 });
    expect(result).toEqual({ kept: 2_000, health: 200, servedOnKept: 200, servedAfter: 200, restarts: 0 });
  });

  it('and more beyond a limit of 1024 open files are closed', async () => {
    const { log: _, ...result } = await excessConnections({ connections: 3_000, maxConnections: 16_384, openFiles: '1024' });
    // What is left of 1,024 by then depends on what else the process has open.
    const { kept, ...rest } = result;
    expect(kept).toBeGreaterThan(300);
    expect(kept).toBeLessThan(500);
    expect(rest).toEqual({ health: 200, servedOnKept: 200, servedAfter: 200, restarts: 0 });
  });
});
