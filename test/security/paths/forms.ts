/** D7: the ways to write a path that is another: 80 and more forms of what should be `/admin`, seen from `/public`. */

/** Forms of `/public/../admin`, and of `/admin` itself. `%` and `\` as on the wire. */
export const FORMS: readonly string[] = [
  '/admin',
  '/admin/',
  '/admin/secret',
  '//admin',
  '///admin',
  '/./admin',
  '/.//admin',
  '//./admin',
  '/admin/.',
  '/admin//',
  '/public/../admin',
  '/public/../admin/secret',
  '/public/../../admin',
  '/public//../admin',
  '/public/./../admin',
  '/public/.././admin',
  '/public/x/../../admin',
  '/public/x/..//../admin',
  '/public/..//admin',
  '/public/..',
  '/public/../',
  '/../admin',
  '/%61dmin',
  '/%61%64%6d%69%6e',
  '/admi%6e/secret',
  '/%2fadmin',
  '/%2Fadmin',
  '/public/%2e%2e/admin',
  '/public/%2E%2E/admin',
  '/public/.%2e/admin',
  '/public/%2e./admin',
  '/public%2f..%2fadmin',
  '/public/..%2fadmin',
  '/public/%2e%2e%2fadmin',
  '/public%2f%2e%2e%2fadmin',
  '/public/..%2f..%2fadmin',
  '/public%2fx/../admin',
  '/public%2fx/../../admin',
  '/public/x%2f..%2f../admin',
  '/public/..;/admin',
  '/public/..;a=b/admin',
  '/public/..;;/admin',
  '/public/.;/../admin',
  '/public/%2e%2e;/admin',
  '/public/..%3b/admin',
  '/public/..%3B/admin',
  '/public/.;a/..;b/admin',
  '/public/;/../admin',
  '/public/x;/../../admin',
  '/public;/../admin',
  '/public;a=/../admin',
  '/public;/..;/admin',
  '/admin;',
  '/admin;/secret',
  '/admin;jsessionid=1/secret',
  '/admin%3b/secret',
  '/;/admin',
  '/;a=b/admin/secret',
  '/.;/admin',
  '/public/..\\admin',
  '/public\\..\\admin',
  '/\\admin',
  '/public/..%5cadmin',
  '/public/..%5Cadmin',
  '/public%5c..%5cadmin',
  '/public/x%5c..%5c..%5cadmin',
  '/%5cadmin',
  '/%5c%5cadmin',
  '/admin%5csecret',
  '/public/%5c../admin',
  '/public/%252e%252e/admin',
  '/public/..%252fadmin',
  '/public/%252e%252e%252fadmin',
  '/public/..%255cadmin',
  '/public/%25252e%25252e/admin',
  '/public/%2525252e%2525252e/admin',
  '/%2561dmin',
  '/admin%252fsecret',
  '/admin%253bx',
  '/%252fadmin',
  '/public/%00/../admin',
  '/admin%00',
  '/admin%00/secret',
  '/admin%2500',
  '/public/..%00/admin',
  '/public/%c0%ae%c0%ae/admin',
  '/public/%c0%ae./admin',
  '/public/..%c0%afadmin',
  '/public/%c0%ae%c0%ae%c0%afadmin',
  '/public/..%c1%9cadmin',
  '/public/%e0%80%ae%e0%80%ae/admin',
  '/public/..%e0%80%afadmin',
  '/public/%f0%80%80%ae%f0%80%80%ae/admin',
  '/public/..%f0%80%80%afadmin',
  '/%c1%a1dmin',
  '/admin%c0%afsecret',
  '/admin%c0%80',
  '/public/%25c0%25ae%25c0%25ae/admin',
  '/public/%u002e%u002e/admin',
  '/public/%2/../admin',
  '/public/%zz/../admin',
  '/public/%/../admin',
  '/public/..?/../admin',
  '/public/..%3f/admin',
  '/admin?',
  '/admin?x=/public',
  '/admin/../public',
  '/admin//../public/x',
  '/admin/%2e%2e/public/x',
  '/admin%2f../public/x',
  '/admin/..%2fpublic/x',
  '/admin/..;/public/x',
  '/admin/x/../../public',
  '/public/admin',
  '/public/..admin',
  '/public/...',
  '/public/.../admin',
  '/public/a..b/c;d/e%5cf/%25',
];

/** One way in which a server may read a path. */
interface Habits {
  /** Times the path is percent-decoded, before dot segments are resolved. */
  readonly decodes: 0 | 1 | 2;
  readonly backslash: boolean;
  readonly parameters: boolean;
  readonly overlong: boolean;
  readonly resolves: boolean;
  /** Empty segments are taken out before dot segments are resolved. */
  readonly merges: boolean;
  /** "%2f" is decoded like anything else. */
  readonly decodesSlash: boolean;
}

const BOTH = [false, true] as const;

/** All combinations: Tomcat, IIS, Express, Flask, WHATWG URL and the like are among them. */
export const READERS: readonly Habits[] = ([0, 1, 2] as const).flatMap((decodes) =>
  BOTH.flatMap((backslash) =>
    BOTH.flatMap((parameters) =>
      BOTH.flatMap((overlong) =>
        BOTH.flatMap((resolves) =>
          BOTH.flatMap((merges) =>
            BOTH.map((decodesSlash) => ({ decodes, backslash, parameters, overlong, resolves, merges, decodesSlash })),
          ),
        ),
      ),
    ),
  ),
);

/** The segments that a server with these habits sees; null if it refuses. */
export function readPathAs(target: string, habits: Habits): string[] | null {
  let path = target.split('?', 1)[0]!;
  for (let i = 0; i < habits.decodes; i++) {
    path = path.replace(/%([0-9a-f]{2})/gi, (all, digits: string) =>
      digits.toLowerCase() === '2f' && !habits.decodesSlash ? all : String.fromCharCode(Number.parseInt(digits, 16)),
    );
  }
  if (habits.overlong) {
    path = path
      .replace(/[\xc0\xc1][\x80-\xbf]/g, (two) =>
        String.fromCharCode(((two.charCodeAt(0) & 1) << 6) | (two.charCodeAt(1) & 0x3f)),
      )
      .replace(/\xe0[\x80\x81][\x80-\xbf]/g, (three) =>
        String.fromCharCode(((three.charCodeAt(1) & 1) << 6) | (three.charCodeAt(2) & 0x3f)),
      )
      .replace(/\xf0\x80[\x80\x81][\x80-\xbf]/g, (four) =>
        String.fromCharCode(((four.charCodeAt(2) & 1) << 6) | (four.charCodeAt(3) & 0x3f)),
      );
  }
  if (habits.backslash) path = path.replaceAll('\\', '/');
  // Where the string ends for what is written in C.
  path = path.split('\0', 1)[0]!;
  const out: string[] = [];
  for (const part of path.slice(1).split('/')) {
    const segment = habits.parameters ? part.split(';', 1)[0]! : part;
    // "%2e" counts as a dot everywhere since RFC 3986, also where nothing else is decoded.
    const plain = habits.resolves ? segment.replace(/%2e/gi, '.') : segment;
    if (habits.resolves && plain === '.') continue;
    if (habits.resolves && plain === '..') out.pop();
    else if (segment !== '' || (!habits.merges && habits.resolves)) out.push(segment);
  }
  return out.filter((segment) => segment !== '');
}
