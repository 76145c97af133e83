// A folder that is gone when the test is over, with a short way to put files into it.

import { join } from "node:path";

/** A folder for one test: `await using folder = await TemporaryFolder.make()`. */
export class TemporaryFolder implements AsyncDisposable {
  private constructor(readonly path: string) {}

  static async make(): Promise<TemporaryFolder> {
    return new TemporaryFolder(await Deno.makeTempDir({ prefix: "attend_test_" }));
  }

  /** Writes a file and returns its path. */
  async write(name: string, content: string | Uint8Array): Promise<string> {
    const path = this.at(name);
    await Deno.writeFile(path, typeof content === "string" ? new TextEncoder().encode(content) : content);
    return path;
  }

  /** Returns a path in the folder. */
  at(name: string): string {
    return join(this.path, name);
  }

  /** Returns the paths of all files, relative to the folder and sorted. */
  async files(): Promise<string[]> {
    const found: string[] = [];
    const walk = async (below: string): Promise<void> => {
      for await (const entry of Deno.readDir(this.at(below))) {
        const name = join(below, entry.name);
        if (entry.isDirectory) await walk(name);
        else found.push(name);
      }
    };
    await walk(".");
    return found.sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}
