// A file that one process at a time holds locked. The lock is the operating system's, and dies with the process.

/** A file that is open and locked. */
export class LockedFile {
  /** `file` may be written; {@linkcode release} closes it. */
  constructor(readonly path: string, readonly file: Deno.FsFile) {}

  /** Gives up the lock, and removes the file first if told to: then nobody else can have it. */
  async release(remove: boolean): Promise<void> {
    // The folder may be another one by now, and so may the file of that name.
    if (remove && await isAt(this.path, this.file)) await Deno.remove(this.path).catch(() => {});
    this.file.close();
  }
}

/**
 * Opens and locks a file, which is created if it is missing.
 *
 * @returns `"taken"` if somebody else has locked it, `"unsupported"` if the file system knows no locks.
 */
export async function lockFile(path: string): Promise<LockedFile | "taken" | "unsupported"> {
  for (let attempt = 0; attempt < 3; attempt++) {
    const file = await Deno.open(path, { read: true, write: true, create: true });
    const locked = await file.tryLock(true).catch(() => undefined);
    // Who held the lock before may have removed the file that was opened here.
    if (locked && await isAt(path, file)) return new LockedFile(path, file);
    file.close();
    if (locked === undefined) return "unsupported";
    if (!locked) return "taken";
  }
  return "unsupported"; // it is never the file that was opened
}

async function isAt(path: string, file: Deno.FsFile): Promise<boolean> {
  const there = await Deno.stat(path).catch(() => undefined);
  return there !== undefined && there.ino === (await file.stat()).ino;
}
