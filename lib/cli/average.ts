// attend average: several checkpoints of a model made one.

import { averageCheckpoints } from "../training/average_checkpoints.ts";
import { type Command, defineCommand } from "./command.ts";
import { ExitCode } from "./exit_code.ts";

/** `attend average` */
export const command: Command = defineCommand({
  name: "average",
  summary: "Average the weights of checkpoints of one model",
  description:
    "Writes a model folder with the mean of the weights, which translate and evaluate take. train --keep leaves the " +
    "weights of the last epochs.",
  examples: [
    {
      description: "The last three epochs",
      args: "-o runs/averaged runs/names/epoch-8.safetensors runs/names/epoch-9.safetensors " +
        "runs/names/epoch-10.safetensors",
    },
    { description: "The best weights of two folders", args: "-o runs/averaged runs/names runs/longer" },
  ],
  positional: {
    name: "checkpoint",
    description: "A model folder, or a .safetensors file in one",
    many: true,
    required: true,
  },
  options: {
    output: {
      type: "string",
      short: "o",
      value: "<folder>",
      default: "runs/averaged",
      description: "Where the averaged model goes",
    },
  },
  async run(values, { output, positional }) {
    await averageCheckpoints(positional, values.output);
    output.record({ type: "average", checkpoints: positional, folder: values.output });
    output.line(`averaged ${positional.length} checkpoints; the model is in ${values.output}`);
    return ExitCode.ok;
  },
});
