// The locales in the two CLDR annotation packages that cldr.ts names: a package's folder cannot be listed when it
// is imported by URL. A test compares this list with the packages.

/** The locales with names of characters, as CLDR writes them. */
export const CLDR_LOCALES: readonly string[] = (
  "af ak am ar ar-SA as ast az ba be bew bg bgn blo bn br bs ca ca-ES-valencia ccp ceb chr ckb cs " +
  "cv cy da de de-CH doi dsb el en en-001 en-AU en-CA en-GB en-IN es es-419 es-MX es-US et eu fa " +
  "ff ff-Adlm fi fil fo fr fr-CA frr ga gd gl gu ha ha-NE he hi hi-Latn hr hsb hu hy ia id ig is " +
  "it ja jv ka kab kk kk-Arab kl km kn ko kok ku ky lb lij lo lt lv mai mi mk ml mn mni mr ms mt " +
  "my ne nl nn no nso oc om or pa pa-Arab pap pcm pl ps pt pt-PT qu quc rhg rm ro ru rw sa sat sc " +
  "sd shn si sk sl so sq sr sr-Cyrl sr-Cyrl-BA sr-Latn sr-Latn-BA su sv sv-FI sw sw-KE syr ta te " +
  "tg th ti tk tn to tr tt ug uk ur uz vec vi wo xh yo yo-BJ yue yue-Hans zh zh-Hant zh-Hant-HK zu"
).split(" ");
