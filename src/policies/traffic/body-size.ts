/** `proxy-body-size`: how large request bodies may be. */
import { parseAnnotationSize } from '../../settings/keys/traffic.ts';
import { tuningPolicy } from './tuning.ts';

/** 0: as large as they like. */
export const bodySize = tuningPolicy([
  {
    annotation: 'proxy-body-size',
    expected: 'a size such as 8192, 8k, 1m or 1g, or 0 for no limit',
    read: (text) => {
      const maxRequestBodySize = parseAnnotationSize(text);
      return maxRequestBodySize === undefined ? undefined : { maxRequestBodySize };
    },
  },
]);
