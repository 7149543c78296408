/** The child SAs of a host as a tunnel has them: real keys, real ESP, and IP packets whose way through is checked. */

import { toHex } from "../../../lib/bytes/mod.ts";
import type { CryptoProviders } from "../../../lib/crypto/mod.ts";
import { EspDecryptor, EspEncryptor } from "../../../lib/esp/mod.ts";
import type { ChildSaId, ChildSaInstalled, IkePath, Selector } from "../../../lib/ike/mod.ts";
import { emitIpHeader } from "../../../lib/ip/mod.ts";
import { ChildSas } from "../../../lib/tunnel/child_sas.ts";
import type { EspTap } from "./_esp_tap.ts";
import type { SimRandom } from "./_random.ts";

/** What a datapath needs of its host. */
export interface DatapathHost {
  readonly name: string;
  readonly crypto: CryptoProviders;
  readonly random: SimRandom;
  readonly tap: EspTap;
  fail(text: string): void;
  /** A limit of a child SA was reached. */
  handleLimit(child: ChildSaId, limit: "soft" | "hard"): void;
}

/** A child SA that there is. */
interface Known {
  readonly spiOut: number;
  readonly keyOut: string;
  readonly local: readonly Selector[];
  readonly remote: readonly Selector[];
}

/** A packet that is ready to go out. */
export interface Outgoing {
  readonly child: ChildSaId;
  readonly octets: Uint8Array;
}

const UDP = 17;

/** Encrypts and decrypts for one host. */
export class Datapath {
  readonly #host: DatapathHost;
  readonly #children: ChildSas;
  readonly #encryptor: EspEncryptor;
  readonly #decryptor: EspDecryptor;
  readonly #known: Map<ChildSaId, Known> = new Map();
  /** Those that only receive. */
  readonly #late: Set<ChildSaId> = new Set();
  #serial = 0;

  constructor(host: DatapathHost) {
    this.#host = host;
    this.#children = new ChildSas({
      crypto: host.crypto,
      random: (octets) => host.random.fill(octets),
      onLimit: (child, limit) => host.handleLimit(child, limit),
    });
    const { table } = this.#children;
    this.#encryptor = new EspEncryptor({ table, now: () => 0 });
    this.#decryptor = new EspDecryptor({ table, now: () => 0 });
  }

  /** Child SAs. */
  get size(): number {
    return this.#children.size;
  }

  install(event: ChildSaInstalled, path: IkePath): void {
    const { child, inbound, outbound, local, remote } = event.childSa;
    const [keyIn, keyOut] = [toHex(inbound.encryptionKey), toHex(outbound.encryptionKey)];
    this.#known.set(child, { spiOut: outbound.spi, keyOut, local, remote });
    this.#host.tap.install(this.#host.name, child, { spi: inbound.spi, keyIn, keyOut });
    this.#children.install(event, path);
  }

  switchTo(child: ChildSaId): void {
    this.#children.sendOn(child);
  }

  /** Nothing is sent any more on a child SA; what is under way is received yet. */
  retire(child: ChildSaId): void {
    this.#known.delete(child);
    this.#late.add(child);
    this.#children.retire(child);
    this.#host.tap.retire(this.#host.name, child);
  }

  remove(child: ChildSaId): void {
    this.#known.delete(child);
    this.#late.delete(child);
    this.#children.remove(child);
    this.#host.tap.remove(this.#host.name, child);
  }

  /** All child SAs are gone without a word: the host forgets everything. */
  dispose(): void {
    for (const child of [...this.#known.keys(), ...this.#late]) this.remove(child);
  }

  /** Encrypts a packet that a child SA is for; undefined where there is no SA to send it on. Which one does is the table's choice. */
  encrypt(child: ChildSaId): Outgoing | undefined {
    const known = this.#known.get(child);
    if (known === undefined) return undefined;
    const inner = this.#packet(known);
    let sent: Uint8Array | undefined;
    this.#encryptor.handle([inner], (packets) => sent = packets[0] as Uint8Array);
    if (sent === undefined) return undefined;
    const spi = new DataView(sent.buffer, sent.byteOffset).getUint32(0);
    const carrier = [...this.#known].find(([, { spiOut }]) => spiOut === spi);
    if (carrier === undefined) {
      this.#host.fail(`a packet goes out under SPI ${spi}, which no child SA has`);
      return undefined;
    }
    this.#host.tap.sent(this.#host.name, { child: carrier[0], key: carrier[1].keyOut }, sent, inner);
    return { child: carrier[0], octets: sent };
  }

  /** Takes an ESP packet; gives the child SA that it was accepted on, or why it was not. */
  decrypt(octets: Uint8Array): ChildSaId | "refused" | "nobody" {
    const { name, tap } = this.#host;
    const { verdict, child, inner } = tap.expect(name, octets);
    let accepted: string | undefined;
    this.#decryptor.handle([octets], (packets) => accepted = toHex(packets[0] as Uint8Array));
    if (verdict === "accept" && accepted === undefined) {
      this.#host.fail(
        `a packet for child ${child} was refused: ${JSON.stringify(this.#decryptor.counters.dropped)}`,
      );
    }
    if (verdict !== "accept" && accepted !== undefined) {
      this.#host.fail(`a packet for child ${child} was accepted, and ${verdict} was expected`);
    }
    if (verdict === "accept" && accepted !== undefined && accepted !== inner) {
      this.#host.fail(`a packet for child ${child} came out as another one`);
    }
    return verdict === "accept" ? child! : verdict === "nobody" ? "nobody" : "refused";
  }

  /** An IP packet between addresses of the selectors, with a number of its own. */
  #packet({ local, remote }: Known): Uint8Array {
    const { random } = this.#host;
    const [source, destination] = [random.pick(local).start, random.pick(remote).start];
    const header = source.length === 4 ? 20 : 40;
    const packet = new Uint8Array(header + 8 + 4 + random.below(60));
    emitIpHeader(packet, { source, destination, protocol: UDP, payloadLength: packet.length - header });
    const view = new DataView(packet.buffer);
    view.setUint16(header, 1000);
    view.setUint16(header + 2, 2000);
    view.setUint16(header + 4, packet.length - header);
    view.setUint32(header + 8, this.#serial++);
    return packet;
  }
}
