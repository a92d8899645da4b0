/** TCP and UDP services, TLS passthrough and PROXY protocol, through the whole chain: from ConfigMaps and annotations to bytes. */
import dgram from 'node:dgram';
import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Chain } from '../support/chain.ts';
import { eventually } from '../support/eventually.ts';
import { ingress } from '../support/manifests.ts';
import { makeCertificate } from '../support/pki.ts';
import { accepts, freePort } from '../support/ports.ts';
import { RawClient } from '../support/raw-client.ts';
import { tcpBackend, tcpEcho, UdpClient, udpBackend } from '../support/stream-backend.ts';
import { handshake } from '../support/tls-client.ts';

let chain: Chain;
const closes: (() => unknown)[] = [];
/** Two TCP ports, two UDP ports. */
let tcpPorts: readonly [number, number];
let udpPorts: readonly [number, number];

const configMap = (name: string, data: Readonly<Record<string, string>>): object => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'default' },
  data,
});

/** A Service and an EndpointSlice that lead to a port of 127.0.0.1. */
function service(name: string, port: number, protocol = 'TCP'): readonly object[] {
  const of = { name: 'x', protocol };
  return [
    { apiVersion: 'v1', kind: 'Service', metadata: { name }, spec: { ports: [{ ...of, port: 80 }] } },
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: `${name}-1`, labels: { 'kubernetes.io/service-name': name } },
      addressType: 'IPv4',
      endpoints: [{ addresses: ['127.0.0.1'], conditions: { ready: true } }],
      ports: [{ ...of, port }],
    },
  ];
}

async function say(port: number, text: string): Promise<string> {
  const client = await RawClient.connect(port);
  client.send(text);
  client.socket.end();
  await client.closed();
  client.close();
  return client.buffer;
}

/** Something that is closed after the tests. */
function opened<T extends { readonly close: () => unknown }>(one: T): T {
  closes.push(() => one.close());
  return one;
}

const identity = makeCertificate({ names: ['pass.example'] });

beforeAll(async () => {
  const first = opened(await tcpEcho('first '));
  const second = opened(await tcpEcho('second '));
  const dns = opened(await udpBackend((text) => [`re ${text}`]));
  const secure = tls.createServer({ cert: identity.cert, key: identity.key }, (socket) => socket.on('error', () => undefined));
  secure.on('tlsClientError', () => undefined);
  const passed = opened(await tcpBackend((socket) => secure.emit('connection', socket)));
  [tcpPorts, udpPorts] = [
    [await freePort(), await freePort()],
    [await freePort(), await freePort()],
  ];
  chain = await Chain.start({
    flags: [
      '--configmap=default/settings',
      '--tcp-services-configmap=default/tcp',
      '--udp-services-configmap=default/udp',
      '--enable-ssl-passthrough',
      '--ssl-passthrough-proxy-port=4420',
      '--workers=2',
      '--access-log=true',
    ],
  });
  chain.apply(configMap('tcp', { [tcpPorts[0]]: 'default/first:80' }), configMap('udp', { [udpPorts[0]]: 'default/dns:x' }));
  chain.apply(...service('first', first.port), ...service('second', second.port), ...service('dns', dns.port, 'UDP'));
  chain.apply(...service('passed', passed.port));
  chain.apply(
    ingress('pass', 'pass.example Prefix / passed:80', {
      annotations: { 'nginx.ingress.kubernetes.io/ssl-passthrough': 'true' },
    }),
  );
  await chain.listening();
  await chain.settled();
  await eventually(() => accepts(tcpPorts[0]));
});

afterAll(async () => {
  await chain.close();
  for (const close of closes) await close();
});

describe('TCP services', () => {
  it('are served, and follow their ConfigMap while open connections go on', async () => {
    expect(await say(tcpPorts[0], 'x')).toBe('first x');
    const open = await RawClient.connect(tcpPorts[0]);
    open.send('a');
    await open.until(() => open.buffer === 'first a');
    chain.apply(configMap('tcp', { [tcpPorts[0]]: 'default/second:x', [tcpPorts[1]]: 'default/first:80::PROXY' }));
    await eventually(async () => (await say(tcpPorts[0], 'x')) === 'second x');
    await eventually(() => accepts(tcpPorts[1]));
    expect(await say(tcpPorts[1], 'x')).toMatch(/^first PROXY TCP4 127\.0\.0\.1 127\.0\.0\.1 \d+ \d+\r\nx$/u);
    chain.apply(configMap('tcp', { [tcpPorts[1]]: 'default/first:80' }));
    await eventually(async () => !(await accepts(tcpPorts[0])));
    open.send('b');
    await open.until(() => open.buffer === 'first ab');
    open.close();
  });

  it('tell by Events what is wrong with them, and a port that is taken harms no other', async () => {
    const holder = net.createServer().listen(tcpPorts[0], '127.0.0.1');
    await once(holder, 'listening');
    chain.apply(
      configMap('tcp', {
        [tcpPorts[0]]: 'default/first:80',
        [tcpPorts[1]]: 'default/first:80',
        10254: 'default/first:80',
        web: 'default/first:80',
      }),
    );
    const codes = async (): Promise<string[]> => (await chain.diagnostics()).map(({ code }) => code);
    await eventually(async () => (await codes()).includes('StreamPortUnavailable'));
    expect(await codes()).toContain('StreamInvalid');
    expect(await say(tcpPorts[1], 'x')).toBe('first x');
    await eventually(() => chain.events('ConfigMap', 'tcp').some(({ reason }) => reason === 'StreamPortUnavailable'));
    holder.close();
    await once(holder, 'close');
    await eventually(async () => (await say(tcpPorts[0], 'x').catch(() => '')) === 'first x');
    await eventually(async () => !(await codes()).includes('StreamPortUnavailable'));
  });

  it('are in the metrics and the log', async () => {
    await say(tcpPorts[1], 'measured');
    const metric = async (): Promise<number> => {
      const text = await (await fetch(`${chain.admin}/metrics`)).text();
      return Number(/^sluice_stream_received_bytes_total (\d+)$/mu.exec(text)?.[1]);
    };
    await eventually(async () => (await metric()) >= 'measured'.length);
    await eventually(() => /^\[127\.0\.0\.1\] \[.+\] TCP 200 14 8 0\.\d{3}$/mu.test(chain.sluice.stdout));
  });
});

describe('UDP services', () => {
  it('are served by both workers, each client by one', async () => {
    const clients = await Promise.all(Array.from({ length: 20 }, () => UdpClient.to(udpPorts[0])));
    for (let round = 0; round < 5; round++) {
      const answers = await Promise.all(clients.map((client, index) => client.ask(`${index} ${round}`)));
      expect(answers).toEqual(clients.map((_, index) => `re ${index} ${round}`));
    }
    for (const client of clients) client.close();
  });

  it('come and go with their ConfigMap', async () => {
    const holder = dgram.createSocket('udp4').bind(udpPorts[1], '127.0.0.1');
    await once(holder, 'listening');
    chain.apply(configMap('udp', { [udpPorts[1]]: 'default/dns:80' }));
    await eventually(async () => (await chain.diagnostics()).some(({ code }) => code === 'StreamPortUnavailable'));
    holder.close();
    const client = await UdpClient.to(udpPorts[1]);
    expect(await client.ask('late')).toBe('re late');
    client.close();
  });
});

describe('TLS passthrough', () => {
  it("shows the backend's own certificate, for its host alone", async () => {
    expect((await handshake(chain.httpsPort, 'pass.example')).names).toBe('DNS:pass.example');
    expect((await handshake(chain.httpsPort, 'other.example')).names).not.toContain('pass.example');
  });
});

describe('PROXY protocol', () => {
  it('is asked for by the ConfigMap, without a restart', async () => {
    chain.apply(ingress('web', 'web.test Prefix / control'), configMap('settings', { 'use-proxy-protocol': 'true' }));
    const ask = async (header: string): Promise<string> => {
      const client = await RawClient.connect(chain.httpPort);
      client.send(`${header}GET / HTTP/1.1\r\nHost: web.test\r\nConnection: close\r\n\r\n`);
      await client.closed();
      client.close();
      return client.buffer;
    };
    const header = 'PROXY TCP4 203.0.113.7 198.51.100.1 51000 80\r\n';
    await eventually(async () => (await ask(header)).includes('"x-real-ip":"203.0.113.7"'));
    await eventually(async () => (await ask('')) === '');
    await eventually(() => /203\.0\.113\.7 - - .*GET \//u.test(chain.sluice.stdout));
    await eventually(() => chain.sluice.stderr.includes('connections are closed for their PROXY header'));
    // The other ConfigMaps are none of its business.
    chain.apply(configMap('tcp', { [tcpPorts[1]]: 'default/second:80' }));
    await eventually(async () => (await say(tcpPorts[1], 'x')) === 'second x');
    await eventually(() => chain.events('ConfigMap', 'settings').length > 0);
    expect(chain.events('ConfigMap', 'settings').map(({ reason }) => reason)).toEqual(['CREATE']);
  });
});
