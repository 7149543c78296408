/** Small tools for octets that every room may use. */
export * from "./byte_writer.ts";
export * from "./concat.ts";
export * from "./hex.ts";
export * from "./integers.ts";
export * from "./view.ts";
