/** The version that the program tells. A test holds it against both manifests, which a published package need not have. */

/** As in `package.json` and `deno.json`. */
export const VERSION = "0.1.0";
