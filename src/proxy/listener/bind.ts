/** Binding listening sockets: shared by SO_REUSEPORT, on kernels with and without IPv6. */
import net from 'node:net';

/** The kernel queues so many connections that no worker has accepted yet. */
const BACKLOG = 4096;

/** Listens; resolves with the port. `::` becomes `0.0.0.0` on a kernel without IPv6. Rejects with the system's error. */
export function listen(server: net.Server, address: string, port: number): Promise<number> {
  return withoutIpv6(address, (host) => bind(server, { host, port, backlog: BACKLOG, reusePort: true }));
}

/** Rejects when somebody already listens on the port, which SO_REUSEPORT would silently share. */
export async function assertFree(address: string, port: number): Promise<void> {
  if (port !== 0) await bindOnce(address, port);
}

/** A port that nobody listens on, of the system's choice. */
export function freePort(address: string): Promise<number> {
  return bindOnce(address, 0);
}

async function bindOnce(address: string, port: number): Promise<number> {
  const probe = net.createServer();
  const bound = await withoutIpv6(address, (host) => bind(probe, { host, port }));
  await new Promise((resolve) => probe.close(resolve));
  return bound;
}

async function withoutIpv6<T>(address: string, attempt: (address: string) => Promise<T>): Promise<T> {
  try {
    return await attempt(address);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (address !== '::' || (code !== 'EAFNOSUPPORT' && code !== 'EADDRNOTAVAIL')) throw error;
    return attempt('0.0.0.0');
  }
}

function bind(server: net.Server, options: net.ListenOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(options, () => {
      server.off('error', reject);
      resolve((server.address() as net.AddressInfo).port);
    });
  });
}
