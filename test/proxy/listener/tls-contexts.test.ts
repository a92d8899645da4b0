/** Which certificate a name gets, and which contexts are remembered. */
import { describe, expect, it } from 'vitest';
import { certificateId, type Certificate, type CertificateId } from '../../../src/model/table.ts';
import { TlsContexts } from '../../../src/proxy/listener/tls-contexts.ts';
import { certificate, host, proxySettings } from '../../support/proxy.ts';

const ONE = certificate('one', ['a.example']);

/** Certificates are told apart by their fingerprint: making keys is slow. */
function named(name: string, fingerprint = name): Certificate {
  return { ...ONE, id: certificateId('default', name), fingerprint };
}

function contexts(hosts: Readonly<Record<string, string>>): TlsContexts {
  const made = new TlsContexts(proxySettings());
  made.setDefault(named('default'));
  for (const [name, secret] of Object.entries(hosts)) {
    made.setCertificate(named(secret));
    made.setHost(host(name, [], certificateId('default', secret)));
  }
  return made;
}

const setHost = (all: TlsContexts, name: string, id: CertificateId | null): void => all.setHost(host(name, [], id));

describe('the context for a name', () => {
  const all = contexts({ 'a.example': 'exact', '*.example': 'wild', '*.deep.a.example': 'deep' });
  const fallback = all.contextFor('');
  const exact = all.contextFor('a.example');
  const wild = all.contextFor('b.example');
  const deep = all.contextFor('x.deep.a.example');

  it('is one for each certificate', () => {
    expect(new Set([fallback, exact, wild, deep]).size).toBe(4);
    expect(all.size).toBe(4);
  });

  it.each([
    ['A.Example', exact],
    ['a.example.', exact],
    ['A.EXAMPLE.', exact],
    ['B.EXAMPLE.', wild],
    ['c.example', wild],
    ['X.Deep.A.example.', deep],
    // A wildcard stands for one label, never for none or two.
    ['example', fallback],
    ['.example', fallback],
    ['x.b.example', fallback],
    ['x.a.example', fallback],
    ['deep.a.example', fallback],
    ['y.x.deep.a.example', fallback],
    ['a.example..', fallback],
    ['other.test', fallback],
    ['.', fallback],
  ])('%s', (name, expected) => {
    expect(all.contextFor(name)).toBe(expected);
  });
});

describe('a change', () => {
  it('of a certificate makes a new context, and forgets the old one', () => {
    const all = contexts({ 'a.example': 'a', 'b.example': 'b' });
    const [a, b] = [all.contextFor('a.example'), all.contextFor('b.example')];
    for (let i = 0; i < 5; i++) {
      all.setCertificate(named('a', `a${i}`));
      expect(all.contextFor('a.example')).not.toBe(a);
    }
    expect(all.contextFor('b.example')).toBe(b);
    expect(all.size).toBe(2);
  });

  it('back to an earlier certificate does not bring an old context back', () => {
    const all = contexts({ 'a.example': 'a' });
    const before = all.contextFor('a.example');
    all.setCertificate(named('a', 'second'));
    all.setCertificate(named('a'));
    expect(all.contextFor('a.example')).not.toBe(before);
  });

  it('that takes a certificate away leaves the default one', () => {
    const all = contexts({ 'a.example': 'a' });
    const before = all.contextFor('a.example');
    const fallback = all.contextFor('');
    all.deleteCertificate(certificateId('default', 'a'));
    expect(all.size).toBe(1);
    expect(all.contextFor('a.example')).toBe(fallback);
    all.setCertificate(named('a'));
    expect(all.contextFor('a.example')).not.toBe(before);
    expect(all.contextFor('a.example')).not.toBe(fallback);
  });

  it('that takes a host away, or its certificate, leaves the wildcard, then the default', () => {
    const all = contexts({ 'a.example': 'a', '*.example': 'w' });
    const [exact, wild, fallback] = [all.contextFor('a.example'), all.contextFor('b.example'), all.contextFor('')];
    setHost(all, 'a.example', null);
    expect(all.contextFor('a.example')).toBe(wild);
    setHost(all, 'a.example', certificateId('default', 'a'));
    expect(all.contextFor('a.example')).toBe(exact);
    all.deleteHost('a.example');
    expect(all.contextFor('a.example')).toBe(wild);
    all.deleteHost('*.example');
    expect(all.contextFor('a.example')).toBe(fallback);
  });

  it('of the default certificate is seen at once', () => {
    const all = contexts({});
    const before = all.contextFor('a.example');
    const { key } = all.defaultOptions()!;
    all.setDefault(named('default', 'second'));
    expect(all.contextFor('a.example')).not.toBe(before);
    expect(all.defaultOptions()!.key).not.toBe(key);
  });

  it('of the settings makes all contexts anew', () => {
    const all = contexts({ 'a.example': 'a' });
    const before = all.contextFor('a.example');
    all.configure(proxySettings({ tlsMinVersion: 'TLSv1.3' }));
    expect(all.size).toBe(0);
    expect(all.contextFor('a.example')).not.toBe(before);
    expect(all.defaultOptions()!.options.minVersion).toBe('TLSv1.3');
  });

  it('that begins the table anew forgets hosts and certificates', () => {
    const all = contexts({ 'a.example': 'a' });
    all.contextFor('a.example');
    all.clear();
    expect(all.size).toBe(0);
    expect(all.contextFor('a.example')).toBe(all.contextFor(''));
  });
});

describe('contexts', () => {
  it('are kept up to a thousand; the longest unused goes', () => {
    const hosts = Object.fromEntries(Array.from({ length: 1001 }, (_, i) => [`h${i}.example`, `h${i}`]));
    const all = contexts(hosts);
    const first = Array.from({ length: 1000 }, (_, i) => all.contextFor(`h${i}.example`));
    expect(all.size).toBe(1000);
    expect(all.contextFor('h0.example')).toBe(first[0]);
    all.contextFor('h1000.example');
    expect(all.size).toBe(1000);
    expect(all.contextFor('h0.example')).toBe(first[0]);
    expect(all.contextFor('h2.example')).toBe(first[2]);
    expect(all.contextFor('h999.example')).toBe(first[999]);
    // Used before all that are left, so it had to go; it comes again.
    expect(all.contextFor('h1.example')).not.toBe(first[1]);
    expect(all.size).toBe(1000);
  });
});
