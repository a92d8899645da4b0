/** Loopback addresses for Pods, so that several Pods can listen on the same port of one machine. */

/** Hands out the addresses 127.10.0.1 to 127.10.255.254, never the same one twice while it is held. */
export interface PodAddresses {
  /** The next free address. Throws when all are held. */
  readonly allocate: () => string;
  readonly release: (address: string) => void;
}

const HOSTS_PER_NET = 254;
const TOTAL = 256 * HOSTS_PER_NET;

/**
 * Addresses are taken in turn, as the host-local CNI plugin does, so that one just released is not the next to be handed out
 * and a client that still knows it meets a closed port rather than another Pod. `first` (0 to 65023) is where to begin:
 * two processes on one machine should begin at different places.
 */
export function createPodAddresses(first: number): PodAddresses {
  const held = new Set<string>();
  let next = ((Math.trunc(first) % TOTAL) + TOTAL) % TOTAL;
  return {
    allocate: () => {
      for (let tried = 0; tried < TOTAL; tried += 1) {
        const address = `127.10.${Math.floor(next / HOSTS_PER_NET)}.${(next % HOSTS_PER_NET) + 1}`;
        next = (next + 1) % TOTAL;
        if (!held.has(address)) {
          held.add(address);
          return address;
        }
      }
      throw new Error(`all ${TOTAL} Pod addresses of 127.10.0.0/16 are in use`);
    },
    release: (address) => {
      held.delete(address);
    },
  };
}
