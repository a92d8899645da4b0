/** Texts with variables of nginx: taken apart once, and what is put in is never read again. */
import { describe, expect, it } from 'vitest';
import { expand, isVariable, parseTemplate } from '../../src/policies/variables/template.ts';

const values: Readonly<Record<string, string>> = { host: 'app.example', http_x_a: '$host', uri: '/a', cookie_b: '${uri}' };
const passage = { variable: (name: string): string => values[name] ?? '' };

function expanded(text: string): string {
  const parsed = parseTemplate(text);
  return 'template' in parsed ? expand(parsed.template, passage) : `unknown: ${parsed.unknown}`;
}

describe('parseTemplate', () => {
  it.each([
    ['', []],
    ['plain', ['plain']],
    ['$host', [{ variable: 'host' }]],
    ['${host}', [{ variable: 'host' }]],
    ['a$host/b', ['a', { variable: 'host' }, '/b']],
    ['${host}name$uri', [{ variable: 'host' }, 'name', { variable: 'uri' }]],
    ['$host$uri', [{ variable: 'host' }, { variable: 'uri' }]],
    ['a $ b', ['a $ b']],
    ['$', ['$']],
    ['${}', ['${}']],
    ['${host', ['${host']],
    ['$-a', ['$-a']],
    ['$$host', ['$', { variable: 'host' }]],
    ['$http_x_a-b', [{ variable: 'http_x_a' }, '-b']],
  ])('%s', (text, template) => {
    expect(parseTemplate(text)).toEqual({ template });
  });

  it.each([
    ['$nosuch', 'nosuch'],
    ['$host$hostile', 'hostile'],
    ['$1', '1'],
    ['${nosuch}', 'nosuch'],
    ['$constructor', 'constructor'],
    ['$__proto__', '__proto__'],
    ['$http_', 'http_'],
    ['$HOST', 'HOST'],
  ])('%s: nobody knows it', (text, unknown) => {
    expect(parseTemplate(text)).toEqual({ unknown });
  });

  it('others may know more', () => {
    expect(parseTemplate('$1-$host', (name) => name === '1')).toEqual({
      template: [{ variable: '1' }, '-', { variable: 'host' }],
    });
  });

  it('takes no longer for a text of 64 KiB that is full of "$"', () => {
    for (const text of ['$'.repeat(65_536), '${'.repeat(32_768), `\${${'a'.repeat(65_536)}`]) {
      expect(parseTemplate(text)).toEqual({ template: [text] });
    }
  });
});

describe('expand', () => {
  it('puts values in, and does not read them again', () => {
    expect(expanded('$http_x_a $cookie_b $host')).toBe('$host ${uri} app.example');
  });

  it('a variable without a value is empty', () => {
    expect(expanded('[$arg_none]')).toBe('[]');
  });
});

describe('isVariable', () => {
  it('knows families by their prefix, with a name behind it', () => {
    expect(['http_x', 'cookie_x', 'arg_x', 'host'].every((name) => isVariable(name))).toBe(true);
    expect(['http_', 'sent_http_x', 'toString', ''].some((name) => isVariable(name))).toBe(false);
  });
});
