// The tests of leaks.ts, in a process of their own that checks no types: what the checker takes is given back little by little,
// which would hide what leaks.

import { testWithAdapter } from "../adapter.ts";
import { assert } from "../assert.ts";

testWithAdapter("nothing leaks: training, translating, classifying, models, devices", async () => {
  const tests = new URL("leaks.ts", import.meta.url).href;
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["test", "-A", "--no-check", "--sanitize-ops", "--sanitize-resources", tests],
    cwd: new URL("../../", import.meta.url),
    env: { NO_COLOR: "1" },
  }).output();
  const [said, more] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  assert(success && /[1-9]\d* passed/.test(said!), `${said}${more}`);
});
