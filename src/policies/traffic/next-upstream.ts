/** `proxy-next-upstream`, `-tries` and `-timeout`: when a request is sent to another endpoint. */
import { NEXT_UPSTREAM } from '../../settings/keys/traffic.ts';
import { MAX_SECONDS } from './timeouts.ts';
import { tuningPolicy, wholeNumber } from './tuning.ts';

export const nextUpstream = tuningPolicy([
  {
    annotation: 'proxy-next-upstream',
    expected: NEXT_UPSTREAM.expected,
    read: (text) => {
      const words = NEXT_UPSTREAM.parse(text);
      return words === undefined ? undefined : { nextUpstream: words };
    },
  },
  {
    annotation: 'proxy-next-upstream-tries',
    expected: 'a whole number from 0',
    read: (text) => {
      const upstreamTries = wholeNumber(text, 0);
      return upstreamTries === undefined ? undefined : { upstreamTries };
    },
  },
  {
    annotation: 'proxy-next-upstream-timeout',
    expected: `a whole number of seconds from 0 to ${MAX_SECONDS}, without a unit`,
    read: (text) => {
      const seconds = wholeNumber(text, 0, MAX_SECONDS);
      return seconds === undefined ? undefined : { upstreamTriesTimeout: seconds * 1000 };
    },
  },
]);
