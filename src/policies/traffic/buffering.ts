/** `proxy-request-buffering`, `proxy-buffering` and the sizes of their buffers. */
import { MAX_BUFFER, OFF_ON, parseAnnotationSize, RESPONSE_HEAD_SIZE } from '../../settings/keys/traffic.ts';
import type { TrafficTuning } from '../../model/policies.ts';
import { tuningPolicy, wholeNumber, type Tuned } from './tuning.ts';

function size(annotation: string, set: (size: number) => TrafficTuning): Tuned {
  const read = (text: string): TrafficTuning | undefined => {
    const value = parseAnnotationSize(text);
    return value === undefined ? undefined : set(value);
  };
  return { annotation, expected: 'a size such as 8192, 8k or 1m', read };
}

function onOff(annotation: string, set: (value: boolean) => TrafficTuning): Tuned {
  const read = (text: string): TrafficTuning | undefined => {
    const value = OFF_ON.parse(text);
    return value === undefined ? undefined : set(value);
  };
  return { annotation, expected: OFF_ON.expected, read };
}

/** Sizes are bounded as those of the ConfigMap are. */
export const buffering = tuningPolicy([
  onOff('proxy-request-buffering', (requestBuffering) => ({ requestBuffering })),
  size('client-body-buffer-size', (value) => ({ requestBufferSize: Math.min(value, MAX_BUFFER) })),
  onOff('proxy-buffering', (responseBuffering) => ({ responseBuffering })),
  {
    annotation: 'proxy-buffers-number',
    expected: 'a whole number from 1',
    read: (text) => {
      const responseBuffers = wholeNumber(text, 1);
      return responseBuffers === undefined ? undefined : { responseBuffers };
    },
  },
  size('proxy-buffer-size', (value) => ({
    maxResponseHeadSize: Math.min(Math.max(RESPONSE_HEAD_SIZE, value), MAX_BUFFER),
    responseBufferSize: Math.min(value, MAX_BUFFER),
  })),
  // What is read is sent at once: nothing is held back that this could bound.
  size('proxy-busy-buffers-size', () => ({})),
  size('proxy-max-temp-file-size', (maxResponseTempFile) => ({ maxResponseTempFile })),
]);
