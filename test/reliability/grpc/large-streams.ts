/** Memory while a gRPC stream carries more than could be kept. */
import { grpcClient, grpcProxy, grpcServer, pump } from '../../support/grpc.ts';
import type { Stage } from '../../support/stage.ts';

/** Sends so many bytes both ways; returns what came back, and by how many bytes the process grew over what a smaller stream took. */
export async function growth(stage: Stage, total: number): Promise<{ readonly back: number; readonly grown: number }> {
  const server = stage.opened(await grpcServer());
  const proxy = await grpcProxy(stage, [server.port], { maxRequestBodySize: 0 });
  const client = grpcClient(stage, proxy);
  // What buffers and code need once.
  await pump(client, 16_777_216);
  const before = process.memoryUsage();
  let highest = 0;
  const watch = setInterval(() => (highest = Math.max(highest, process.memoryUsage().rss)), 5);
  try {
    const back = await pump(client, total);
    return { back, grown: highest - before.rss };
  } finally {
    clearInterval(watch);
  }
}
