/** The entry of a worker thread: the data plane on one core. It never talks to Kubernetes; it gets tables and serves them. */
import { parentPort, workerData } from 'node:worker_threads';
import { ClientCounts } from '../../policies/limits/client-counts.ts';
import { HEARTBEAT, seriesLayout } from '../../observe/series.ts';
import { SeriesWriter } from '../../observe/series-writer.ts';
import { threadName } from './heartbeats.ts';
import { SAMPLE_INTERVAL } from './overload.ts';
import type { FromWorker, ToWorker, WorkerData } from './messages.ts';
import { Runtime } from './runtime.ts';

const port = parentPort;
if (port === null) throw new Error('worker.ts runs in a worker thread');

const { settings, counters, counts, ticketKeys, staples } = workerData as WorkerData;
const send = (message: FromWorker): void => port.postMessage(message);
const writer = new SeriesWriter(counters, seriesLayout(settings), (announcement) => send({ type: 'series', announcement }));
const beat = (): void => writer.add(HEARTBEAT, 1);
const runtime = new Runtime(settings, writer, {
  ticketKeys,
  counts: new ClientCounts(counts.memory, counts.held, counts.worker),
  onBug: (error, lost = 'an exchange failed; its connection was closed') =>
    send({ type: 'bug', lost, stack: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
  onDelayed: (level, delay) => send({ type: 'delayed', level, delay }),
  onProgress: beat,
  onTrouble: (what, why) => send({ type: 'trouble', what, why }),
  onProxyHeaderRefused: (client, why) =>
    send({ type: 'trouble', what: 'connections are closed for their PROXY header', why, client }),
});
runtime.staples.change(staples);
send({ type: 'started', thread: threadName() });

let due = performance.now() + SAMPLE_INTERVAL;
setInterval(() => {
  beat();
  const now = performance.now();
  runtime.tick(Math.max(now - due, 0));
  due = now + SAMPLE_INTERVAL;
}, SAMPLE_INTERVAL).unref();

port.on('message', (message: ToWorker) => {
  switch (message.type) {
    case 'patch':
      runtime.apply(message.patch);
      send({ type: 'applied', version: message.patch.version });
      return;
    case 'configure':
      runtime.configure(message.settings);
      return;
    case 'ticketKeys':
      runtime.setTicketKeys(message.keys);
      return;
    case 'staples':
      runtime.staples.change(message.changes);
      return;
    case 'listen':
      void listen(message.ports);
      return;
    case 'listenStreams':
      for (const id of message.ids)
        void runtime
          .listenStream(id)
          .catch((error: unknown) => send({ type: 'streamFailed', id, message: (error as Error).message }));
      return;
    case 'memory':
      runtime.memory(message.level);
      return;
    case 'drain':
      runtime.drain();
      return;
    case 'stop':
      void runtime.stop(message.deadline).then(() => process.exit(0));
  }
});

async function listen(ports: { http: number; https: number }): Promise<void> {
  try {
    send({ type: 'listening', ports: await runtime.listen(ports) });
  } catch (error) {
    const { message, code } = error as NodeJS.ErrnoException;
    send({ type: 'listenFailed', message, code: code ?? '' });
  }
}
