// Layer 2: the hashes of all kernels, and a look at them. Written by `deno task kernels`; decision 20 says why.

import activation from "../../kernels/activation.wgsl" with { type: "text" };
import addParts from "../../kernels/add_parts.wgsl" with { type: "text" };
import argmax from "../../kernels/argmax.wgsl" with { type: "text" };
import attentionSums from "../../kernels/attention_sums.wgsl" with { type: "text" };
import beamStep from "../../kernels/beam_step.wgsl" with { type: "text" };
import binaryCrossEntropy from "../../kernels/binary_cross_entropy.wgsl" with { type: "text" };
import columnSum from "../../kernels/column_sum.wgsl" with { type: "text" };
import constraints from "../../kernels/constraints.wgsl" with { type: "text" };
import copyColumns from "../../kernels/copy_columns.wgsl" with { type: "text" };
import coverage from "../../kernels/coverage.wgsl" with { type: "text" };
import coverageLoss from "../../kernels/coverage_loss.wgsl" with { type: "text" };
import coveragePenalty from "../../kernels/coverage_penalty.wgsl" with { type: "text" };
import crossEntropy from "../../kernels/cross_entropy.wgsl" with { type: "text" };
import dropout from "../../kernels/dropout.wgsl" with { type: "text" };
import embedding from "../../kernels/embedding.wgsl" with { type: "text" };
import fill from "../../kernels/fill.wgsl" with { type: "text" };
import gatherRows from "../../kernels/gather_rows.wgsl" with { type: "text" };
import gradientScale from "../../kernels/gradient_scale.wgsl" with { type: "text" };
import gradientSum from "../../kernels/gradient_sum.wgsl" with { type: "text" };
import gru from "../../kernels/gru.wgsl" with { type: "text" };
import likeliestWords from "../../kernels/likeliest_words.wgsl" with { type: "text" };
import logAdd from "../../kernels/log_add.wgsl" with { type: "text" };
import logNormalizer from "../../kernels/log_normalizer.wgsl" with { type: "text" };
import logSum from "../../kernels/log_sum.wgsl" with { type: "text" };
import lstm from "../../kernels/lstm.wgsl" with { type: "text" };
import matmul from "../../kernels/matmul.wgsl" with { type: "text" };
import maxout from "../../kernels/maxout.wgsl" with { type: "text" };
import mixture from "../../kernels/mixture.wgsl" with { type: "text" };
import movingAverage from "../../kernels/moving_average.wgsl" with { type: "text" };
import nonFinite from "../../kernels/non_finite.wgsl" with { type: "text" };
import optimizer from "../../kernels/optimizer.wgsl" with { type: "text" };
import pointer from "../../kernels/pointer.wgsl" with { type: "text" };
import sampledWords from "../../kernels/sampled_words.wgsl" with { type: "text" };
import scheduledSampling from "../../kernels/scheduled_sampling.wgsl" with { type: "text" };
import softmaxRows from "../../kernels/softmax_rows.wgsl" with { type: "text" };
import sourcePosition from "../../kernels/source_position.wgsl" with { type: "text" };
import threefry from "../../kernels/threefry.wgsl" with { type: "text" };
import { checkTexts, type HashedText } from "../gpu/text_integrity.ts";

/** Every kernel with the hash that it had when this was written. */
export const KERNELS: readonly HashedText[] = [
  ["activation.wgsl", activation, "w5ZHmDnDj9YxOuivMFOcJL5PE/kzWFP7VGI3fsc0OWU="],
  ["add_parts.wgsl", addParts, "w9JbQMj4YlQoKWZpt/y9ezYY/ldoqGwUtnNOTI8ob2I="],
  ["argmax.wgsl", argmax, "KvDcZWbHSPGvihPb71TGsj7u8mycz1qpt9Ctadz6+/k="],
  ["attention_sums.wgsl", attentionSums, "F930V8g6zRaU7HuiSqY5YxDrH7MaLDGjhhU3NNcbMEI="],
  ["beam_step.wgsl", beamStep, "oBruaNUwx7NdB9B18NoyNVuDI2R+YCkQvv3uifPKASc="],
  ["binary_cross_entropy.wgsl", binaryCrossEntropy, "CjUX2x1v92IcdlruYe+Tx+7mDk60F+rxmtZTOlEwgL4="],
  ["column_sum.wgsl", columnSum, "yu8NBqcRSvibQkOKRBRgpUwcHfBNd3Q07U1Z6UX+fqU="],
  ["constraints.wgsl", constraints, "P0BqPSqu0bVpACb0WeNQHBs1m0+uJF6PQlrv73i7rXc="],
  ["copy_columns.wgsl", copyColumns, "XGw3j3tSiukN5NSUJ1oCoIkruRxx6j0zllXSZnnp5qI="],
  ["coverage.wgsl", coverage, "XhAMZOpmA/lgWHphbOzi5biybof8OIFZ4jQirI8tu1c="],
  ["coverage_loss.wgsl", coverageLoss, "Yw0ttHgnt847iDlLYt3DPTOfGA3opGGJy2cYhVyqd+I="],
  ["coverage_penalty.wgsl", coveragePenalty, "QYY5fzLftLeEub9hbEmGT+v1Kz2q3f0Cs6zsVF7kbA8="],
  ["cross_entropy.wgsl", crossEntropy, "vr73D8lFY0Gc1Epg/KGBFe2kJu0etyt/0+Q+L+o0oBQ="],
  ["dropout.wgsl", dropout, "+zhL1f5BA61Ugoig8sj7y+aMKcrphB8GGA5GZMHfU0I="],
  ["embedding.wgsl", embedding, "H3gcRnurV20IxsOU814h9ZleEqsh4VQLlxBn7AjJqsc="],
  ["fill.wgsl", fill, "H0kMSAD+MFXoBmf1UXxzL3jPIURp5KDliCWRNRMhMDc="],
  ["gather_rows.wgsl", gatherRows, "azqsN6LmyPKzL5adeZiTqIgXckoDj7a27NfSz2qBOZg="],
  ["gradient_scale.wgsl", gradientScale, "8Ksu0rNkBNVHiPm6M09w8U/FLPFIImUMctqMkNVQgak="],
  ["gradient_sum.wgsl", gradientSum, "iEAl1QxFXDCxDNbxrF+vzhE+yZLvUc/a6EOce5IzsB4="],
  ["gru.wgsl", gru, "snd9Zsswu/DqiXabTW/LW0AUu/p8MkEhcu6n9J89FCI="],
  ["likeliest_words.wgsl", likeliestWords, "2W89dsb2SUy0FkqXhDtqt1BVaSKuc4u7w9mRdVEQY0I="],
  ["log_add.wgsl", logAdd, "DRrRCxZVRfKrRhLT+oJASVohP3IjnsXXXHFkAplo084="],
  ["log_normalizer.wgsl", logNormalizer, "2nfokQZuVyTapRw6fsbWK/jkiAWJx/Z6Ea5zorCgCuA="],
  ["log_sum.wgsl", logSum, "dmLkXh/1aoe+EgGcw/q7GUajUgUHTrhwVIKSGAnikNk="],
  ["lstm.wgsl", lstm, "3vKQklQxkOqexTkwtOQ2fUFBSyInQQqwp20pGBp3V1o="],
  ["matmul.wgsl", matmul, "By7kGl4RJuvK17A0uWVBIUNC22JSj3p8BXWla+BeG5Q="],
  ["maxout.wgsl", maxout, "4nwHtFM47zWhjjJg3FBzyHLAuojY9/xRqi6o1o5/eFQ="],
  ["mixture.wgsl", mixture, "EZSXvfyOpacOUDf7KkUERVJXIDNCiHvdmwwcWtAl8+E="],
  ["moving_average.wgsl", movingAverage, "OcWl/EfOKVvtTpdyOLSOWt+6SrskNuo8RwjBSoV1v6M="],
  ["non_finite.wgsl", nonFinite, "97Q8lNgYyiJ89FrukI5F7EdVUzYOafCxDem8dV2/RSQ="],
  ["optimizer.wgsl", optimizer, "Bi0N2ugNq+cA+D2S7MLwme3EFMNMq4/aTdba91VPxio="],
  ["pointer.wgsl", pointer, "JjCAlqVBXXIsmS3twNktp++wgVz7jjNXZATBbcdV2zs="],
  ["sampled_words.wgsl", sampledWords, "Nj8/fZXy4dwl0dEcKckj4jaP19Ft/vgdj7PiGMMSSqY="],
  ["scheduled_sampling.wgsl", scheduledSampling, "WSG1Wws3uHYrtTUTDTcV2EmJrXwK0E/pNmIXdLsBzfc="],
  ["softmax_rows.wgsl", softmaxRows, "ibizDXJsgRbqbq75OZzie0rWOFOuRbeZvtIfLhpboL4="],
  ["source_position.wgsl", sourcePosition, "/OSirJlOdJFq4hSiC2bK5xhGPR2v/6hrvRkSAHolSZY="],
  ["threefry.wgsl", threefry, "8mcQfDOECGqDuqlr5CyjSLFe7+o8VZApBF9IIuZCHA0="],
];

checkTexts(new URL("../../kernels/", import.meta.url), KERNELS);
