/** `auth-type: basic` at work: nginx's ngx_http_auth_basic_module. */
import type { KeyObject } from 'node:crypto';
import type { PasswordAuth } from '../../model/policies.ts';
import type { Answer } from '../answer.ts';
import { page } from '../answer.ts';
import { PENDING } from '../acting.ts';
import type { PasswordAnswer, PasswordChecker } from '../passwords/checker.ts';
import { costOf } from '../passwords/hashes.ts';
import { basicCredentials } from './authorization.ts';
import { type Check, GRANTED, type Verdict } from './check.ts';
import { parseUsers } from './users.ts';

/** The hashes of a file by user. */
interface Hashes {
  readonly hashes: ReadonlyMap<string, string>;
  /** Checked for users who do not exist, so that they take as long as a wrong password. */
  readonly decoy: string;
}

const known = new WeakMap<KeyObject, Hashes>();

function hashesOf(file: KeyObject): Hashes {
  let found = known.get(file);
  if (found === undefined) {
    const hashes = new Map<string, string>();
    for (const { name, rest } of parseUsers(file)) if (!hashes.has(name)) hashes.set(name, rest.split(':', 1)[0]!);
    const decoy = [...hashes.values()].find((hash) => costOf(hash) !== undefined) ?? '';
    known.set(file, (found = { hashes, decoy }));
  }
  return found;
}

/** Makes the check. What the Secret holds is read here, once per change of the route. */
export function basicCheck({ realm, users: file, secret }: PasswordAuth, checker: PasswordChecker): Check {
  const list = checker.nameOf(file);
  const { hashes, decoy } = hashesOf(file);
  const challenge: Answer = { ...page(401), fields: `WWW-Authenticate: Basic realm="${realm}"\r\n` };
  return (passage, decided) => {
    const { client } = passage;
    const credentials = basicCredentials(passage.field('authorization'));
    if (credentials === null) return challenge;
    const { user, password } = credentials;
    const hash = hashes.get(user);
    const verdict = (answer: PasswordAnswer): Verdict => {
      if (answer === 'right') return GRANTED;
      // Nothing was found out: whoever is right may ask again.
      return answer === 'wrong' ? challenge : page(answer === 'busy' ? 503 : 500);
    };
    const question = {
      list,
      user,
      password,
      hash: hash ?? decoy,
      exists: hash !== undefined,
      group: secret,
      client: client.address,
    };
    const answer = checker.check(question, (late) => decided(verdict(late)));
    return answer === null ? PENDING : verdict(answer);
  };
}
