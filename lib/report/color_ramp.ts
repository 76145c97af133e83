// The colours of a heat map: one hue from near white to dark blue, even to the eye.

/**
 * Gives the colour of a value on a ramp of a single hue.
 *
 * Lightness falls in equal steps of OKLab (Ottosson 2020), in which equal steps look equal, so twice the value
 * looks twice as dark; it needs no colour vision to be read.
 *
 * @param value From 0, near white, to 1, dark blue.
 * @returns A colour such as `#f4f8ff`.
 */
export function rampColor(value: number): string {
  const lightness = 0.98 - 0.66 * value;
  // Neither white nor a dark blue can be as vivid as what lies between.
  const chroma = 0.012 + 0.13 * Math.sin(Math.PI * Math.min(value, 1) ** 0.9 * 0.72);
  const hue = 256 * Math.PI / 180;
  return oklabToHex(lightness, chroma * Math.cos(hue), chroma * Math.sin(hue));
}

/**
 * Gives the colour in which text can be read on that of `rampColor()`.
 *
 * @param value From 0 to 1.
 * @returns A dark or a light colour.
 */
export function textColorOn(value: number): string {
  return value > 0.57 ? "#ffffff" : "#1f2328";
}

function oklabToHex(lightness: number, a: number, b: number): string {
  const long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const short = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  const linear = [
    4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
    -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
    -0.0041960863 * long - 0.7034186147 * medium + 1.707614701 * short,
  ];
  return "#" + linear.map((channel) => toByte(channel).toString(16).padStart(2, "0")).join("");
}

/** Applies the transfer curve of sRGB. */
function toByte(linear: number): number {
  const value = Math.min(Math.max(linear, 0), 1);
  const encoded = value <= 0.0031308 ? 12.92 * value : 1.055 * value ** (1 / 2.4) - 0.055;
  return Math.round(encoded * 255);
}
