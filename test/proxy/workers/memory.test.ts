/** What the kernel's files say of memory, in both versions of cgroups. */
import { describe, expect, it } from 'vitest';
import { memoryReader, workerHeapLimit } from '../../../src/proxy/workers/memory.ts';

const MIB = 2 ** 20;
const V2 = {
  '/proc/self/cgroup': '0::/\n',
  '/sys/fs/cgroup/memory.max': `${512 * MIB}\n`,
  '/sys/fs/cgroup/memory.current': `${500 * MIB}\n`,
  '/sys/fs/cgroup/memory.stat': `anon 1\nfile 2\nshmem 4096\ninactive_file ${100 * MIB}\nactive_file ${20 * MIB}\nunevictable 0\n`,
};
const V1 = {
  '/proc/self/cgroup': '12:cpu,cpuacct:/kubepods/pod1/c1\n4:memory:/kubepods/pod1/c1\n1:name=systemd:/x\n0::/\n',
  '/sys/fs/cgroup/memory/memory.limit_in_bytes': `${256 * MIB}\n`,
  '/sys/fs/cgroup/memory/memory.usage_in_bytes': `${250 * MIB}\n`,
  '/sys/fs/cgroup/memory/memory.stat': `active_file 7\ninactive_file 7\ntotal_inactive_file ${40 * MIB}\ntotal_active_file ${10 * MIB}\n`,
};

/** A reader of these files, in a process of 100 MiB. */
function reader(files: Readonly<Record<string, string>>, setting = 0) {
  const asked: string[] = [];
  const read = memoryReader(setting, {
    readFile: (path) => {
      asked.push(path);
      const text = files[path];
      if (text === undefined) throw new Error(`ENOENT ${path}`);
      return text;
    },
    residentSize: () => 100 * MIB,
  });
  return { read, asked };
}

describe('the memory of the process', () => {
  it("is its cgroup's, without the pages of files (version 2)", () => {
    expect(reader(V2).read?.()).toEqual({ used: 380 * MIB, limit: 512 * MIB });
  });

  it("is its cgroup's, without the pages of files (version 1)", () => {
    expect(reader(V1).read?.()).toEqual({ used: 200 * MIB, limit: 256 * MIB });
  });

  it('is read where the own cgroup is, if that is not mounted as the root', () => {
    const own = Object.fromEntries(
      Object.entries(V1).map(([path, text]) => [path.replace('/memory/', '/memory/kubepods/pod1/c1/'), text]),
    );
    const root = { '/sys/fs/cgroup/memory/memory.limit_in_bytes': `${64 * MIB}` };
    expect(reader({ ...own, ...root }).read?.()).toEqual({ used: 200 * MIB, limit: 256 * MIB });
  });

  it('is not looked at more closely than needed', () => {
    const { read, asked } = reader({ ...V2, '/sys/fs/cgroup/memory.current': `${300 * MIB}` });
    expect(read?.()).toEqual({ used: 300 * MIB, limit: 512 * MIB });
    expect(asked).not.toContain('/sys/fs/cgroup/memory.stat');
  });

  it('is not watched without a limit', () => {
    expect(reader({ ...V2, '/sys/fs/cgroup/memory.max': 'max\n' }).read).toBeNull();
    expect(reader({ ...V1, '/sys/fs/cgroup/memory/memory.limit_in_bytes': '9223372036854771712\n' }).read).toBeNull();
    expect(reader({}).read).toBeNull();
  });

  it('is held to the smaller of the limit and the setting; the setting against what is resident', () => {
    expect(reader(V2, 200 * MIB).read?.()).toEqual({ used: 100 * MIB, limit: 200 * MIB });
    expect(reader(V2, 2000 * MIB).read?.()).toEqual({ used: 380 * MIB, limit: 512 * MIB });
    expect(reader({}, 200 * MIB).read?.()).toEqual({ used: 100 * MIB, limit: 200 * MIB });
  });

  it('is nothing when it cannot be read any more, or not as a number', () => {
    expect(reader({ ...V2, '/sys/fs/cgroup/memory.current': '' }).read?.().used).toBe(0);
    const gone: Record<string, string> = { ...V2 };
    const { read } = reader(gone);
    delete gone['/sys/fs/cgroup/memory.current'];
    expect(read?.()).toEqual({ used: 0, limit: 512 * MIB });
  });
});

describe('the heap of a worker', () => {
  it.each([
    [512, 256],
    [100, 64],
    [64 * 1024, 2048],
  ])('with %i MiB of memory is %i MiB', (memory, heap) => expect(workerHeapLimit(memory * MIB)).toBe(heap));
});
