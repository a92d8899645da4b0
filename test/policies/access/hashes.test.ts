/** Password hashes, against those that crypt(3), OpenSSL and htpasswd make. */
import { describe, expect, it } from 'vitest';
import { costOf, isKnownHash, matches } from '../../../src/policies/passwords/hashes.ts';
import { shaCryptRounds } from '../../../src/policies/passwords/sha-crypt.ts';

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');

describe('a password', () => {
  it.each([
    // The passwords and salts of Ulrich Drepper's specification.
    ['Hello world!', '$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5'],
    ['Hello world!', '$5$rounds=10000$saltstringsaltstring$3xv.VbSHBb41AL9AvLeujZkZRBAwqFMz2.opqey6IcA'],
    ['This is just a test', '$5$rounds=5000$toolongsaltstrin$Un/5jzAHMgOGZ5.mWJpuVolil07guHPvOW8mGRcvxa5'],
    [
      'we have a short salt string but not a short password',
      '$5$rounds=7777$short$ltSeJPozE.NJ.IS0ZKHDC7XvzB4EWtNqm6SxGtpv.61',
    ],
    ['Hello world!', '$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1'],
    [
      'Hello world!',
      '$6$rounds=10000$saltstringsaltstring$OW1/O6BYHV6BcXZu8QVeXbDWra3Oeqh0sbHbbMCVNSnCM/UrjmM0Dp8vOuZeHBy/YTBmSK6H9qs/y3RnOaw5v.',
    ],
    ['', '$6$abc$mJP3a6FyA8uCnzRtlnNypPwjnvpi5TP9qOrInzrfDmwxUQG38PkpCPdqfTb8JQfAngapMxeim4AZ..hSdRRzD.'],
    ['x'.repeat(90), '$5$0123456789abcdef$uLhTaNLpv1qJNznqH/nXnogsswA9J9UGvlh4bcxvaS9'],
    ['g\xfcnther', '$6$abc$YAudc.cAgya1MheCm8nN8xnljG.YgJt7vGyG3bmlU3tmo/KGqZi6bG5qO7B5MGYxYU/rHpx9VupuM7n8KbgsV.'],
    ['myPassword', '$apr1$r31.....$HqJZimcKQFAMYayBlzkrA/'],
    ['password', '$1$salt$qJH7.N4xYta3aEG/dfqo/0'],
    ['foob\xe9', 'arzayMopaCzQ2'],
    ['secret', '{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ='],
  ])('%j is that of %s', (password, hash) => {
    expect([matches(latin1(password), hash), matches(latin1(`${password} `.replace(/^foob./, 'foox')), hash)]).toEqual([
      true,
      false,
    ]);
  });

  it.each([
    [
      'as bytes that are no text, by bcrypt',
      Buffer.from([0xef, 0xbf, 0xbd, 0xff]),
      '$2y$04$uzBx0I7v5e.sLWCtXbUjnuhp.EYP3KW7FBYqQYrGkCbj/YWlWxt/m',
    ],
    ['that is a part up to a NUL', Buffer.from('secret\0more'), '{PLAIN}secret'],
    ['that is too long to be one', Buffer.alloc(1025, 'x'), `{PLAIN}${'x'.repeat(1025)}`],
    ['that is empty, by a salted hash of nothing', Buffer.from(''), '{SSHA}'],
  ])('%s, is none', (_, password, hash) => {
    expect(matches(password, hash)).toBe(false);
  });
});

describe('a hash', () => {
  it.each(['{PLAIN}', '{SHA}aaaa', '{SSHA}aaaa'])('%s is fast', (hash) => expect(costOf(hash)).toBe('fast'));

  it.each([
    '',
    'plain',
    '$2y$99$uzBx0I7v5e.sLWCtXbUjnuhp.EYP3KW7FBYqQYrGkCbj/YWlWxt/m',
    '$2y$16$uzBx0I7v5e.sLWCtXbUjnuhp.EYP3KW7FBYqQYrGkCbj/YWlWxt/m',
    '$2y$03$uzBx0I7v5e.sLWCtXbUjnuhp.EYP3KW7FBYqQYrGkCbj/YWlWxt/m',
    '$6$rounds=1000001$abc$mJP3a6FyA8uCnzRtlnNypPwjnvpi5TP9qOrInzrfDmwxUQG38PkpCPdqfTb8JQfAngapMxeim4AZ..hSdRRzD.',
    '$5$abc$mJP3a6FyA8uCnzRtlnNypPwjnvpi5TP9qOrInzrfDmwxUQG38PkpCPdqfTb8JQfAngapMxeim4AZ..hSdRRzD.',
    '$apr1$toolongasalt$HqJZimcKQFAMYayBlzkrA/',
    '$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA',
    '{MD5}aaaa',
    '{SHA}!',
  ])('%j is none that is known, or costs too much', (hash) => expect(isKnownHash(hash)).toBe(false));

  it('says its rounds, and has a thousand of them at least', () => {
    const rest = 'abc$uLhTaNLpv1qJNznqH/nXnogsswA9J9UGvlh4bcxvaS9';
    expect([`$5$${rest}`, `$5$rounds=10$${rest}`, `$5$rounds=20000$${rest}`].map(shaCryptRounds)).toEqual([5000, 1000, 20_000]);
  });
});
