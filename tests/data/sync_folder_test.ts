// Flushing a folder never leads to a question about permissions.

import { syncFolder } from "../../lib/data/sync_folder.ts";
import { assertEquals } from "../assert.ts";
import { TemporaryFolder } from "./temporary_folder.ts";

Deno.test("syncFolder() does not open a folder that it may not read, for which a terminal would be asked", async () => {
  await using folder = await TemporaryFolder.make();
  const { open, permissions } = Deno;
  const { querySync } = permissions;
  const opened: string[] = [];
  Deno.open = (path, options) => {
    opened.push(String(path));
    return open(path, options);
  };
  try {
    await syncFolder(folder.path);
    Deno.permissions.querySync = () => ({ state: "prompt" }) as Deno.PermissionStatus;
    await syncFolder(folder.path);
  } finally {
    Deno.open = open;
    Deno.permissions.querySync = querySync;
  }
  assertEquals(opened, [folder.path]);
});
