/** Two ends with established SAs, one of which can be rekeyed again and again. */

import type { CryptoProviders } from "../lib/crypto/mod.ts";
import type { ChildSaId, IkeSaId } from "../lib/ike/mod.ts";
import { IkeEnds, type Suite } from "./_ike_ends.ts";

/** Two ends with SAs, one of which is rekeyed. */
export class LiveSas {
  readonly ends: IkeEnds;
  #ikeSa: IkeSaId;
  #child: ChildSaId = 0;

  constructor(suite: Suite, crypto: CryptoProviders, count = 1) {
    // As a gateway has them: each of them with somebody else.
    this.ends = new IkeEnds({ ...suite, peers: count }, crypto);
    for (let i = 1; i < count; i++) this.ends.connect();
    this.ends.onEvent = (event, end) => {
      if (end !== "initiator") return;
      if (event.type === "child_sa_installed" && event.ikeSa === this.#ikeSa) {
        this.#child = event.childSa.child;
      }
      if (event.type === "child_sas_moved") this.#ikeSa = event.to;
    };
    this.#ikeSa = this.ends.initiator.reserve();
    this.ends.connect(this.#ikeSa);
  }

  rekeyChild(): void {
    const before = this.#child;
    this.ends.wish({ kind: "rekey_child", ikeSa: this.#ikeSa, child: before });
    if (this.#child === before) throw new Error("Cannot measure: the child SA was not rekeyed");
  }

  rekeyIke(): void {
    const before = this.#ikeSa;
    this.ends.wish({ kind: "rekey_ike", ikeSa: before });
    if (this.#ikeSa === before) throw new Error("Cannot measure: the IKE SA was not rekeyed");
  }
}
