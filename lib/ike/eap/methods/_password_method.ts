/** What methods have in common that prove a password and nothing else: no key comes of them (RFC 3748, sections 5.4 and 5.6). */

import type { EapMethod, EapMethodStep } from "../types.ts";

/** A method of one challenge and one answer. */
export abstract class PasswordMethod<Options> implements EapMethod {
  readonly type: number;
  readonly name: string;
  readonly safeAlone: boolean = false;
  readonly msk = null;
  complete = false;
  protected readonly options: Options;

  constructor(type: number, name: string, options: Options) {
    this.type = type;
    this.name = name;
    this.options = options;
  }

  abstract handle(data: Uint8Array, identifier: number): EapMethodStep;

  dispose(): void {}
}
