/** An endpoint that does not answer a SYN, as a node that is gone. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';

export interface BlackHole {
  readonly port: number;
  readonly close: () => void;
}

/** A port where connecting hangs: its process is stopped and its accept queue full, so the kernel drops every further SYN. */
export async function blackHole(): Promise<BlackHole> {
  const script = "const s = require('net').createServer().listen(0, '127.0.0.1', 1, () => console.log(s.address().port))";
  const child: ChildProcess = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(child.stdout!, 'data')) as [Buffer];
  child.kill('SIGSTOP');
  const port = Number(line.toString());
  const fillers: net.Socket[] = [];
  const control = net.createServer().listen(0, '127.0.0.1');
  await once(control, 'listening');
  const { port: controlPort } = control.address() as net.AddressInfo;
  for (let connected = true; connected;) {
    connected = false;
    const filler = net.connect(port, '127.0.0.1');
    filler.on('connect', () => (connected = true)).on('error', () => undefined);
    fillers.push(filler);
    // When a connection that was begun later is there, this one would be too: it does not come about any more.
    const later = net.connect(controlPort, '127.0.0.1');
    await once(later, 'connect');
    later.destroy();
    await new Promise(setImmediate);
  }
  control.close();
  return {
    port,
    close: () => {
      for (const filler of fillers) filler.destroy();
      child.kill('SIGKILL');
    },
  };
}
