/** What policies change in heads: nothing that they say may become a line of its own. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bytesOf, fieldValue, isChangeable, RequestChanges, ResponseChanges, without } from '../../src/policies/changes.ts';

describe('isChangeable', () => {
  it.each(['X-A', 'Server', 'content-type', 'x_y', "!#$%&'*+-.^_`|~1a"])('takes %s', (name) => {
    expect(isChangeable(name)).toBe(true);
  });

  it.each([
    'Connection',
    'CONTENT-LENGTH',
    'host',
    'Keep-Alive',
    'proxy-connection',
    'TE',
    'Trailer',
    'transfer-encoding',
    'Upgrade',
  ])('refuses %s, which frames the message or is of one hop', (name) => {
    expect(isChangeable(name)).toBe(false);
  });

  it.each(['', 'a b', 'a:', 'a\r\nb', 'a\u0000', 'ä', '"a"', 'a\n'])('refuses %j, which is no name', (name) => {
    expect(isChangeable(name)).toBe(false);
  });
});

describe('fieldValue', () => {
  it.each([
    ['plain', ' a b\t', 'a b'],
    ['CR, LF and NUL', 'a\r\nX-Evil: 1\u0000', 'aX-Evil: 1'],
    ['other control characters, but HTAB', 'a\u0001\u001f\u007f\tb', 'a\tb'],
    ['what begins or ends with them', '\u0000 a \r\n', 'a'],
    ['Latin-1 is bytes already', '\u00e9\u00a0', '\u00e9\u00a0'],
    ['beyond it: UTF-8', 'ž', Buffer.from('ž').toString('latin1')],
    ['an emoji of two halves', '😀', Buffer.from('😀').toString('latin1')],
    ['nothing', ' \t', ''],
  ])('%s', (_, text, value) => {
    expect(fieldValue(text)).toBe(value);
  });

  it('a character whose last byte is 0xa0 keeps it', () => {
    expect(Buffer.from(fieldValue(bytesOf('voilà')), 'latin1').toString('utf8')).toBe('voilà');
  });

  it('never holds what ends a line, nor what is not one byte, whatever it is made of', () => {
    const piece = fc.oneof(
      fc.constantFrom('\r', '\n', '\0', '\u010a', '\u2028', '\u560a', '\ud800'),
      fc.string({ unit: 'binary' }),
    );
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        // oxlint-disable-next-line no-control-regex
        expect(fieldValue(pieces.join(''))).toMatch(/^[\t\u0020-\u007e\u0080-\u00ff]*$/);
      }),
    );
  });
});

describe.each([
  ['requests', () => new RequestChanges()],
  ['responses', () => new ResponseChanges()],
])('changes of %s', (_, make) => {
  it('set replaces what comes from elsewhere, and what was set or added before, in any case', () => {
    const changes = make();
    changes.set('X-A', '1');
    changes.add('x-a', '2');
    changes.set('X-B', '3');
    changes.set('x-A', '4');
    expect([changes.removed, changes.lines]).toEqual([['x-a', 'x-b'], 'X-B: 3\r\nx-A: 4\r\n']);
  });

  it('add stands beside what comes from elsewhere', () => {
    const changes = make();
    changes.add('Set-Cookie', 'a=1');
    changes.add('Set-Cookie', 'b=2');
    expect([changes.removed, changes.lines]).toEqual([[], 'Set-Cookie: a=1\r\nSet-Cookie: b=2\r\n']);
  });

  it('remove, and an empty value, take it away', () => {
    const changes = make();
    changes.set('X-A', '1');
    changes.remove('x-a');
    changes.set('X-B', ' \r\n');
    expect([changes.removed, changes.lines]).toEqual([['x-a', 'x-b'], '']);
  });

  it('replace is set for lines made beforehand; rewrite leaves what was added before', () => {
    const changes = make();
    changes.set('X-A', '1');
    changes.add('Set-Cookie', 'own=1');
    changes.replace(['x-a', 'x-b'], 'X-A: 2\r\nX-B: 3\r\n');
    changes.rewrite('set-cookie', 'Set-Cookie: theirs=1\r\n');
    expect(changes.lines).toBe('Set-Cookie: own=1\r\nX-A: 2\r\nX-B: 3\r\nSet-Cookie: theirs=1\r\n');
    expect(changes.removed).toEqual(['x-a', 'x-b', 'set-cookie']);
  });

  it('leaves what may not be changed alone', () => {
    const changes = make();
    for (const name of ['Content-Length', 'Transfer-Encoding', 'Host', 'X A', 'X\r\nY']) {
      changes.set(name, '1');
      changes.add(name, '1');
      changes.remove(name);
    }
    expect([changes.removed, changes.lines]).toEqual([[], '']);
  });

  it('a value cannot begin another line', () => {
    const changes = make();
    changes.set('X-A', '1\r\nContent-Length: 0\r\n\r\nevil');
    expect(changes.lines).toBe('X-A: 1Content-Length: 0evil\r\n');
  });
});

describe('RequestChanges', () => {
  it('tells whether more than the target is changed', () => {
    const changed = (change: (changes: RequestChanges) => void): boolean => {
      const changes = new RequestChanges();
      change(changes);
      return changes.ofFields;
    };
    expect(changed((changes) => (changes.target = '/'))).toBe(false);
    expect(changed((changes) => (changes.method = 'GET'))).toBe(true);
    expect(changed((changes) => (changes.host = 'a'))).toBe(true);
    expect(changed((changes) => (changes.http10 = true))).toBe(true);
    expect(changed((changes) => (changes.connection = 'close'))).toBe(true);
    expect(changed((changes) => changes.remove('x-a'))).toBe(true);
    expect(changed((changes) => changes.add('x-a', '1'))).toBe(true);
  });
});

describe('without', () => {
  it('is the lines of other names, as they were', () => {
    const name = fc.constantFrom('A', 'a', 'AB', 'a-b', 'X-A');
    const line = fc.tuple(name, fc.constantFrom('', ' 1', ': x', 'a:')).map(([left, right]) => `${left}:${right}\r\n`);
    fc.assert(
      fc.property(fc.array(line), fc.constantFrom('a', 'ab', 'a-b', 'x-a', 'b'), (lines, lower) => {
        const expected = lines.filter((one) => one.slice(0, one.indexOf(':')).toLowerCase() !== lower).join('');
        expect(without(lines.join(''), lower)).toBe(expected);
      }),
    );
  });
});
