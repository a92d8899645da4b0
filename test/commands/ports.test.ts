import { once } from 'node:events';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { requireFreePorts } from '../../src/commands/ports.ts';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function listen(reusePort: boolean): Promise<number> {
  const server = createServer();
  servers.push(server);
  server.listen({ port: 0, host: '127.0.0.1', reusePort });
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

describe('requireFreePorts', () => {
  it.each([false, true])('names the port and the flag when it is in use (shared: %s)', async (reusePort) => {
    const port = await listen(reusePort);
    await expect(requireFreePorts([{ flag: 'http-port', port, address: '127.0.0.1' }])).rejects.toThrow(
      `port ${port} (--http-port) is already in use on 127.0.0.1; choose another with --http-port`,
    );
  });

  it('leaves a free port free, and asks nothing of 0', async () => {
    const port = await listen(false);
    servers.splice(0).forEach((server) => server.close());
    const wanted = [
      { flag: 'https-port', port, address: '127.0.0.1' },
      { flag: 'http-port', port: 0, address: '127.0.0.1' },
    ];
    await expect(requireFreePorts(wanted)).resolves.toBeUndefined();
    await expect(requireFreePorts(wanted)).resolves.toBeUndefined();
  });

  it('says when the address is not of this machine', async () => {
    await expect(requireFreePorts([{ flag: 'http-port', port: 18_080, address: '203.0.113.1' }])).rejects.toThrow(
      '203.0.113.1 is no address of this machine',
    );
  });
});
