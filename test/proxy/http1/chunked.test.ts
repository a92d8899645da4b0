import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEFAULT_SETTINGS } from '../../../src/settings/defaults.ts';
import { allowedTrailers, BODY_END, ChunkedReader, HAVE_DATA, MALFORMED } from '../../../src/proxy/http1/chunked.ts';

/** Reads a body that arrives in these pieces: its data, its trailers and what follows, or null if it is refused. */
function read(pieces: readonly string[]): { data: string; trailers: string; rest: string } | null | 'incomplete' {
  const reader = new ChunkedReader();
  reader.reset(DEFAULT_SETTINGS.proxy);
  let data = '';
  for (const [index, piece] of pieces.entries()) {
    const bytes = Buffer.from(piece, 'latin1');
    let at = 0;
    while (at < bytes.length) {
      const result = reader.read(bytes, at, bytes.length);
      if (result === MALFORMED) return null;
      at = reader.at;
      if (result === HAVE_DATA) data += bytes.toString('latin1', reader.dataStart, reader.dataEnd);
      if (result === BODY_END)
        return { data, trailers: reader.trailers, rest: piece.slice(at) + pieces.slice(index + 1).join('') };
    }
  }
  return 'incomplete';
}

describe('chunked bodies', () => {
  it('are read with sizes, extensions and trailers', () => {
    expect(read(['5;a=b\r\nhello\r\nA\r\n0123456789\r\n0\r\nX-T: 1\r\n\r\nnext'])).toEqual({
      data: 'hello0123456789',
      trailers: 'X-T: 1\r\n',
      rest: 'next',
    });
    expect(read(['000\r\n\r\n'])).toEqual({ data: '', trailers: '', rest: '' });
  });

  it.each([
    ['a bare LF after the size', '1\na\r\n0\r\n\r\n'],
    ['a bare LF after the data', '1\r\na\n0\r\n\r\n'],
    ['no digits', '\r\na\r\n0\r\n\r\n'],
    ['a sign', '+1\r\na\r\n0\r\n\r\n'],
    ['0x', '0x1\r\na\r\n0\r\n\r\n'],
    ['a space before the size', ' 1\r\na\r\n0\r\n\r\n'],
    ['a space after the size', '1 \r\na\r\n0\r\n\r\n'],
    ['more data than the size', '1\r\nab\r\n0\r\n\r\n'],
    ['a size beyond any', 'fffffffffffffffff\r\n'],
    ['a control in an extension', '1;\x01\r\na\r\n0\r\n\r\n'],
    ['CR without LF in an extension', '1;a\rb\r\na\r\n0\r\n\r\n'],
    ['a folded trailer', '0\r\nX: 1\r\n y\r\n\r\n'],
    ['a trailer without a colon', '0\r\nX\r\n\r\n'],
    ['endless extensions', `1;${'a'.repeat(20_000)}`],
    ['endless trailers', `0\r\nX: ${'a'.repeat(10_000)}`],
    ['a hundred trailers', `0\r\n${'X: 1\r\n'.repeat(100)}\r\n`],
  ])('are refused: %s', (_, text) => {
    expect(read([text])).toBeNull();
  });

  it('are the same however they are cut', () => {
    const part = fc.string({ minLength: 1, maxLength: 40, unit: fc.constantFrom('a', '\r', '\n', '0', ';') });
    fc.assert(
      fc.property(fc.array(part, { maxLength: 6 }), fc.array(fc.nat(200), { maxLength: 8 }), (parts, cuts) => {
        const wire = `${parts.map((data) => `${data.length.toString(16)}\r\n${data}\r\n`).join('')}0\r\nT: v\r\n\r\nREST`;
        const at = [...new Set(cuts.filter((cut) => cut < wire.length))].sort((a, b) => a - b);
        const pieces = [0, ...at]
          .map((start, index) => wire.slice(start, at[index] ?? wire.length))
          .filter((piece) => piece !== '');
        expect(read(pieces)).toEqual({ data: parts.join(''), trailers: 'T: v\r\n', rest: 'REST' });
      }),
    );
  });

  it('keep framing, routing and credentials out of trailers (RFC 9110 §6.5.1)', () => {
    expect(
      allowedTrailers(
        'X-Sum: 1\r\nContent-Length: 5\r\nHost: b\r\nAuthorization: x\r\nTransfer-Encoding: chunked\r\nX-Forwarded-For: y\r\nX_Forwarded_For: y\r\nProxy: z\r\nX-Original-URI: /\r\nHTTP2-Settings: x\r\n',
      ),
    ).toBe('X-Sum: 1\r\n');
  });
});
