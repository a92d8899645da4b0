/** TCP and UDP services of the model. */
import { groupId, streamId, type Stream, type StreamProtocol } from '../../src/model/table.ts';

/** A stream of the Service `app`, or another, in the namespace `default`. */
export function stream(
  protocol: StreamProtocol,
  port: number,
  { service = 'app', ...changes }: Partial<Pick<Stream, 'decodeProxy' | 'encodeProxy'>> & { readonly service?: string } = {},
): Stream {
  return {
    id: streamId(protocol, port),
    protocol,
    port,
    group: groupId('default', service, '80'),
    decodeProxy: false,
    encodeProxy: false,
    ...changes,
  };
}
