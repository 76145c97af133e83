// What has come of a download so far. Beside it lies a sidecar that says which version of which file it is, so that a later
// run can go on with it, and whose lock keeps other processes away from both.

import { dirname } from "node:path";
import { type LockedFile, lockFile } from "./locked_file.ts";
import { syncFolder } from "./sync_folder.ts";

/** Which version of a file bytes belong to. */
export interface Origin {
  /** The address that was asked for. */
  readonly url: string;
  /** A strong ETag, or the date of the last change: what If-Range takes. */
  readonly validator: string;
  /** The size of the whole file in bytes. */
  readonly total: number;
}

/**
 * The beginning of a file that is being downloaded, at `<path>.part`.
 *
 * Where another process holds that one, it has a name of its own, and cannot be gone on with later.
 */
export class PartialFile {
  /** How many bytes have come. */
  size: number = 0;
  #origin: Origin | undefined;

  private constructor(
    /** Where it lies. */
    readonly path: string,
    private readonly file: Deno.FsFile,
    private readonly sidecar: LockedFile | undefined,
  ) {}

  /** Opens what an earlier run left of a download, or a new one. */
  static async open(path: string, url: URL): Promise<PartialFile> {
    const lock = await lockFile(`${path}.part.json`);
    const sidecar = typeof lock === "string" ? undefined : lock;
    const name = sidecar ? `${path}.part` : `${path}.${crypto.randomUUID()}.part`;
    let file: Deno.FsFile | undefined;
    try {
      file = await Deno.open(name, { write: true, create: true });
      const partial = new PartialFile(name, file, sidecar);
      await partial.#recall(url);
      return partial;
    } catch (error) {
      file?.close();
      await sidecar?.release(false);
      throw error;
    }
  }

  /** Which version its bytes are of, if a later request can go on behind them. */
  get origin(): Origin | undefined {
    return this.size > 0 ? this.#origin : undefined;
  }

  /** Throws the bytes away and begins with another version, of which nothing may be known. */
  async restart(origin?: Origin): Promise<void> {
    this.size = 0;
    this.#origin = this.sidecar && origin;
    await this.file.truncate(0);
    await this.file.seek(0, Deno.SeekMode.Start);
    await this.file.sync(); // old bytes must not be taken for those of the new version after a loss of power
    if (this.sidecar === undefined) return;
    const { file } = this.sidecar;
    await file.truncate(0);
    await file.seek(0, Deno.SeekMode.Start);
    if (origin) await writeAll(file, new TextEncoder().encode(JSON.stringify(origin)));
    await file.sync();
  }

  /** Adds bytes. */
  async append(bytes: Uint8Array): Promise<void> {
    await writeAll(this.file, bytes);
    this.size += bytes.length;
  }

  /** Moves the complete file to its place. */
  async moveTo(path: string): Promise<void> {
    await this.file.sync();
    await Deno.rename(this.path, path); // before the lock is given up: nobody may change the file any more
    this.file.close();
    await syncFolder(dirname(path));
    await this.sidecar?.release(true);
  }

  /** Leaves it for a later run if that can go on with it; else removes it. */
  async close(): Promise<void> {
    if (this.origin === undefined) return await this.discard();
    await this.file.sync();
    this.file.close();
    await this.sidecar?.release(false);
  }

  /** Removes it. */
  async discard(): Promise<void> {
    this.file.close();
    await Deno.remove(this.path).catch(() => {});
    await this.sidecar?.release(true);
  }

  /** Takes up the bytes of an earlier run if they are the beginning of the same file. */
  async #recall(url: URL): Promise<void> {
    const origin = this.sidecar && await readOrigin(this.sidecar.file);
    this.size = await this.file.seek(0, Deno.SeekMode.End);
    if (origin?.url === url.href && this.size <= origin.total) this.#origin = origin;
    else if (this.size > 0) await this.restart();
  }
}

async function readOrigin(file: Deno.FsFile): Promise<Origin | undefined> {
  const bytes = new Uint8Array(10_000);
  const text = new TextDecoder().decode(bytes.subarray(0, await file.read(bytes) ?? 0));
  try {
    const { url, validator, total } = JSON.parse(text);
    const isRight = typeof url === "string" && /^[\x20-\x7e]+$/.test(validator) &&
      Number.isSafeInteger(total);
    return isRight ? { url, validator, total } : undefined;
  } catch {
    return undefined; // empty, or cut short by a crash
  }
}

async function writeAll(file: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  for (let rest = bytes; rest.length > 0;) rest = rest.subarray(await file.write(rest));
}
