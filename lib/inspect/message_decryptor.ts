/** Keys at work on the messages of a capture: those of all tables that were read. */

import type { CryptoProviders } from "../crypto/mod.ts";
import { EspDecryptor, type OpenedEsp } from "./esp_decryptor.ts";
import { IkeDecryptor, type OpenedIke } from "./ike_decryptor.ts";
import type { KeyLog } from "./key_log.ts";

/**
 * Opens IKE messages and ESP packets of SAs whose keys are at hand. A `CaptureDecoder` that is given one tells in its rows
 * what is inside.
 */
export class MessageDecryptor {
  readonly #ike: IkeDecryptor;
  readonly #esp: EspDecryptor;

  /** Takes ciphers and keys; the keys may come from several tables. */
  constructor(crypto: CryptoProviders, keys: readonly Pick<KeyLog, "ike" | "esp">[]) {
    this.#ike = new IkeDecryptor(crypto, keys.flatMap(({ ike }) => ike));
    this.#esp = new EspDecryptor(crypto, keys.flatMap(({ esp }) => esp));
  }

  /** Opens an IKE message without marker; undefined when it is not sealed, or there are no keys for it. */
  openIke(message: Uint8Array): OpenedIke | undefined {
    return this.#ike.open(message);
  }

  /** Opens an ESP packet; undefined when there are no keys for it. */
  openEsp(packet: Uint8Array): OpenedEsp | undefined {
    return this.#esp.open(packet);
  }

  /** Wipes keys as far as the runtime allows. */
  dispose(): void {
    this.#ike.dispose();
    this.#esp.dispose();
  }
}
