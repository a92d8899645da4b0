/**
 * OCSP stapling (RFC 6066 section 8, RFC 6960): a responder that is slow, gone, wrong or malicious must never delay a handshake, and
 * nothing that a client would refuse may be stapled: with "must staple" it would take the host away (RFC 7633).
 */
import { createHash, createPrivateKey, X509Certificate } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import tls from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { certificateId, type Certificate } from '../../../src/model/table.ts';
import { Stapler, Staples, type StapleChange } from '../../../src/proxy/ocsp/stapler.ts';
import { eventually } from '../../support/eventually.ts';
import { makeCa, makeCertificate, type TestCa, type TestCertificate } from '../../support/pki.ts';
import { host, proxySettings } from '../../support/proxy.ts';
import { makeOcspResponse } from '../../support/revocation.ts';
import { startPlane, type TestPlane } from '../../support/worker-plane.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const ISSUER = makeCa({ name: 'Issuer', issuer: makeCa({ name: 'Root' }) });

type Answer = (request: IncomingMessage, response: ServerResponse, body: Buffer) => void;

/** A responder that says what a test wants. */
class Responder {
  asked = 0;
  answer: Answer = () => undefined;
  readonly #server: Server = createServer((request, response) => {
    this.asked++;
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', () => this.answer(request, response, Buffer.concat(pieces)));
  });

  static async start(): Promise<Responder> {
    const responder = new Responder();
    await new Promise<void>((resolve) => responder.#server.listen(0, '127.0.0.1', resolve));
    open.push(responder);
    return responder;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/ocsp`;
  }

  says(bytes: () => Buffer): void {
    this.answer = (_request, response) => response.end(bytes());
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

const open: { close: () => void }[] = [];
const planes: TestPlane[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) one.close();
  for (const { plane } of planes.splice(0)) await plane.shutdown(0);
});

function model(name: string, made: TestCertificate): Certificate {
  const fingerprint = createHash('sha256').update(made.chain).digest('hex');
  const names = [name];
  return {
    id: certificateId('default', name),
    chain: made.chain,
    key: createPrivateKey(made.key),
    fingerprint,
    names,
    notBefore: 0,
    notAfter: 0,
  };
}

/** A certificate that names the responder. */
function issued(responder: Responder, name = 'a.example', issuer: TestCa = ISSUER): [TestCertificate, Certificate] {
  const made = makeCertificate({ names: [name], issuer, ocspUrl: responder.url });
  return [made, model(name, made)];
}

const NOBODY = model('nobody', makeCertificate({ names: ['nobody.example'] }));

/** A table with these certificates, as far as a stapler looks at it. */
function only(...certificates: readonly Certificate[]): Parameters<Stapler['follow']>[0] {
  return { certificates: new Map(certificates.map((one) => [one.id, one])), defaultCertificate: NOBODY };
}

/** A stapler with its clock in hand. */
function staplerOf(): { stapler: Stapler; changes: StapleChange[]; warnings: string[]; clock: { now: number } } {
  const clock = { now: Date.now() };
  const changes: StapleChange[] = [];
  const warnings: string[] = [];
  const ignore = (): void => undefined;
  const log = { error: ignore, info: ignore, debug: ignore, warn: (_: object, message: string) => void warnings.push(message) };
  const stapler = new Stapler(
    log,
    (more) => void changes.push(...more),
    () => clock.now,
  );
  open.push(stapler);
  return { stapler, changes, warnings, clock };
}

/** What a client that asks for it is stapled; null: nothing. */
function stapled(port: number, servername: string, options: tls.ConnectionOptions = {}): Promise<Buffer | null> {
  const socket = tls.connect({ port, host: '127.0.0.1', servername, requestOCSP: true, rejectUnauthorized: false, ...options });
  return new Promise<Buffer | null>((resolve, reject) => {
    socket.on('OCSPResponse', resolve).on('error', reject);
  }).finally(() => socket.destroy());
}

describe('a stapler', () => {
  it('asks as RFC 6960 has it, and again when half of the time of the answer is over', async () => {
    const responder = await Responder.start();
    const [made, certificate] = issued(responder);
    const { stapler, changes, clock } = staplerOf();
    const seen: unknown[] = [];
    responder.answer = ({ method, headers, url }, response, body) => {
      seen.push([method, url, headers['content-type'], body.length > 60]);
      response.end(
        makeOcspResponse({ certificate: made.cert, issuer: ISSUER, thisUpdate: clock.now, nextUpdate: clock.now + HOUR }),
      );
    };
    stapler.follow(only(certificate));
    stapler.tick();
    await eventually(() => changes.length === 1);
    expect(seen).toEqual([['POST', '/ocsp', 'application/ocsp-request', true]]);
    const half = HOUR / 2;
    clock.now += half - 2000;
    stapler.tick();
    expect(responder.asked).toBe(1);
    clock.now += 4000;
    stapler.tick();
    await eventually(() => changes.length === 2);
    stapler.follow(null);
    expect(changes[2]).toEqual([changes[0]![0], null]);
    expect(stapler.staples()).toEqual([]);
    clock.now += 100 * HOUR;
    stapler.tick();
    expect(responder.asked).toBe(2);
  });

  it.each([
    [
      'nothing that is good',
      (made: TestCertificate) => makeOcspResponse({ certificate: made.cert, issuer: ISSUER, status: 'revoked' }),
    ],
    ['garbage', () => Buffer.from('<html>not here</html>')],
    ['nothing', () => Buffer.alloc(0)],
    ['far too much', () => Buffer.alloc(1_000_000, 0x30)],
  ])('that gets %s staples nothing, says why, and asks again later, each time after longer', async (_, answer) => {
    const responder = await Responder.start();
    const [made, certificate] = issued(responder);
    const { stapler, changes, warnings, clock } = staplerOf();
    responder.says(() => answer(made));
    stapler.follow(only(certificate));
    stapler.tick();
    let asked = 1;
    for (const wait of [MINUTE, 2 * MINUTE, 4 * MINUTE]) {
      await eventually(() => warnings.length === asked);
      clock.now += wait - 1;
      stapler.tick();
      expect(responder.asked).toBe(asked);
      clock.now += 1;
      stapler.tick();
      asked++;
    }
    await eventually(() => warnings.length === asked);
    expect(changes).toEqual([]);
  });

  it('goes where the certificate says, and nowhere that a responder sends it to', async () => {
    const [responder, other] = [await Responder.start(), await Responder.start()];
    const [made, certificate] = issued(responder);
    other.says(() => makeOcspResponse({ certificate: made.cert, issuer: ISSUER }));
    responder.answer = (_request, response) => response.writeHead(307, { Location: other.url }).end();
    const { stapler, changes, warnings } = staplerOf();
    stapler.follow(only(certificate));
    stapler.tick();
    await eventually(() => warnings.length === 1);
    expect([other.asked, changes.length]).toEqual([0, 0]);
  });

  it('keeps an answer while it lasts though the responder is gone, and no longer', async () => {
    const responder = await Responder.start();
    const [made, certificate] = issued(responder);
    const { stapler, changes, warnings, clock } = staplerOf();
    responder.says(() => makeOcspResponse({ certificate: made.cert, issuer: ISSUER, nextUpdate: clock.now + HOUR }));
    stapler.follow(only(certificate));
    stapler.tick();
    await eventually(() => changes.length === 1);
    responder.close();
    clock.now += 40 * MINUTE;
    stapler.tick();
    await eventually(() => warnings.length === 1);
    expect(changes).toHaveLength(1);
    const staples = new Staples(() => clock.now);
    staples.change(changes);
    const { raw } = new X509Certificate(made.cert);
    expect(staples.find(raw)).toEqual(changes[0]![1]!.response);
    clock.now += 21 * MINUTE;
    expect(staples.find(raw)).toBe(null);
    expect(staples.find(new X509Certificate(ISSUER.cert).raw)).toBe(null);
  });

  it('asks few at once, and is not stopped by those that do not answer', async () => {
    const responder = await Responder.start();
    const certificates = Array.from({ length: 12 }, (_, i) => issued(responder, `${i}.example`)[1]);
    const { stapler } = staplerOf();
    const waiting: ServerResponse[] = [];
    responder.answer = (_request, response) => void waiting.push(response);
    stapler.follow(only(...certificates));
    for (let i = 0; i < 5; i++) stapler.tick();
    await eventually(() => waiting.length === 4);
    waiting.pop()!.writeHead(500).end();
    await eventually(() => waiting.length === 4);
    expect(responder.asked).toBe(5);
  });

  it('forgets a good answer when the issuer says that the certificate is revoked since; not when anybody else does', async () => {
    const responder = await Responder.start();
    const [made, certificate] = issued(responder);
    const { stapler, changes, warnings, clock } = staplerOf();
    responder.says(() => makeOcspResponse({ certificate: made.cert, issuer: ISSUER }));
    stapler.follow(only(certificate));
    await eventually(() => changes.length === 1);
    const stranger = makeCa({ name: 'Issuer' });
    for (const signer of [{ ...stranger, key: makeCa({ name: 'Stranger' }).key }, ISSUER]) {
      const revoked = { certificate: made.cert, issuer: ISSUER, status: 'revoked' as const, signer };
      responder.says(() => makeOcspResponse({ ...revoked, nextUpdate: clock.now + HOUR }));
      const told = warnings.length;
      clock.now += 12 * HOUR;
      await eventually(() => {
        stapler.tick();
        return warnings.length > told;
      });
      expect([signer === ISSUER, changes.slice(1).map(([, staple]) => staple)]).toEqual(
        signer === ISSUER ? [true, [null]] : [false, []],
      );
    }
  });

  it('keeps the answer of a certificate that two Secrets have until the last of them is gone', async () => {
    const responder = await Responder.start();
    const [made, one] = issued(responder);
    const chain = `${made.chain}\n`;
    const other = { ...model('other', made), chain, fingerprint: 'other' };
    const { stapler, changes } = staplerOf();
    responder.says(() => makeOcspResponse({ certificate: made.cert, issuer: ISSUER }));
    stapler.follow(only(one, other));
    await eventually(() => changes.length === 2);
    const staples = new Staples();
    const { raw } = new X509Certificate(made.cert);
    const found = (): boolean => {
      staples.change(changes);
      return staples.find(raw) !== null;
    };
    stapler.follow(only(other));
    expect(found()).toBe(true);
    stapler.follow(only());
    expect(found()).toBe(false);
  });
});

describe('the workers', () => {
  async function start(certificates: readonly Certificate[], ocspStapling = true): Promise<[TestPlane, number]> {
    const made = startPlane({ workers: 2, settings: { ocspStapling } });
    planes.push(made);
    made.publish(
      certificates.map((one) => host(one.names[0]!, [], one.id)),
      [],
      { certificates },
    );
    return [made, (await made.plane.listening).https];
  }

  it('all staple it, to who asks for it, also one that was started later', async () => {
    const responder = await Responder.start();
    const [made, certificate] = issued(responder);
    const response = makeOcspResponse({ certificate: made.cert, issuer: ISSUER });
    responder.says(() => response);
    const [{ threads }, port] = await start([certificate]);
    await eventually(async () => (await stapled(port, 'a.example')) !== null);
    for (const version of ['TLSv1.2', 'TLSv1.3'] as const)
      for (let i = 0; i < 10; i++)
        expect(await stapled(port, 'a.example', { minVersion: version, maxVersion: version })).toEqual(response);
    // Nothing is known of the default certificate.
    expect(await stapled(port, 'b.example')).toBe(null);
    await threads[0]!.terminate();
    await eventually(() => threads.length === 3);
    for (let i = 0; i < 10; i++)
      await eventually(async () => (await stapled(port, 'a.example').catch(() => null))?.equals(response) === true);
    expect(responder.asked).toBe(1);
  });

  it('do not wait for it: a responder that hangs delays no handshake', async () => {
    const responder = await Responder.start();
    const [, certificate] = issued(responder);
    const [, port] = await start([certificate]);
    await eventually(() => responder.asked === 1);
    expect(await stapled(port, 'a.example')).toBe(null);
  });

  it('ask nobody, and staple nothing, unless they are told to', async () => {
    const responder = await Responder.start();
    const [made, certificate] = issued(responder);
    responder.says(() => makeOcspResponse({ certificate: made.cert, issuer: ISSUER }));
    const [{ plane }, port] = await start([certificate], false);
    expect(await stapled(port, 'a.example')).toBe(null);
    expect(responder.asked).toBe(0);
    const settings = proxySettings({ maxConnections: 1000, ocspStapling: true });
    plane.configure(settings);
    await eventually(async () => (await stapled(port, 'a.example')) !== null);
    plane.configure({ ...settings, ocspStapling: false });
    await eventually(async () => (await stapled(port, 'a.example')) === null);
  });

  it('staple nothing where a client gets one of two certificates: which, Node does not say', async () => {
    const responder = await Responder.start();
    const [ec, one] = issued(responder);
    const made = makeCertificate({ names: ['a.example'], issuer: ISSUER, keyType: 'rsa', ocspUrl: responder.url });
    const other = { ...model('rsa', made), names: ['a.example'] };
    const single = issued(responder, 'c.example');
    responder.answer = (_request, response, body) => {
      const about = [ec, made, single[0]].find(({ cert }) =>
        body.includes(Buffer.from(new X509Certificate(cert).serialNumber, 'hex')),
      );
      response.end(makeOcspResponse({ certificate: about!.cert, issuer: ISSUER }));
    };
    const testPlane = startPlane({ workers: 1, settings: { ocspStapling: true } });
    planes.push(testPlane);
    const tlsOf = { alternative: other.id, ciphers: null, preferServerCiphers: null, versions: null, clientAuth: null };
    const hosts = [{ ...host('a.example', [], one.id), tls: tlsOf }, host('c.example', [], single[1].id)];
    testPlane.publish(hosts, [], { certificates: [one, other, single[1]] });
    const { https } = await testPlane.plane.listening;
    await eventually(() => responder.asked === 3);
    await eventually(async () => (await stapled(https, 'c.example')) !== null);
    for (const type of ['ECDSA', 'RSA']) {
      const options = { maxVersion: 'TLSv1.2' as const, ciphers: `ECDHE-${type}-AES128-GCM-SHA256` };
      expect([type, await stapled(https, 'a.example', options)]).toEqual([type, null]);
    }
  });
});
