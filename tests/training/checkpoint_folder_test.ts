// When checkpoints are saved, which stay, which one counts, and what happens when a disk is full or a folder gone.

import type { Device } from "../../lib/gpu/device.ts";
import { loadCheckpoint } from "../../lib/training/checkpoint.ts";
import type { TrainOptions } from "../../lib/training/options.ts";
import { train } from "../../lib/training/trainer.ts";
import { testWithDevice } from "../adapter.ts";
import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes } from "../assert.ts";
import { TemporaryFolder } from "../data/temporary_folder.ts";
import { tinyModel, tinyPairs } from "./tiny.ts";

const pairs = tinyPairs(40);
const common: TrainOptions = { batch: 10, epochs: 4 };

async function trained(device: Device, options: TrainOptions, each: (step: number) => unknown = () => {}) {
  const model = tinyModel(device);
  try {
    for await (const { step } of train(model, pairs, { ...common, ...options })) await each(step);
  } finally {
    model.close();
  }
}

const checkpoints = async (folder: TemporaryFolder) =>
  (await folder.files()).filter((name) => name.endsWith(".safetensors"));
const file = (step: number) => `step-${String(step).padStart(8, "0")}.safetensors`;

/** Whether this process may mount a small file system. */
const mounts = await (async () => {
  await using folder = await TemporaryFolder.make();
  return await mount(folder.path, "1m") && await run("umount", folder.path);
})();

async function run(command: string, ...args: string[]): Promise<boolean> {
  try {
    return (await new Deno.Command(command, { args, stdout: "null", stderr: "null" }).output()).success;
  } catch {
    return false;
  }
}

async function mount(path: string, size: string): Promise<boolean> {
  return await run("mount", "-t", "tmpfs", "-o", `size=${size}`, "none", path);
}

/** Registers a test on a file system of that size; it is skipped where none can be mounted. */
function testOnDisk(
  name: string,
  size: string,
  test: (device: Device, folder: string) => Promise<void>,
): void {
  if (!mounts) {
    return Deno.test({ name: `${name} [skipped: mounting is not permitted]`, ignore: true, fn() {} });
  }
  testWithDevice(name, async (device) => {
    await using folder = await TemporaryFolder.make();
    assert(await mount(folder.path, size));
    try {
      await test(device, folder.path);
    } finally {
      assert(await run("umount", folder.path));
    }
  });
}

testWithDevice(
  "train() saves after its first report, when asked, and at the end; two checkpoints stay",
  async (device) => {
    await using folder = await TemporaryFolder.make();
    const seen: string[][] = [];
    let asked = false;
    await trained(device, { folder: folder.path, saveNow: () => asked && !(asked = false) }, async (step) => {
      seen.push(await checkpoints(folder));
      asked = step === 8;
    });
    const last = await checkpoints(folder);
    assertEquals(seen.slice(0, 2), [[], [file(2)]]);
    assert(!last.includes(file(2)), "the oldest is still there");
    assertEquals(last.length, 2);
    assertEquals(last[0], file(8));
  },
);

testWithDevice("train() keeps as many checkpoints as it is told, and saves as often", async (device) => {
  await using folder = await TemporaryFolder.make();
  const steps: number[] = [];
  await trained(device, { folder: folder.path, saveEvery: 0, checkpoints: 3 }, (step) => steps.push(step));
  assert(steps.length > 3);
  assertEquals(await checkpoints(folder), steps.slice(-3).map(file));
  const options = [{ checkpoints: 0 }, { saveEvery: -1 }, { saveEvery: NaN }];
  for (const wrong of options) {
    const [name, value] = Object.entries(wrong)[0]!;
    await assertRejects(
      () => trained(device, wrong),
      RangeError,
      `Cannot train with ${name} ${value}: it must be`,
    );
  }
});

testWithDevice(
  "train() saves every half minute, and less often where that costs more than 2 %",
  async (device) => {
    const { now } = performance;
    for (const [cost, reports] of [[0, 3], [0.5, 3], [2, 10]] as const) {
      await using folder = await TemporaryFolder.make();
      let milliseconds = 0; // a report comes ten seconds after the last one
      const saveNow = () => (milliseconds += 10_000) < 0;
      const beforeFirstSave = () => Promise.resolve(void (milliseconds += 1000 * cost));
      const steps: number[] = [];
      const options = { folder: folder.path, epochs: 12, checkpoints: 100, saveNow, beforeFirstSave };
      performance.now = () => milliseconds;
      try {
        await trained(device, options, (step) => steps.push(step));
      } finally {
        performance.now = now;
      }
      assertEquals(
        (await checkpoints(folder)).slice(0, 2),
        [file(steps[0]!), file(steps[reports]!)],
        `${cost} s`,
      );
    }
  },
);

testWithDevice(
  "the newest checkpoint that is whole counts, whatever is wrong with newer ones",
  async (device) => {
    await using folder = await TemporaryFolder.make();
    await trained(device, { folder: folder.path, saveEvery: 0, checkpoints: 3 });
    const [good, middle, newest] = await checkpoints(folder) as [string, string, string];
    const bytes = await Deno.readFile(folder.at(newest));
    await folder.write(middle, (await Deno.readFile(folder.at(middle))).slice(0, -7));
    await folder.write("step-99999999.safetensors.1b671a64-40d5-491e-99b0-da01ff1f3341.tmp", "half");
    for (const place of [8 + 60, bytes.length - 9, bytes.length >> 1]) { // a bit of the header, and some of the numbers
      const spoilt = bytes.slice();
      spoilt[place]! ^= 4;
      await folder.write(newest, spoilt);
      const { model, state, passedOver } = await loadCheckpoint(device, folder.path);
      assertEquals(file(state!.position.step), good);
      assertEquals(passedOver.length, 2);
      assertStringIncludes(passedOver[0]!, `"${folder.path}/${newest}"`);
      assertStringIncludes(passedOver[1]!, `"${folder.path}/${middle}"`);
      model.close();
    }
    const { model, state } = await loadCheckpoint(device, folder.path);
    for await (const _ of train(model, pairs, { ...common, folder: folder.path, resume: state! }));
    model.close();
    assertEquals((await loadCheckpoint(device, folder.path)).passedOver, []);
    assertEquals((await folder.files()).filter((name) => name.endsWith(".tmp")), []);
  },
);

testWithDevice("a run takes a folder over at once: an earlier one is whole, or gone", async (device) => {
  await using folder = await TemporaryFolder.make();
  const valid = pairs.slice(0, 4);
  await trained(device, { folder: folder.path, keep: 2, valid, samples: 0 });
  const earlier = await checkpoints(folder);
  assertEquals(earlier.length, 5);
  let found: string[] = [];
  const beforeFirstSave = async () => void (found = await folder.files());
  await trained(device, { folder: folder.path, maxSteps: 2, beforeFirstSave });
  assertEquals(found.filter((name) => name.endsWith(".safetensors")), []);
  assert(
    found.some((name) => name.startsWith(file(2)) && name.endsWith(".tmp")),
    "the new one does not lie ready",
  );
  assertEquals(await checkpoints(folder), [file(2)]);
});

testWithDevice(
  "a run that fails before its first report leaves an earlier one's folder alone",
  async (device) => {
    await using folder = await TemporaryFolder.make();
    await trained(device, { folder: folder.path });
    await folder.write("test.tsv", "a\tb\n");
    const before = await folder.files();
    const model = tinyModel(device);
    const { inputs } = model;
    let steps = 0;
    model.inputs = function (batch) {
      if (steps++ === 1) throw new Error("after the first step");
      return inputs.call(this, batch);
    };
    const training = train(model, pairs, { ...common, folder: folder.path });
    await assertRejects(() => training.next(), Error, "after the first step");
    model.close();
    assertEquals(await folder.files(), before);
  },
);

testWithDevice(
  "one training at a time has a folder; another is refused, and touches nothing",
  async (device) => {
    await using folder = await TemporaryFolder.make();
    await trained(device, { folder: folder.path, maxSteps: 4 });
    const { model, state } = await loadCheckpoint(device, folder.path);
    const begun = { ...common, folder: folder.path, saveEvery: 0, resume: state! };
    const first = train(model, pairs, begun);
    for (let reports = 0; reports < 2; reports++) await first.next(); // the first checkpoint lies on disk
    const before = await Promise.all((await folder.files()).map((name) => Deno.stat(folder.at(name))));
    for (const resume of [{}, { resume: state! }]) {
      await assertRejects(
        () => trained(device, { folder: folder.path, ...resume }),
        Error,
        `in "${folder.path}": another training saves into that folder; wait until it is over, or train into another one.`,
      );
    }
    const after = await Promise.all((await folder.files()).map((name) => Deno.stat(folder.at(name))));
    assertEquals(after.map(({ ino, mtime }) => [ino, mtime]), before.map(({ ino, mtime }) => [ino, mtime]));
    await first.return();
    model.close();
    await folder.write("run.lock", ""); // as a process that was killed leaves it
    await trained(device, { folder: folder.path });
    assert(!(await folder.files()).includes("run.lock"), "the lock is still there");
  },
);

testWithDevice("train() refuses a place that is no folder at its first report", async (device) => {
  await using folder = await TemporaryFolder.make();
  const path = `${await folder.write("file", "")}/below`;
  let reports = 0;
  const message = `Cannot save the checkpoint of step 2 in "${path}": `;
  await assertRejects(() => trained(device, { folder: path }, () => reports++), Error, message);
  assertEquals(reports, 1);
});

testWithDevice(
  "train() goes on when its folder is deleted, and says so, in the end with an error",
  async (device) => {
    await using folder = await TemporaryFolder.make();
    const path = folder.at("run");
    const told: string[] = [];
    let steps = 0;
    const options = {
      folder: path,
      saveEvery: 0,
      onSaveFailed: ({ message }: Error) => void told.push(message),
    };
    const error = await assertRejects(() =>
      trained(device, options, async (step) => {
        if (steps > 0 && steps < 6) await Deno.remove(path, { recursive: true }).catch(() => {});
        steps = step;
      }), Error);
    assert(told.length > 1 && steps > 10, `${told.length} times until step ${steps}`);
    for (const message of [error.message, ...told]) {
      assertMatch(
        message,
        /^Cannot save the checkpoint of step \d+ in ".*run": the folder is gone\. There is no earlier one/,
      );
    }
  },
);

testWithDevice(
  "older checkpoints that cannot be removed stay, are told of, and end no run",
  async (device) => {
    await using folder = await TemporaryFolder.make();
    const { remove } = Deno;
    const told: [string, boolean][] = [];
    const onSaveFailed = ({ message }: Error, goesOn: boolean) => void told.push([message, goesOn]);
    Deno.remove = (path, options) =>
      String(path).endsWith(".safetensors")
        ? Promise.reject(new Error("Not permitted"))
        : remove(path, options);
    const options = { folder: folder.path, saveEvery: 0, keep: 1, onSaveFailed };
    try {
      await trained(device, options);
    } finally {
      Deno.remove = remove;
    }
    const message = `Cannot remove older checkpoints from "${folder.path}": Not permitted. They stay.`;
    assertEquals(new Set(told.map(([message]) => message)), new Set([message]));
    assertEquals([told.at(0)![1], told.at(-1)![1]], [true, false]);
    assert((await checkpoints(folder)).length > 4);
    const { model, state } = await loadCheckpoint(device, folder.path);
    for await (const _ of train(model, pairs, { ...common, ...options, epochs: 5, resume: state! }));
    model.close();
    assertEquals((await checkpoints(folder)).filter((name) => !name.startsWith("step-")), [
      "epoch-5.safetensors",
    ]);
    assertEquals((await checkpoints(folder)).length, 3);
  },
);

testWithDevice("with fewer epochs to keep, those of before go too", async (device) => {
  await using folder = await TemporaryFolder.make();
  await trained(device, { folder: folder.path, keep: 3 });
  const { model, state } = await loadCheckpoint(device, folder.path);
  const options = { ...common, folder: folder.path, epochs: 5, keep: 1, resume: state! };
  for await (const _ of train(model, pairs, options));
  model.close();
  assertEquals((await checkpoints(folder)).filter((name) => !name.startsWith("step-")), [
    "epoch-5.safetensors",
  ]);
});

testOnDisk(
  "a full disk costs a checkpoint, not the run; the one before stays",
  "1m",
  async (device, folder) => {
    const told: string[] = [];
    const seen = new Map<number, string[]>();
    const options = { folder, saveEvery: 0, onSaveFailed: ({ message }: Error) => void told.push(message) };
    await trained(device, options, async (step) => {
      seen.set(
        step,
        [...Deno.readDirSync(folder)].map(({ name }) => name).filter((name) => name.startsWith("step-")),
      );
      if (step === 4) await fill(`${folder}/ballast`);
      if (step === 12) await Deno.remove(`${folder}/ballast`);
    });
    assertEquals(told.length, 2); // after steps 4 and 8
    const expected = new RegExp(
      `^Cannot save the checkpoint of step 4 in "${folder}": .*[Nn]o space.*\\. The one of step 2 is kept\\.`,
    );
    assertMatch(told[0]!, expected);
    assertEquals(seen.get(12), [file(2)]);
    const { model, state, passedOver } = await loadCheckpoint(device, folder);
    assertEquals([state!.position.epoch, passedOver], [4, []]);
    model.close();
  },
);

testOnDisk(
  "a disk that stays full ends a run with an error, and the checkpoint before",
  "1m",
  async (device, folder) => {
    const message = `in "${folder}": `;
    const run = () =>
      trained(device, { folder }, async (step) => step === 4 && await fill(`${folder}/ballast`));
    const error = await assertRejects(run, Error, message);
    assertStringIncludes(error.message, "The one of step 2 is kept.");
    const { model, state } = await loadCheckpoint(device, folder);
    assertEquals(state!.position.step, 2);
    assertEquals([...Deno.readDirSync(folder)].filter(({ name }) => name.endsWith(".tmp")), []);
    model.close();
  },
);

testOnDisk("a disk that is full from the start leaves an earlier run whole", "1m", async (device, folder) => {
  await trained(device, { folder, maxSteps: 4 });
  await fill(`${folder}/ballast`);
  await assertRejects(() => trained(device, { folder }), Error, "Cannot save the checkpoint of step 2");
  const { model, state } = await loadCheckpoint(device, folder);
  assertEquals(state!.position.step, 4);
  model.close();
});

testOnDisk("a folder that cannot be written is told at the first report", "1m", async (device, folder) => {
  await trained(device, { folder, maxSteps: 4 });
  assert(await run("mount", "-o", "remount,ro", folder));
  const error = await assertRejects(
    () => trained(device, { folder }),
    Error,
    "Cannot save the checkpoint of step 2",
  );
  assertMatch(error.message, /[Rr]ead-only/);
  const { model, state } = await loadCheckpoint(device, folder);
  assertEquals(state!.position.step, 4);
  model.close();
});

/** Fills a disk to its last byte. */
async function fill(path: string): Promise<void> {
  using file = await Deno.open(path, { write: true, create: true });
  for (const size of [65536, 4096, 1]) {
    try {
      while (await file.write(new Uint8Array(size)) > 0);
    } catch { /* it is full */ }
  }
}
