// The options of every command that loads a model.

/** Which folder, and which checkpoint in it. */
export const modelOptions = {
  model: {
    type: "string",
    short: "m",
    value: "<folder>",
    default: "runs/latest",
    description: "What train --output wrote",
  },
  which: {
    type: "choice",
    choices: ["best", "last"],
    description: "Which checkpoint",
    defaultText: "best, if any",
  },
} as const;
